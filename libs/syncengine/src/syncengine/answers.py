"""What a person says becomes rows: each answer changes our books only so far that a look, a list or an order read still
has to agree before anything is increased or listed (rules K4, N3, Q4, C4, C5).

Each of these runs in a transaction that holds the connection's row, and refuses what is no longer so.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.alike import lines_alike, look_alikes
from syncengine.booking import tell_linked_lines
from syncengine.drift import groups_in_conflict
from syncengine.events import RECOUNT
from syncengine.held import hold_items, holding_lines
from syncengine.linking import let_go, named_as_its
from syncengine.listing import Item, ListingId, LotId, SellerId, Value
from syncengine.marketplace import Create, Facts
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ITEM, ListingRow, Trouble
from syncengine.rows.order import LineRow
from syncengine.saving import save_rows
from syncengine.settings import Settings
from syncengine.settle import wants_look
from syncengine.store.protocol import Transaction

UNLISTED = frozenset({Trouble.LOOK_ALIKE, Trouble.CREATE_UNEXPLAINED, Trouble.GONE_UNEXPLAINED, Trouble.LEFT_OUT})
"""Troubles of a lot that has no listing."""
MAY_BE_LINKED = frozenset({Trouble.LOOK_ALIKE, Trouble.CREATE_UNEXPLAINED})
"""Troubles of a lot that a listing of the shop may stand for."""


class ChangedSinceError(Exception):
    """It is no longer as the person saw it: they must look, and decide, again."""

    def __init__(self, said: str = "It is no longer as you saw it; read it again.") -> None:
        super().__init__(said)


class CallUnderWayError(Exception):
    """A call is under way, or its outcome is looked for, on which this would depend: it may be said again later."""

    def __init__(self) -> None:
        super().__init__("A listing of this item is being made, and looked for; answer again when that is settled.")


class WrongLotError(Exception):
    """This lot cannot be the one."""


def number_settled(row: ListingRow, difference: int, now: datetime, *, awaited_revision: int = 0) -> ListingRow:
    """Take what no order explains as done by somebody in the shop: the ledger follows by the difference (rule Q1).

    It is no number but a difference, so what was sold or sent since stays in the books; a look must agree before
    anything is sent. Whether the shop is then set to the lot, or the lot was changed by as much, the target says:
    `awaited_revision` is the lot's after such a change.

    Raises:
        ChangedSinceError: the difference is another by now.
    """
    if row.ledger is None or row.unexplained != difference:
        raise ChangedSinceError
    settled = replace(row, ledger=row.ledger + difference, trouble=None, theirs=None, unexplained=0, observed=None)
    settled = replace(settled, awaited_revision=max(row.awaited_revision, awaited_revision), not_before=None)
    return wants_look(settled, now)


async def listing_named(
    tx: Transaction,
    connection: ConnectionRow,
    row: ListingRow,
    listing_id: ListingId,
    facts: Facts,
    settings: Settings,
    now: datetime,
) -> None:
    """Link a lot to a listing that looks like it: a look reads it first, and its orders go out as recount (S1, N3).

    We do not count it as made by us: each of its orders counts by its date (rule C3).

    Raises:
        ChangedSinceError: it no longer looks like the lot, or has an owner by now.
        CallUnderWayError: it may be the listing of a create whose outcome is unknown.
    """
    unowned = {kept.listing.listing_id for kept in await tx.unowned(row.seller_id, row.desired.item)}
    if listing_id not in unowned | {line.listing_id for line in await lines_alike(tx, row)}:
        raise ChangedSinceError
    await _expect_no_create(tx, row.seller_id, row.desired.item)
    await tx.add_listing_ids(row.seller_id, [(listing_id, row.lot_id)])
    row = wants_look(named_as_its(row, listing_id, now + settings.lag_window), now)
    told = await tell_linked_lines(tx, [row], {listing_id: row.lot_id}, RECOUNT, facts, now)
    await save_rows(tx, connection, list(told.values()), facts, now)
    await let_go(tx, row.seller_id, [row], facts, now)


async def listed_anew(
    tx: Transaction, row: ListingRow, seen: Collection[ListingId], facts: Facts, now: datetime
) -> ListingRow:
    """Let a lot without a listing be listed: after a fresh order read and, unless listings merely look like it, after
    a fresh list, in which what looks like it asks again (rules N4, Q4).

    `seen`: the listings that the person says are not it.

    Raises:
        ChangedSinceError: there are others that look like it.
    """
    alike = await look_alikes(tx, row, facts)
    if not set(alike) <= set(seen):
        raise ChangedSinceError
    strangers = tuple(sorted({*row.strangers, *alike}))
    needs_list = row.trouble is not Trouble.LOOK_ALIKE
    row = replace(row, trouble=None, theirs=None, strangers=strangers, not_before=None)
    return replace(row, orders_after=now, list_after=now if needs_list else row.list_after)


def left_out(row: ListingRow) -> ListingRow:
    """Keep a lot out of this shop until a person says otherwise."""
    return replace(row, trouble=Trouble.LEFT_OUT, theirs=None)


def ours_kept(row: ListingRow, field: str, theirs: Value, facts: Facts) -> ListingRow:
    """End a conflict: what is wanted is due again, and counts as never sent in this revision (rules F2, F3).

    Raises:
        ChangedSinceError: the shop shows something else by now, or there is no conflict any more.
    """
    conflict = row.conflicts.get(field)
    if conflict is None or conflict.theirs != theirs:
        raise ChangedSinceError
    groups = groups_in_conflict(replace(row, conflicts={field: conflict}), facts) if field != ITEM else frozenset()
    applied = {group: counts for group, counts in row.applied.items() if group not in groups}
    conflicts = {name: other for name, other in row.conflicts.items() if name != field}
    return replace(row, conflicts=conflicts, applied=applied, not_before=_soon(row))


def tried_again(row: ListingRow, reason: str = "") -> ListingRow:
    """Take what was parked, for this reason if one is given, as if nothing of it had been tried in this revision."""
    freed = {group for group, parked in row.parked.items() if reason in ("", parked.reason)}
    return replace(
        row,
        parked={group: parked for group, parked in row.parked.items() if group not in freed},
        applied={group: counts for group, counts in row.applied.items() if group not in freed},
        apart_at=0,
        not_before=_soon(row),
    )


def _soon(row: ListingRow) -> datetime | None:
    """A pause before a look is kept: it says when looking makes sense (rule K1)."""
    return row.not_before if row.look_since is not None or row.intent_id is not None else None


async def lines_assigned(
    tx: Transaction, connection: ConnectionRow, listing_id: ListingId, lot_id: LotId, facts: Facts, now: datetime
) -> int:
    """Tell the lines of a listing that nobody knew as a lot's; say how many. Whether they count, their date says (C3).

    Raises:
        ChangedSinceError: no line of this listing waits any more.
        WrongLotError: there is no such lot, or it is of another item.
        CallUnderWayError: the listing may be that of a create whose outcome is unknown.
    """
    lines = await _waiting_lines(tx, connection, listing_id)
    row = await tx.find_listing(lot_id)
    if row is None or row.seller_id != connection.seller_id:
        raise WrongLotError("is no lot that this shop knows")
    item = lines[0].item
    if item not in (row.desired.item, row.listed_item):
        raise WrongLotError("must be a lot of the same item, colour, condition and completeness")
    await _expect_no_create(tx, connection.seller_id, item)
    await tx.add_listing_ids(connection.seller_id, [(listing_id, lot_id)])
    told = await tell_linked_lines(tx, [row], {listing_id: lot_id}, RECOUNT, facts, now)
    await save_rows(tx, connection, list(told.values()), facts, now)
    await hold_items(tx, connection.seller_id, facts, now)
    return len(lines)


async def lines_set_aside(
    tx: Transaction, connection: ConnectionRow, listing_id: ListingId, facts: Facts, now: datetime
) -> int:
    """Let the lines of a listing that is no lot's hold nothing back; say how many. Raises ChangedSinceError."""
    lines = await _waiting_lines(tx, connection, listing_id)
    await tx.save_lines([replace(line, unowned=True) for line in lines])
    await hold_items(tx, connection.seller_id, facts, now)
    return len(lines)


def alarm_answered(connection: ConnectionRow, alarm: str, missing: int, *, shop_is_right: bool) -> ConnectionRow:
    """Have the shop read again at once; what a person vouched for holds for a list that lacks no more (rule C5).

    Raises:
        ChangedSinceError: it is another alarm by now.
    """
    if not alarm or (connection.census_alarm, connection.census_missing) != (alarm, missing):
        raise ChangedSinceError
    connection = replace(connection, census_alarm="", census_at=None)  # that list was not believed
    return replace(connection, alarm_answered=alarm, missing_answered=missing) if shop_is_right else connection


async def _waiting_lines(tx: Transaction, connection: ConnectionRow, listing_id: ListingId) -> Sequence[LineRow]:
    holding = holding_lines(await tx.ownerless_lines(connection.seller_id), connection)
    lines = [line for line in holding if line.listing_id == listing_id]
    if not lines:
        raise ChangedSinceError
    return lines


async def _expect_no_create(tx: Transaction, seller_id: SellerId, item: Item) -> None:
    for intent in await tx.open_intents(seller_id):
        if isinstance(intent.write, Create) and intent.write.item == item:
            raise CallUnderWayError  # rule N3: its listing is being looked for
