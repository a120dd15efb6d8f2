"""Looks: an unknown outcome, or a number that does not fit, is settled by reading, never by sending (K1-K5, N3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from syncengine.alike import free_look_alikes
from syncengine.booking import sold_out, tell_linked_lines, tell_restocked
from syncengine.drift import noticed, written_fields
from syncengine.events import RECOUNT
from syncengine.explain import explain, explain_in_hindsight, observation
from syncengine.explain_create import Absent, Made, Undecided, explain_create, explain_create_in_hindsight, pieces_of
from syncengine.held import hold_items
from syncengine.hindsight import sold_after
from syncengine.lane import Lane
from syncengine.listing import Group, Listing, ListingId
from syncengine.marketplace import Create, Update
from syncengine.orders import OrdersSeen, read_orders
from syncengine.rows import ConnectionRow, Fate, Intent, LineRow, ListingRow, ShopListing, Trouble
from syncengine.send import with_highest
from syncengine.settle import closed, created, found, wants_look
from syncengine.store.protocol import Transaction

_OBSERVED_FOR = 4
"""Lag windows after which what can still be explained in two ways is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A lot to look at, and the intent that left it unknown, if one did."""

    row: ListingRow
    intent: Intent | None

    def due_at(self, lane: Lane) -> datetime:
        """When a look can say something (rule K1)."""
        row, moments = self.row, []
        if self.intent is not None:
            moments.append(self.intent.looked_at_from(lane.settings))
        elif row.look_since is not None:
            moments.append(row.look_since)
        elif row.probation is not None:
            return row.probation.due_at
        if row.not_before is not None:
            moments.append(row.not_before)
        return max(moments, default=lane.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look saw: listings between two reads of all orders."""

    listings: Mapping[ListingId, Listing | None]
    read_at: datetime
    """By the shop's clock."""
    at: datetime
    """By ours, before the first listing was read."""
    before: OrdersSeen
    after: OrdersSeen


async def suspects(tx: Transaction, connection: ConnectionRow) -> list[Suspect]:
    """List every lot that wants a look, now or later."""
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
    sight = await _see(lane, due)
    async with lane.transaction() as (tx, connection):
        shown = [listing_id for listing_id, listing in sight.listings.items() if listing is not None]
        await tx.save_connection(with_highest(connection, *shown))
        fresh = {suspect.row.lot_id: suspect for suspect in await suspects(tx, connection)}
        for suspect in due:
            current = fresh.get(suspect.row.lot_id)
            if current is None:
                continue
            if current.intent is not None and isinstance(current.intent.write, Create):
                await _settle_create(lane, tx, current.row, current.intent, sight)
            else:
                await _settle_known(lane, tx, current.row, current.intent, sight)


async def _see(lane: Lane, due: Sequence[Suspect]) -> Sight:
    pages, settings = lane.shop.facts.order_pages, lane.settings
    whole_list = len(due) >= settings.list_look_from or any(suspect.row.listing_id is None for suspect in due)
    before = await read_orders(lane, pages)
    at = lane.clock.now()
    listings: dict[ListingId, Listing | None] = {}
    read_at = at
    if whole_list:
        read = await lane.read(settings.list_deadline, lane.shop.read_all)
        listings, read_at = {listing.listing_id: listing for listing in read.listings}, read.read_at
    for suspect in due:
        # A list may be short: that a listing is gone, only its own read proves.
        if suspect.row.listing_id is not None and suspect.row.listing_id not in listings:
            one = await lane.read(settings.call_deadline, partial(lane.shop.read, suspect.row.listing_id))
            read_at = min(read_at, one.read_at) if listings else one.read_at
            listings[suspect.row.listing_id] = one.listing
    after = await read_orders(lane, pages)
    return Sight(listings=listings, read_at=read_at, at=at, before=before, after=after)


# A lot whose listing is known ----------------------------------------------------------------------------------------


async def _settle_known(lane: Lane, tx: Transaction, row: ListingRow, intent: Intent | None, sight: Sight) -> None:
    now = lane.clock.now()
    if row.listing_id is None:  # sold out while we looked: nothing is left to compare
        if intent is not None:
            await tx.save_intent(closed(intent, Fate.NOT_APPLIED, now))
        calm = replace(row, intent_id=None, unknown=False, look_since=None, observed=None, probation=None)
        await lane.save(tx, [calm])
        return
    if row.listing_id in sight.after.touched:
        await lane.save(tx, [_again(row, now + lane.settings.backoff_base, now)])  # the two reads disagree (rule K1)
        return
    listing = sight.listings.get(row.listing_id)
    if row.ledger is None and listing is not None:  # it was not known to be there (rule N3)
        # An order before this read may still show up: no increase repairs what it explains (rule K4).
        late = sight.at + lane.settings.lag_window
        there = replace(found(row, listing, sight.read_at), look_since=None, not_before=None, raise_after=late)
        await lane.save(tx, [there])
        return
    seen = observation(intent, sight.listings.get(row.listing_id), sight.read_at, sight.at)
    lines = await tx.lines_of_listings(row.seller_id, [row.listing_id])
    returned = sum(line.returned for line in lines)
    known = explain(row, intent, seen, lane.settings, now, returned=returned)
    if known is None and row.observed is None:
        row = replace(row, observed=seen)
    complete_at = (row.observed or seen).at + lane.settings.lag_window
    if known is None and sight.before.began_at >= complete_at:
        since = sold_after(lines, row.observed.read_at, lane.settings.anchor_doubt) if row.observed else frozenset({0})
        last = row.look_since is not None and now >= row.look_since + _OBSERVED_FOR * lane.settings.lag_window
        known = explain_in_hindsight(row, intent, sold_since=since, now=now, last=last, returned=returned)
        if known is None:
            row, complete_at = replace(row, observed=seen), seen.at + lane.settings.lag_window
    if known is None:
        await lane.save(tx, [_again(row, max(complete_at, now + lane.settings.backoff_base), now)])
        return
    row = known.row
    if known.intent is not None:
        await tx.save_intent(known.intent)
    if known.restocked:
        row = await tell_restocked(tx, row, lines, known.restocked, lane.shop.facts, now)
    listing = sight.listings.get(row.listing_id) if row.listing_id is not None else None
    if listing is not None:
        write = intent.write if intent is not None else None
        written = written_fields(write) if isinstance(write, Update) else frozenset()
        row = noticed(row, listing, lane.shop.facts, but=written)
        # What was written and shows otherwise is due again, once (rule F3).
        other = {name: value for name, value in listing.fields.items() if name in written and row.sent[name] != value}
        row = replace(row, sent={**row.sent, **other})
    # A decrease that the shop refuses is no nearer to being explained when it is sent again at once.
    again_at = now + lane.settings.halt_probe_interval if row.trouble is not None else None
    await lane.save(tx, [replace(row, not_before=again_at)])


def _again(row: ListingRow, at: datetime, now: datetime) -> ListingRow:
    """Look again at this moment; what was only on probation is now in doubt."""
    return replace(row, not_before=at, look_since=row.look_since or now)


# A create whose listing is not --------------------------------------------------------------------------------------


async def _settle_create(lane: Lane, tx: Transaction, row: ListingRow, intent: Intent, sight: Sight) -> None:
    now = lane.clock.now()
    newcomers, lines = await _traces(lane, tx, intent, sight)
    if any(listing.listing_id not in (intent.newcomers or {}) for listing in newcomers):
        intent = replace(intent, listed_at=None)  # the first list was stale or short: this one stands for it (rule N3)
    found: Made | Absent | Undecided = explain_create(intent, newcomers, lines)
    complete_at = (intent.listed_at or sight.at) + lane.settings.lag_window
    if isinstance(found, Undecided) and intent.listed_at is not None and sight.before.began_at >= complete_at:
        found = explain_create_in_hindsight(intent, newcomers, lines, lane.settings)
        if isinstance(found, Undecided):
            await tx.save_intent(closed(intent, Fate.UNKNOWN, now, "UNEXPLAINED"))
            doubtful = replace(row, intent_id=None, unknown=False, trouble=Trouble.CREATE_UNEXPLAINED, not_before=None)
            for listing in newcomers:  # among them the seller chooses
                await tx.add_shop_listing(ShopListing(seller_id=row.seller_id, listing=listing, seen_at=now))
            await lane.save(tx, [doubtful])
            return
    match found:
        case Made(listing_id=listing_id):
            await _link(lane, tx, row, intent, listing_id, newcomers, lines)
        case Absent() if _shows_a_shop(lane, intent, sight) and not await _misses_others(tx, row, sight):
            await tx.save_intent(closed(intent, Fate.NOT_APPLIED, now))
            await lane.save(tx, [replace(row, intent_id=None, unknown=False, not_before=None)])
        case _:
            if intent.listed_at is None and not await _misses_others(tx, row, sight):
                pieces = pieces_of(intent, newcomers, lane.shop.facts)
                intent = replace(intent, newcomers=pieces, listed_at=sight.at, list_read_at=sight.read_at)
                await tx.save_intent(intent)
            again_at = max(complete_at, now + lane.settings.late_window)
            await lane.save(tx, [replace(row, not_before=again_at)])


async def _link(
    lane: Lane,
    tx: Transaction,
    row: ListingRow,
    intent: Intent,
    listing_id: ListingId,
    newcomers: Sequence[Listing],
    lines: Sequence[LineRow],
) -> None:
    """Book that the create made this listing; pieces of it in orders are off its ledger already (rule Q1)."""
    now = lane.clock.now()
    row = created(row, intent, listing_id)
    sold = sum(line.total for line in lines if line.listing_id == listing_id)
    row = replace(row, ledger=(row.ledger or 0) - sold, not_before=None)
    if row.ledger is not None and row.ledger < 0:
        row = wants_look(row, now)  # rule K3
    # What shows otherwise than it was sent was changed since; but a text the shop may have cleaned.
    texts = {name for name, group in lane.shop.facts.groups.items() if group is Group.TEXT}
    row = replace(row, shown={name: value for name, value in row.sent.items() if name not in texts})
    shown = next((listing for listing in newcomers if listing.listing_id == listing_id), None)
    if shown is not None:
        row = noticed(row, shown, lane.shop.facts)
    await tx.add_listing_ids(row.seller_id, [(listing_id, row.lot_id)], created=True)
    await tx.save_intent(closed(intent, Fate.APPLIED, now))
    told = await tell_linked_lines(tx, [row], {listing_id: row.lot_id}, RECOUNT, lane.shop.facts, now)
    row = told[row.lot_id]
    await lane.save(tx, [sold_out(row) if row.ledger == 0 and not row.sent_retain else row])
    await free_look_alikes(tx, row.seller_id, row.desired.item, lane.shop.facts, now)
    await hold_items(tx, row.seller_id, lane.shop.facts, now)


def _shows_a_shop(lane: Lane, intent: Intent, sight: Sight) -> bool:
    """Tell whether a list can prove absence: a closed shop lists nothing, for hours (rules C5, N3)."""
    is_empty = not any(sight.listings.values())
    return not is_empty or lane.clock.now() >= intent.sent_at + lane.settings.census_interval


async def _misses_others(tx: Transaction, row: ListingRow, sight: Sight) -> bool:
    """Tell whether a list lacks other listings of ours that orders do not explain: such a list proves nothing (N3)."""
    others = await tx.listings_of(row.seller_id)
    return any(
        other.listing_id is not None and other.ledger and other.listing_id not in sight.listings for other in others
    )


async def _traces(lane: Lane, tx: Transaction, intent: Intent, sight: Sight) -> tuple[list[Listing], list[LineRow]]:
    """Find what can be an unanswered create's: in the list, and in order lines that no lot owns (rule N3)."""
    write = intent.write
    if not isinstance(write, Create):
        raise TypeError("only a create makes a listing")
    alike = [
        listing
        for listing in sight.listings.values()
        if listing is not None and listing.item == write.item and _is_newer(listing.listing_id, intent)
    ]
    owners = await tx.lots_of_listings(intent.seller_id, [listing.listing_id for listing in alike])
    lines = [
        line
        for line in await tx.ownerless_lines(intent.seller_id)
        if line.item == write.item and _is_newer(line.listing_id, intent)
    ]
    # What sold before our call began is somebody else's listing.
    older = {line.listing_id for line in lines if line.grown_at < intent.sent_at - lane.settings.anchor_doubt}
    others = older | owners.keys()
    newcomers = [listing for listing in alike if listing.listing_id not in others]
    return newcomers, [line for line in lines if line.listing_id not in older]


def _is_newer(listing_id: ListingId, intent: Intent) -> bool:
    return listing_id.isdigit() and int(listing_id) > intent.above_listing_id
