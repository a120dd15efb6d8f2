"""Looks: an unknown outcome, or a number that does not fit, is settled by reading, never by sending (K1-K4, N3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from syncengine.booking import sold_out, tell_linked_lines
from syncengine.events import RECOUNT
from syncengine.explain import Absent, StillOpen, Undecided, explain, explain_create
from syncengine.lane import Lane
from syncengine.listing import Listing, ListingId
from syncengine.marketplace import Create
from syncengine.orders import OrdersSeen, read_orders
from syncengine.rows import ConnectionRow, Fate, Intent, ListingRow, Trouble
from syncengine.send import with_highest
from syncengine.settle import closed
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A lot to look at, and the intent that left it unknown, if one did."""

    row: ListingRow
    intent: Intent | None

    def due_at(self, lane: Lane) -> datetime:
        """When a look can say something (rule K1)."""
        if self.intent is not None:
            due = self.intent.looked_at_from(lane.settings)
        else:
            due = self.row.look_since or lane.clock.now()
        return max(due, self.row.not_before or due)

    def orders_complete_at(self, lane: Lane) -> datetime:
        """When no sale before the doubt can hide any more: one lag window after it began (rules K2, K4)."""
        if self.intent is not None:
            return self.intent.sent_at + lane.settings.lag_window
        return (self.row.look_since or lane.clock.now()) + lane.settings.lag_window


async def suspects(tx: Transaction, connection: ConnectionRow) -> list[Suspect]:
    """List every lot that wants a look."""
    intents = {intent.intent_id: intent for intent in await tx.open_intents(connection.seller_id)}
    return [
        Suspect(row=row, intent=intents.get(row.intent_id) if row.intent_id is not None else None)
        for row in await tx.looks_wanted(connection.seller_id)
    ]


async def take_looks(lane: Lane) -> None:
    """Read the lots that are due for a look, between two reads of all orders, and settle what they prove.

    Raises:
        PausedError: a call could not be made; nothing is settled but booked orders.
    """
    async with lane.transaction() as (tx, connection):
        due = [suspect for suspect in await suspects(tx, connection) if suspect.due_at(lane) <= lane.clock.now()]
    if not due:
        return
    pages = lane.shop.facts.order_pages
    before = await read_orders(lane, pages)
    whole_list = len(due) >= lane.settings.list_look_from or any(_is_create(suspect) for suspect in due)
    seen = await _read_all(lane) if whole_list else await _read_each(lane, due)
    after = await read_orders(lane, pages)
    async with lane.transaction() as (tx, connection):
        connection = with_highest(connection, *(listing_id for listing_id, shown in seen.items() if shown is not None))
        await tx.save_connection(connection)
        fresh = {suspect.row.lot_id: suspect for suspect in await suspects(tx, connection)}
        for suspect in due:
            current = fresh.get(suspect.row.lot_id)
            if current is None:
                continue
            if _is_create(current):
                await _settle_create(lane, tx, current, seen)
            else:
                await _settle_known(lane, tx, current, seen, before, after)


def _is_create(suspect: Suspect) -> bool:
    return suspect.intent is not None and isinstance(suspect.intent.write, Create)


async def _read_all(lane: Lane) -> Mapping[ListingId, Listing | None]:
    read = await lane.read(lane.settings.list_deadline, lane.shop.read_all)
    return {listing.listing_id: listing for listing in read.listings}


async def _read_each(lane: Lane, due: list[Suspect]) -> Mapping[ListingId, Listing | None]:
    seen: dict[ListingId, Listing | None] = {}
    for suspect in due:
        listing_id = suspect.row.listing_id
        if listing_id is not None:
            read = await lane.read(lane.settings.call_deadline, partial(lane.shop.read, listing_id))
            seen[listing_id] = read.listing
    return seen


async def _settle_known(
    lane: Lane,
    tx: Transaction,
    suspect: Suspect,
    seen: Mapping[ListingId, Listing | None],
    before: OrdersSeen,
    after: OrdersSeen,
) -> None:
    row, now = suspect.row, lane.clock.now()
    if row.listing_id is None:  # sold out while we looked: nothing is left to compare
        if suspect.intent is not None:
            await tx.save_intent(closed(suspect.intent, Fate.NOT_APPLIED, now))
        await lane.save(tx, [replace(row, intent_id=None, unknown=False, look_since=None)])
        return
    if row.listing_id in after.touched:
        await lane.save(tx, [replace(row, not_before=now + lane.settings.backoff_base)])  # the two reads disagree (K1)
        return
    complete_at = suspect.orders_complete_at(lane)
    verdict = explain(
        row, suspect.intent, seen.get(row.listing_id), orders_complete=before.began_at >= complete_at, now=now
    )
    if isinstance(verdict, StillOpen):
        await lane.save(tx, [replace(row, not_before=max(complete_at, now + lane.settings.backoff_base))])
        return
    if verdict.intent is not None:
        await tx.save_intent(verdict.intent)
    await lane.save(tx, [replace(verdict.row, not_before=None)])


async def _settle_create(
    lane: Lane, tx: Transaction, suspect: Suspect, seen: Mapping[ListingId, Listing | None]
) -> None:
    row, intent, now = suspect.row, suspect.intent, lane.clock.now()
    if intent is None or not isinstance(intent.write, Create):
        return
    newcomers, sold = await _newcomers(tx, intent, seen)
    found = explain_create(row, intent, newcomers, sold)
    match found:
        case ListingRow(listing_id=str() as listing_id):
            await tx.add_listing_ids(row.seller_id, [(listing_id, row.lot_id)], created=True)
            await tx.save_intent(closed(intent, Fate.APPLIED, now))
            linked = {listing_id: row.lot_id}
            told = await tell_linked_lines(tx, [found], linked, RECOUNT, lane.shop.facts, now)
            row = told[row.lot_id]
            await lane.save(tx, [replace(sold_out(row) if row.ledger == 0 else row, not_before=None)])
        case Undecided():
            await tx.save_intent(closed(intent, Fate.UNKNOWN, now, "UNEXPLAINED"))
            await lane.save(
                tx, [replace(row, intent_id=None, unknown=False, trouble=Trouble.CREATE_UNEXPLAINED, look_since=None)]
            )
        case Absent():
            await _settle_absence(lane, tx, row, intent, seen)


async def _settle_absence(
    lane: Lane, tx: Transaction, row: ListingRow, intent: Intent, seen: Mapping[ListingId, Listing | None]
) -> None:
    """Believe that a create was not done only in a second list, a late window after the first (rule N3)."""
    now = lane.clock.now()
    again_at = now + lane.settings.late_window
    others = await tx.listings_of(row.seller_id)
    if any(other.listing_id is not None and other.ledger and other.listing_id not in seen for other in others):
        await lane.save(tx, [replace(row, not_before=again_at)])  # a list that misses others of ours proves nothing
    elif intent.absent_at is None:
        await tx.save_intent(replace(intent, absent_at=now))
        await lane.save(tx, [replace(row, not_before=again_at)])
    elif now >= intent.absent_at + lane.settings.late_window:
        await tx.save_intent(closed(intent, Fate.NOT_APPLIED, now))
        await lane.save(tx, [replace(row, intent_id=None, unknown=False, not_before=None)])


async def _newcomers(
    tx: Transaction, intent: Intent, seen: Mapping[ListingId, Listing | None]
) -> tuple[list[Listing], dict[ListingId, int]]:
    """Find what can be an unanswered create's listing: in the list, and in order lines that no lot owns (rule N3)."""
    write = intent.write
    if not isinstance(write, Create):
        raise TypeError("only a create makes a listing")
    alike = [
        listing
        for listing in seen.values()
        if listing is not None and listing.item == write.item and _is_newer(listing.listing_id, intent)
    ]
    owners = await tx.lots_of_listings(intent.seller_id, [listing.listing_id for listing in alike])
    sold: dict[ListingId, int] = {}
    for line in await tx.lines_of_seller(intent.seller_id):
        if line.lot_id is None and line.item == write.item and _is_newer(line.listing_id, intent):
            sold[line.listing_id] = sold.get(line.listing_id, 0) + line.total
    return [listing for listing in alike if listing.listing_id not in owners], sold


def _is_newer(listing_id: ListingId, intent: Intent) -> bool:
    return listing_id.isdigit() and int(listing_id) > intent.above_listing_id
