"""The census: this database matched against the shop's whole list, between two equal reads of all orders (C1-C5)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncengine.booking import close_returns, tell_linked_lines
from syncengine.drift import noticed, shown_values
from syncengine.events import BASELINE, RECOUNT, baseline_taken, next_seq
from syncengine.held import hold_items, since_connected
from syncengine.identity import pin_typed_shop
from syncengine.lane import Lane
from syncengine.listing import Item, Listing, ListingId, ListRead, LotId, SellerId, age
from syncengine.marketplace import Create, Facts
from syncengine.marks import lot_of_mark
from syncengine.matching import Matched, match
from syncengine.missed import list_again_at, missed_by
from syncengine.orders import OrdersSeen, read_orders
from syncengine.plan import ANOTHER_CURRENCY
from syncengine.rows.connection import CensusReason, ConnectionRow, Match
from syncengine.rows.intent import Fate, Intent
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.rows.order import LineRow
from syncengine.rows.shop import ShopListing
from syncengine.send import with_highest
from syncengine.settings import Settings
from syncengine.settle import closed, found, perhaps_listed, unlisted, wants_look
from syncengine.store.protocol import Transaction

LIST_IS_EMPTY = "LIST_IS_EMPTY"
MANY_ARE_MISSING = "MANY_ARE_MISSING"
"""Why a list is not believed (rule C5)."""

_MISSING_AT_LEAST = 20
_MISSING_SHARE = 0.05


async def take_census(lane: Lane) -> None:
    """Match the whole shop; after it, a connection that had none may send (rules C1-C4).

    Raises:
        PausedError: a call could not be made; the census begins anew.
    """
    pages = lane.shop.facts.order_pages
    async with lane.transaction() as (tx, connection):
        begins, wish_id = connection.census_reason is not None, connection.wish_id
        # With new keys our books are what they were; after anything else they are not (yet) to be believed.
        only_store = begins and connection.census_reason is not CensusReason.KEYS_REPLACED
        connection = await pin_typed_shop(tx, connection, lane.clock.now())
        await tx.save_connection(connection)
    if connection.halted:
        return
    before = await read_orders(lane, pages, only_store=only_store)
    listed_at = lane.clock.now()
    read = await lane.read(lane.settings.list_deadline, lane.shop.read_all, whole=True)
    after = await read_orders(lane, pages, only_store=only_store)
    if before.fingerprints != after.fingerprints:
        return  # an order moved between the two reads: the next turn begins anew
    async with lane.transaction() as (tx, connection):
        if (connection.census_reason is not None) != begins or connection.wish_id != wish_id:
            return  # what C1 asks has changed meanwhile
        if not lane.has_keys_of(connection):
            return  # this was the shop of other keys
        missing = await _missing(tx, connection, read)
        alarm = await _alarm(tx, connection, read, after, missing)
        answered = alarm == connection.alarm_answered and len(missing.rows) <= connection.missing_answered
        if alarm and not answered:
            noted = replace(connection, census_alarm=alarm, census_missing=len(missing.rows), alarm_answered="")
            await tx.save_connection(replace(noted, census_at=lane.clock.now()))
            return
        read_at, settings = after.began_at, lane.settings
        missed = await missed_by(
            tx, connection.seller_id, read, listed_at=listed_at, orders_read_at=read_at, settings=settings
        )
        await _book_census(lane, tx, connection, read, missed, listed_at, vouched=bool(alarm))


@dataclass(frozen=True, slots=True)
class _Missing:
    """Listings with pieces by our books, and those of them that a list lacks."""

    ours: Sequence[ListingRow]
    rows: Sequence[ListingRow]


async def _missing(tx: Transaction, connection: ConnectionRow, read: ListRead) -> _Missing:
    shown = {listing.listing_id for listing in read.listings}
    ours = [row for row in await tx.listings_of(connection.seller_id) if row.listing_id is not None and row.ledger]
    return _Missing(ours, [row for row in ours if row.listing_id not in shown])


async def _alarm(
    tx: Transaction, connection: ConnectionRow, read: ListRead, orders: OrdersSeen, missing: _Missing
) -> str:
    """Tell why a list is not believed (rule C5): a closed shop lists nothing."""
    shown, ours = {listing.listing_id for listing in read.listings}, missing.ours
    if not shown and (ours or not connection.shop_is_empty or await _had_listings(tx, connection)):
        return LIST_IS_EMPTY
    if len(missing.rows) > max(_MISSING_AT_LEAST, _MISSING_SHARE * len(ours)):
        return MANY_ARE_MISSING
    # New keys may be of another shop that has no orders to say so (rule W1): then nothing of ours is there.
    if connection.census_reason is CensusReason.KEYS_REPLACED and not orders.name_shop:
        wanted = [row for row in ours if row.target]
        if wanted and all(row in missing.rows for row in wanted):
            return "" if await tx.lots_of_listings(connection.seller_id, shown) else MANY_ARE_MISSING
    return ""


async def _had_listings(tx: Transaction, connection: ConnectionRow) -> bool:
    """Tell whether lots that have pieces were listed before the database was lost: inventory still knows where.

    Until late orders have shown, also where a first list has been believed: it may have been short.
    """
    if connection.census_reason is not CensusReason.DATABASE_LOST and connection.hold_increases_until is None:
        return False
    wanted = [row.lot_id for row in await tx.listings_of(connection.seller_id) if row.target]
    return any((await tx.listing_ids_of(wanted)).values())


async def _book_census(
    lane: Lane,
    tx: Transaction,
    connection: ConnectionRow,
    read: ListRead,
    missed: Sequence[ShopListing],
    listed_at: datetime,
    *,
    vouched: bool,
) -> None:
    """Book what a list says.

    `missed`: what it lacks and may be there all the same, though nobody's.
    `vouched`: a person said that the shop is right about what it lacks (rule C5).
    """
    now, facts, begins = lane.clock.now(), lane.shop.facts, connection.census_reason is not None
    if connection.census_reason is CensusReason.DATABASE_LOST:
        forgotten = await _forget_intents(lane, tx, connection)
        # What an unanswered create may have made is not nobody's for having been seen while that was looked for (N3).
        missed = [kept for kept in missed if not any(_may_have_made(intent, kept.listing) for intent in forgotten)]
    rows = [row for row in await tx.listings_of(connection.seller_id) if row.intent_id is None]
    stored = {row.lot_id: row for row in rows}
    listing_ids = [listing.listing_id for listing in read.listings]
    owners = await tx.lots_of_listings(connection.seller_id, listing_ids)
    after_loss = connection.census_reason is CensusReason.DATABASE_LOST
    matched = match(rows, read.listings, owners, facts, after_loss=after_loss)
    returned = await _close_or_find_returns(tx, connection, rows, matched)
    ownerless = {line.item for line in since_connected(await tx.ownerless_lines(connection.seller_id), connection)}
    ownerless |= {kept.listing.item for kept in missed}
    late = listed_at + lane.settings.lag_window
    if vouched and connection.census_reason in (None, CensusReason.KEYS_REPLACED):
        rows = [row if row.lot_id in matched.links else _gone_as_said(row, late, now) for row in rows]
    linked = [_linked(row, matched, read, connection, facts, returned, ownerless, now, late) for row in rows]
    looked_for = await _hidden_ones(tx, [row for row in linked if begins or stored[row.lot_id].trouble], now)
    linked = [looked_for.get(row.lot_id, row) for row in linked]
    for created in (True, False):  # what bears our mark of the lot we made for it, whatever became of that call (ADR 1)
        of_lots = [
            (listing.listing_id, lot_id)
            for lot_id, listing in matched.links.items()
            if (lot_of_mark(listing.external_id) == lot_id) is created
        ]
        await tx.add_listing_ids(connection.seller_id, of_lots, created=created)
    is_early = begins or (
        connection.hold_increases_until is not None and await _shows_more(tx, rows, matched, connection.seller_id)
    )
    counted = await _counted(tx, connection.seller_id, matched.unowned, read)
    seen = [
        ShopListing(
            seller_id=connection.seller_id,
            listing=listing,
            seen_at=now,
            read_at=counted.get(listing.listing_id, read.read_at),
        )
        for listing in read.listings
    ]
    await tx.replace_shop_listings(connection.seller_id, [*seen, *missed])
    news = await _lines_to_tell(tx, connection, rows, matched, begins=begins)
    kind = BASELINE if begins and connection.baseline_at is None else RECOUNT
    told = await tell_linked_lines(tx, linked, news, kind, facts, now)
    empty = not read.listings and (connection.shop_is_empty or vouched)
    # What a list lacks of a shop that we knew, only a second one proves: it may be short without a word (rule N3). One
    # that shows more than the first proves that the first was, and may be so itself.
    known_before = connection.baseline_at is not None and connection.census_reason is not CensusReason.KEYS_REPLACED
    lacks_some = known_before and any(row.listing_id is None for row in linked)
    doubtful = is_early and lacks_some
    if begins and connection.baseline_at is None:
        seq = next_seq(0, now)
        await tx.publish(
            [baseline_taken(facts.marketplace, seller_id=connection.seller_id, baseline_at=read.read_at, seq=seq)]
        )
        connection = replace(connection, baseline_taken_at=read.read_at)
    if begins:
        # Told a baseline, the shop was confirmed when the connection began (rule C2).
        agreed = now if empty or connection.baseline_at is not None else connection.confirmed_at
        # Rule C4; only at the first census does an empty shop mean that nothing was sold there.
        held_until = None if empty and connection.baseline_at is None else listed_at + lane.settings.lag_window
        connection = replace(connection, census_reason=None, confirmed_at=agreed, hold_increases_until=held_until)
    elif connection.hold_increases_until is not None and connection.list_wanted_at is not None and lacks_some:
        # What both lists lack may have sold between them, in orders that are yet to show (rule N3).
        connection = replace(connection, hold_increases_until=listed_at + lane.settings.lag_window)
    wanted_at = _wanted_again(connection, lane.settings, listed_at, doubtful=doubtful)
    if wanted_at is None and connection.hold_increases_until is not None and connection.hold_increases_until <= now:
        connection = replace(connection, poll_at=now)  # increases were held for this list alone
    connection = replace(
        connection,
        census_at=listed_at,
        hints_after=ListingId("") if facts.looks_up_at_once else None,
        census_alarm="",
        alarm_answered="",
        list_wanted_at=wanted_at,
        list_again_at=list_again_at(missed, {row.desired.item for row in rows}, lane.settings),
        match=_numbers(list(told.values()), matched),
    )
    await tx.save_connection(with_highest(connection, *listing_ids))
    # Most lots of a large shop are as they were a day ago: to save them all would take longer than a transaction may.
    # But what is settled of a lot without a listing depends on the list itself.
    await lane.save(
        tx,
        [row for row in told.values() if begins or row.listing_id is None or row != stored.get(row.lot_id)],
    )
    await hold_items(tx, lane.lease.seller_id, lane.shop.facts, lane.clock.now())


async def _shows_more(tx: Transaction, rows: Sequence[ListingRow], matched: Matched, seller_id: SellerId) -> bool:
    """Tell whether a list shows what the one before it lacked."""
    before = {seen.listing.listing_id for seen in await tx.unowned(seller_id) if seen.missed_at is None}
    strange = any(listing.listing_id not in before for listing in matched.unowned)
    return strange or any(row.listing_id is None and row.lot_id in matched.links for row in rows)


async def _counted(
    tx: Transaction, seller_id: SellerId, unowned: Sequence[Listing], read: ListRead
) -> dict[ListingId, datetime]:
    """Say when the pieces of listings were counted, where orders have been read that bear a later date than the list.

    Orders that are known were read before the list, or the census would begin anew: clocks are coarse, and two of one
    shop may differ (rule C3).
    """
    counted: dict[ListingId, datetime] = {}
    for line in await tx.lines_of_listings(seller_id, [listing.listing_id for listing in unowned]):
        counted[line.listing_id] = max(counted.get(line.listing_id, read.read_at), line.ordered_at)
    return counted


def _gone_as_said(row: ListingRow, late: datetime, now: datetime) -> ListingRow:
    """A person said that a listing is gone: what becomes of the lot is asked of them, lot by lot (rules C5, Q4).

    Its end is their word, not a read: it is looked for before the lot is listed again, and before one of which nothing
    is wanted is called synced.
    """
    if row.listing_id is None or not row.ledger:
        return row
    gone = replace(unlisted(row), gone_id=row.gone_id, look_since=None, observed=None, probation=None, theirs=None)
    if not row.target:
        return perhaps_listed(gone, [row.listing_id], now) or gone
    return replace(gone, trouble=Trouble.GONE_UNEXPLAINED, raise_after=late)


async def _hidden_ones(tx: Transaction, rows: Sequence[ListingRow], now: datetime) -> Mapping[LotId, ListingRow]:
    """Have lots that a list lacks looked at before they are called synced because nobody would list a hidden lot.

    What a person is asked about is not called so, and stays asked about.
    """
    hidden = [
        row
        for row in rows
        if row.listing_id is None and row.trouble is None and row.target > 0 and not row.desired.for_sale
    ]
    known = await tx.listing_ids_of([row.lot_id for row in hidden])
    looked_for = {row.lot_id: perhaps_listed(row, known.get(row.lot_id, ()), now) for row in hidden}
    return {lot_id: row for lot_id, row in looked_for.items() if row is not None}


async def _forget_intents(lane: Lane, tx: Transaction, connection: ConnectionRow) -> Sequence[Intent]:
    """What a restored database remembers as under way has landed long ago, or never will: the list says which (C1)."""
    intents = await tx.open_intents(connection.seller_id)
    lines = await tx.ownerless_lines(connection.seller_id) if intents else []
    for intent in intents:
        await tx.save_intents([closed(intent, Fate.UNKNOWN, lane.clock.now(), "DATABASE_LOST")])
        # What it may have made, and has sold out since, was nobody's only as long as it was looked for (rule C4).
        await tx.save_lines(
            [replace(line, unowned=False) for line in lines if line.unowned and _may_have_made(intent, line)]
        )
    rows = await tx.find_listings({intent.lot_id for intent in intents})
    await lane.save(tx, [replace(row, intent_id=None, unknown=False) for row in rows.values()])
    return intents


def _may_have_made(intent: Intent, what: LineRow | Listing) -> bool:
    """Tell whether a create of unknown outcome may have made this listing, or the one of this order line (rule N3)."""
    is_its_item = isinstance(intent.write, Create) and what.item == intent.write.item
    return is_its_item and age(what.listing_id)[0] > intent.above_listing_id


def _wanted_again(
    connection: ConnectionRow, settings: Settings, listed_at: datetime, *, doubtful: bool
) -> datetime | None:
    """Say from when on another list is wanted, if one is."""
    if doubtful:
        return listed_at + settings.late_window
    wanted_at = connection.list_wanted_at
    return wanted_at if wanted_at is not None and wanted_at > listed_at else None


async def _close_or_find_returns(
    tx: Transaction, connection: ConnectionRow, rows: Sequence[ListingRow], matched: Matched
) -> frozenset[ListingId]:
    """Find listings that lots without one once had, and of which pieces are in open returns.

    After a loss returns are closed instead, for the shop's number holds what came back (ADR 6); so are those of what
    is found after the first list, which was short: it had not sold out.
    """
    if connection.census_reason not in (None, CensusReason.KEYS_REPLACED):
        await close_returns(tx, await tx.lines_of_seller(connection.seller_id))
        return frozenset()
    without = [row.lot_id for row in rows if row.listing_id is None]
    found = [matched.links[lot_id].listing_id for lot_id in without if lot_id in matched.links]
    lines = [line for line in await tx.lines_of_listings(connection.seller_id, found) if line.returned]
    if connection.hold_increases_until is None:
        return frozenset(line.listing_id for line in lines)
    await close_returns(tx, lines)
    return frozenset()


def _linked(
    row: ListingRow,
    matched: Matched,
    read: ListRead,
    connection: ConnectionRow,
    facts: Facts,
    returned: frozenset[ListingId],
    ownerless: Collection[Item],
    now: datetime,
    late: datetime,
) -> ListingRow:
    """Match one lot; `late`: until when an order from before the list may show."""
    begins = connection.census_reason is not None
    anew = connection.census_reason not in (None, CensusReason.KEYS_REPLACED)
    after_loss = connection.census_reason is CensusReason.DATABASE_LOST
    if after_loss:  # what was told since the backup nobody knows any more: all is told again
        row = replace(row, told="")
    listing = matched.links.get(row.lot_id)
    if begins:  # the shop's currency may be another now (rule W2)
        row = replace(row, parked={g: parked for g, parked in row.parked.items() if parked.reason != ANOTHER_CURRENCY})
    if listing is None:
        if row.listing_id is not None and not anew:
            return wants_look(row, now)
        if row.listing_id is not None:  # our books are not to be believed; before it is created anew, it is looked for
            row = replace(unlisted(row), gone_id=row.gone_id, look_since=None, trouble=None, theirs=None)
        if row.lot_id in matched.ambiguous:  # any other question stays until it is answered
            return replace(row, trouble=row.trouble or Trouble.LOOK_ALIKE)
        # A look-alike that sold out may have been this lot's, one that a list lacks may be there all the same: then its
        # pieces are not there to be listed again.
        is_free = row.trouble is Trouble.LOOK_ALIKE and row.desired.item not in ownerless
        return replace(row, trouble=None) if is_free else row
    compared = noticed(row, listing, facts)
    if row.listing_id == listing.listing_id and not begins:
        # A list may be old (marketplaces/bricklink.md#3.2): what it shows of one listing is looked at, not believed.
        strange = listing.quantity != row.ledger or compared.conflicts != row.conflicts
        return wants_look(row, now) if strange else compared
    if row.listing_id == listing.listing_id and row.look_since is not None and not anew:
        return row  # with new keys our books are what they were, and a look is to tell what a return became (rule S4)
    if row.listing_id is None and listing.listing_id in returned and not begins:
        # Sold out by our books: whether the shop put returned pieces back, a look tells (rule S4).
        back = replace(
            row, listing_id=listing.listing_id, listed_item=listing.item, ledger=0, sent=dict(listing.fields)
        )
        return wants_look(replace(back, shown=shown_values(listing), list_after=None), now)
    keeps = row.listing_id == listing.listing_id and not after_loss
    linked = replace(
        found(row, listing, read.read_at, now),
        trouble=None,
        theirs=None,
        look_since=None,
        not_before=None,
        # What an order explains that is still to show, no increase repairs (rule K4): after C1 nothing is raised at all
        # until then (rule C4).
        raise_after=None if begins else late,
    )
    return replace(linked, sent=compared.sent, conflicts=compared.conflicts) if keeps else linked


async def _lines_to_tell(
    tx: Transaction, connection: ConnectionRow, rows: Sequence[ListingRow], matched: Matched, *, begins: bool
) -> dict[ListingId, LotId]:
    """Pick the listings whose order lines go out: all ever owned after a C1 census, else those just linked (S1)."""
    if not begins:
        was = {row.lot_id: row.listing_id for row in rows}
        return {
            listing.listing_id: lot_id
            for lot_id, listing in matched.links.items()
            if was.get(lot_id) != listing.listing_id
        }
    sold = {line.listing_id for line in await tx.lines_of_seller(connection.seller_id)}
    known = {row.lot_id for row in rows}
    owners = await tx.lots_of_listings(connection.seller_id, sold)
    return {listing_id: lot_id for listing_id, lot_id in owners.items() if lot_id in known}


def _numbers(rows: Sequence[ListingRow], matched: Matched) -> Match:
    by_lot: Mapping[LotId, Listing] = matched.links
    return Match(
        linked=len(by_lot),
        to_create=sum(
            row.listing_id is None and row.trouble is None and row.target > 0 and row.desired.for_sale for row in rows
        ),
        ambiguous=len(matched.ambiguous),
        unowned=len(matched.unowned),
        different=sum(row.lot_id in by_lot and by_lot[row.lot_id].quantity != row.target for row in rows),
    )
