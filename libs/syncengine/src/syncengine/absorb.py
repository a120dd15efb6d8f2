"""Taking in what other services say: desired state, answers, connections. No call is made here (design, section 5).

The consumer opens one transaction for a batch and calls these with the store's view of it; what is absorbed shows up as
work for the lanes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncengine.booking import tell_linked_lines
from syncengine.catalog import in_terms, known_terms
from syncengine.drift import unresolved
from syncengine.events import RECOUNT
from syncengine.linking import Naming, let_go, link_named, take_names
from syncengine.listing import Group, ListingId, Lot, LotId, SellerId
from syncengine.marketplace import Facts
from syncengine.plan import desired_values
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.saving import save_rows, tier_of
from syncengine.settings import STAMP_LEAD, Settings
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LotNews:
    """A lot event, decoded for this marketplace."""

    seller_id: SellerId
    lot_id: LotId
    revision: int
    counted_seq: int
    counted_at: datetime | None
    listing_ids: tuple[ListingId, ...]
    lot: Lot
    correlation_id: str
    created_ids: frozenset[ListingId] = frozenset()
    """Those of listing_ids that we made for this lot, as we once said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerNews:
    """The end of a seller's lots in one partition, or a baseline repeated."""

    seller_id: SellerId
    request_id: str
    baseline_at: datetime | None
    partition: int
    partitions: int
    """How many the topic has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionNews:
    """What credentials says of a connection."""

    seller_id: SellerId
    seq: int
    connected_at: datetime
    enabled: bool
    key_version: int
    shop_is_empty: bool
    shop_name: str
    currency_code: str


async def absorb_lots(
    tx: Transaction, news: Sequence[LotNews], facts: Facts, settings: Settings, now: datetime
) -> None:
    """Take in lots: each if its (revision, counted_seq) is higher than what is known, its listing ids always (rule T3).

    But a lot that has a listing is not linked to a second one (ADR 13).
    """
    newest: dict[LotId, LotNews] = {}
    for item in news:
        known = newest.get(item.lot_id)
        if known is None or _rank(item) > _rank(known):
            newest[item.lot_id] = item
    sellers = sorted({item.seller_id for item in news})
    connections = {seller_id: await tx.lock_connection(seller_id) for seller_id in sellers}
    newest = await _in_terms(tx, connections, newest)
    rows = await tx.find_listings(newest.keys())
    named = {
        seller_id: await take_names(tx, connections[seller_id], _naming(news, newest, rows, seller_id))
        for seller_id in sellers
    }
    for seller_id in sellers:
        made = [(listing_id, n.lot_id) for n in news if n.seller_id == seller_id for listing_id in n.created_ids]
        await tx.add_listing_ids(seller_id, made, created=True)
    absorbed = [row for item in newest.values() if (row := _absorbed(rows.get(item.lot_id), item, facts)) is not None]
    ids = await tx.listing_ids_of([row.lot_id for row in absorbed])
    absorbed = await _told_again(tx, connections, absorbed, rows, ids, facts, now)
    booked = await tx.booked_after({row.lot_id: row.counted_seq for row in absorbed})
    counted = {row.lot_id: replace(row, uncounted=booked.get(row.lot_id, 0)) for row in absorbed}
    for seller_id, connection in connections.items():
        linked = await link_named(tx, named[seller_id], {**rows, **counted}, facts, settings, now)
        changed = {lot_id: row for lot_id, row in counted.items() if row.seller_id == seller_id} | linked
        await save_rows(tx, connection, list(changed.values()), facts, now)
        await tx.save_connection(replace(connection, due_at=_sooner(connection, now)))
        if linked:
            await let_go(tx, seller_id, linked.values(), facts, now)


async def _in_terms(
    tx: Transaction, connections: Mapping[SellerId, ConnectionRow], newest: Mapping[LotId, LotNews]
) -> dict[LotId, LotNews]:
    """Put the lots' items into the marketplace's own terms, as far as these are known, and fill in what is unsaid."""
    put: dict[LotId, LotNews] = {}
    for seller_id, connection in connections.items():
        its = {lot_id: one for lot_id, one in newest.items() if one.seller_id == seller_id}
        known = await known_terms(tx, seller_id, [one.lot for one in its.values()])
        put |= {lot_id: replace(one, lot=in_terms(filled(one.lot, connection), known)) for lot_id, one in its.items()}
    return put


def filled(lot: Lot, connection: ConnectionRow) -> Lot:
    """Fill in what inventory does not say as the seller wants it in this shop."""
    said = {name: value for name, value in connection.defaults.items() if name in lot.unsaid}
    return replace(lot, fields={**lot.fields, **said}) if said else lot


def _naming(
    news: Sequence[LotNews], newest: Mapping[LotId, LotNews], rows: Mapping[LotId, ListingRow], seller_id: SellerId
) -> dict[LotId, Naming]:
    """Collect which listings events name, lot by lot."""
    told: dict[LotId, dict[ListingId, None]] = {}
    for one in news:
        if one.seller_id == seller_id and one.listing_ids:
            told.setdefault(one.lot_id, {}).update(dict.fromkeys(one.listing_ids))
    return {
        lot_id: Naming(item=newest[lot_id].lot.item, listing_ids=tuple(ids), before=rows.get(lot_id))
        for lot_id, ids in told.items()
    }


async def _told_again(
    tx: Transaction,
    connections: Mapping[SellerId, ConnectionRow],
    absorbed: Sequence[ListingRow],
    before: Mapping[LotId, ListingRow],
    ids: Mapping[LotId, Mapping[ListingId, bool]],
    facts: Facts,
    now: datetime,
) -> list[ListingRow]:
    """Tell every order line again of lots whose sales inventory has forgotten: its topic may no longer (rule T6).

    Not what a restored database knows of them, for pieces may have left these orders since: its census reads them, and
    tells all (rule C3).
    """
    told = {row.lot_id: row for row in absorbed}
    for row in absorbed:
        if connections[row.seller_id].census_reason is CensusReason.DATABASE_LOST:
            continue
        known = before.get(row.lot_id)
        if known is not None and row.counted_seq < known.counted_seq:
            linked = dict.fromkeys(ids.get(row.lot_id, {}), row.lot_id)
            told |= await tell_linked_lines(tx, [row], linked, RECOUNT, facts, now)
    return list(told.values())


def _rank(item: LotNews) -> tuple[int, int]:
    return (item.revision, item.counted_seq)


def _absorbed(row: ListingRow | None, news: LotNews, facts: Facts) -> ListingRow | None:
    if row is None:
        return ListingRow(
            lot_id=news.lot_id,
            seller_id=news.seller_id,
            desired=news.lot,
            revision=news.revision,
            counted_seq=news.counted_seq,
            counted_at=news.counted_at,
            correlation_id=news.correlation_id,
        )
    if _rank(news) <= (row.revision, row.counted_seq) and not row.stale:
        return None
    # What looks like it looks like what it was: of another item it is asked anew, before it is listed (rule C2).
    is_moot = row.trouble is Trouble.LOOK_ALIKE and news.lot.item != row.desired.item
    row = replace(
        row,
        trouble=None if is_moot else row.trouble,
        desired=news.lot,
        revision=news.revision,
        counted_seq=news.counted_seq,
        counted_at=news.counted_at,
        correlation_id=news.correlation_id,
        stale=False,
        not_before=None if row.intent_id is None and row.look_since is None else row.not_before,
    )
    return reconsidered(row, facts)


def reconsidered(row: ListingRow, facts: Facts) -> ListingRow:
    """Keep conflicts, and what was set aside, as far as what is desired now does not decide them (rules F1, S6)."""
    row = replace(row, conflicts=unresolved(row.conflicts, row.desired))
    wanted = {name: value for group in Group for name, value in desired_values(row, facts, group).items()}
    still = {
        group: parked
        for group, parked in row.parked.items()
        if all(wanted.get(name) == value for name, value in parked.values.items())
    }
    return replace(row, parked=still)


async def absorb_answer(tx: Transaction, news: AnswerNews, now: datetime) -> None:
    """Take in one partition's answer: the last one lets the census begin (rules T4, C1), the baseline lets calls go."""
    connection = await tx.lock_connection(news.seller_id)
    if news.baseline_at is not None:
        connection = replace(connection, baseline_at=news.baseline_at)
    if news.request_id and news.request_id == connection.wish_id:
        answered = connection.answered_partitions | {news.partition}
        complete = len(answered) >= news.partitions
        connection = replace(
            connection,
            answered_partitions=answered,
            answered_at=now if complete and connection.answered_at is None else connection.answered_at,
        )
    await tx.save_connection(replace(connection, due_at=_sooner(connection, now)))


async def absorb_connection(tx: Transaction, news: ConnectionNews, now: datetime) -> None:
    """Take in a connection: a new one, a reconnection and new keys all begin with a census (rule C1)."""
    connection = await tx.lock_connection(news.seller_id)
    if news.seq <= connection.event_seq:
        return
    reason, before, lost_at = connection.census_reason, connection, await tx.last_loss()
    if news.enabled and not before.enabled:
        connection = replace(connection, pin_lapsed=await _is_taken(tx, before))
    if connection.event_seq == 0 and lost_at is not None and news.connected_at <= lost_at:
        reason = CensusReason.DATABASE_LOST  # also while it is disabled: it may be enabled before all has landed
        connection = _stamped_past(begun_anew(connection), now)
    elif news.enabled and connection.connected_at != news.connected_at:
        reason = CensusReason.KEYS_REPLACED if _keeps_books(connection) else CensusReason.CONNECTED
        connection = begun_anew(connection)
    elif news.enabled and connection.key_version != news.key_version:
        reason = CensusReason.KEYS_REPLACED
        connection = begun_anew(connection)
    if connection.census_reason is CensusReason.DATABASE_LOST:
        reason = CensusReason.DATABASE_LOST  # what was sent before the loss may still land, with whatever keys (C1)
    await tx.save_connection(
        replace(
            connection,
            event_seq=news.seq,
            connected_at=news.connected_at,
            enabled=news.enabled,
            key_version=news.key_version,
            shop_is_empty=news.shop_is_empty,
            # What is told again of the same keys was typed before a person said what the shop is called now (W1).
            shop_name=before.shop_name if _same_keys(before, news) else news.shop_name,
            currency_code=news.currency_code,
            census_reason=reason,
            due_at=now if news.enabled else None,
        )
    )


def _keeps_books(connection: ConnectionRow) -> bool:
    """Tell whether a reconnection brings new keys to books that go on, with what is under way in them (ADR 25)."""
    return connection.baseline_at is not None and connection.census_reason in (None, CensusReason.KEYS_REPLACED)


async def begin_anew_after_loss(tx: Transaction, now: datetime) -> None:
    """Put every connection back to where only reads are sent: this database was lost or restored (rules T2, C1)."""
    await tx.note_loss(now)
    for seller_id in await tx.connections():
        connection = begun_anew(await tx.lock_connection(seller_id))
        connection = _stamped_past(connection, now)
        await tx.save_connection(replace(connection, census_reason=CensusReason.DATABASE_LOST, due_at=now))


async def mark_stale(tx: Transaction, lot_id: LotId, facts: Facts) -> None:
    """Nothing is sent for a lot of which an event could not be decoded, until a newer one comes (rule T5)."""
    if (row := await tx.find_listing(lot_id)) is None:
        return
    await tx.lock_connection(row.seller_id)
    row = (await tx.find_listings([lot_id]))[lot_id]  # as it is now that nobody else changes it
    row = replace(row, stale=True)
    await tx.save_listings([row], [tier_of(row, facts)])


async def _is_taken(tx: Transaction, connection: ConnectionRow) -> bool:
    """Tell whether another seller pinned this connection's shop while it was disabled: then it is theirs (rule W1)."""
    name = connection.pinned_name
    return bool(name) and await tx.shop_pinned_by(name, besides=connection.seller_id) is not None


def _same_keys(connection: ConnectionRow, news: ConnectionNews) -> bool:
    return (connection.connected_at, connection.key_version) == (news.connected_at, news.key_version)


def begun_anew(connection: ConnectionRow) -> ConnectionRow:
    """Put a connection back to where only reads are sent, and inventory is asked for its lots (rules C1, T4)."""
    return replace(
        connection,
        wish_id="",
        wished_at=None,
        answered_partitions=frozenset(),
        answered_at=None,
        census_at=None,
        census_alarm="",
        alarm_answered="",
        shown_name="",
        claimed_name="",
        halted="",
        halted_at=None,
        not_before=None,
        waiting_for="",
        failures=0,
    )


def _stamped_past(connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Begin above every stamp that calls forgotten since may have used: a shop refuses to see one again (rule B4)."""
    latest = now + STAMP_LEAD
    return replace(connection, last_stamp=max(connection.last_stamp or latest, latest).replace(microsecond=0))


def _sooner(connection: ConnectionRow, now: datetime) -> datetime | None:
    if not connection.enabled:
        return connection.due_at
    return now if connection.due_at is None else min(now, connection.due_at)
