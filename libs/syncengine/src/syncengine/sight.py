"""What a look sees: the lots that want one, and listings between two reads of all orders (rule K1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from syncengine.lane import Lane, NothingReadError
from syncengine.listing import Listing, ListingId
from syncengine.marketplace import Create
from syncengine.orders import OrdersSeen, read_orders
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
from syncengine.settings import Settings
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A lot to look at, and the intent that left it unknown, if one did."""

    row: ListingRow
    intent: Intent | None

    @property
    def is_create(self) -> bool:
        """Whether its listing, if there is one, is yet to be found."""
        return self.intent is not None and isinstance(self.intent.write, Create)

    @property
    def comes_along(self) -> bool:
        """Whether a look that others are due for may find its listing as well: nothing of its call lands later."""
        return self.intent is not None and self.intent.answered_at is not None and self.row.not_before is None

    def due_at(self, settings: Settings, now: datetime) -> datetime:
        """When a look can say something (rule K1)."""
        row, moments = self.row, []
        if self.intent is not None:
            moments.append(self.intent.looked_at_from(settings))
        elif row.look_since is not None:
            moments.append(row.look_since)
        elif row.probation is not None:
            return row.probation.due_at
        if row.not_before is not None:
            moments.append(row.not_before)
        return max(moments, default=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look saw: listings between two reads of all orders."""

    listings: Mapping[ListingId, Listing | None]
    """By id: None where there is no such listing."""
    listed: Collection[ListingId]
    """Those that the whole list showed, if it was read; not those that a read of their own did."""
    list_read_at: datetime
    """By the shop's clock, if the whole list was read."""
    alone: Mapping[ListingId, datetime]
    """When those were read that a read of their own showed, one after the other; by the shop's clock as well."""
    at: datetime
    """By ours, before the first listing was read."""
    before: OrdersSeen
    after: OrdersSeen

    def read_at(self, listing_id: ListingId) -> datetime:
        """Say when a listing was read, by the shop's clock."""
        return self.alone.get(listing_id, self.list_read_at)

    def lacks(self, listing_id: ListingId) -> bool:
        """Tell whether the whole list lacked a listing of which no read of its own proved that it is gone."""
        proved_gone = listing_id in self.listings and self.listings[listing_id] is None
        return listing_id not in self.listed and not proved_gone


async def suspects(tx: Transaction, connection: ConnectionRow) -> list[Suspect]:
    """List every lot that wants a look, now or later."""
    intents = {intent.intent_id: intent for intent in await tx.open_intents(connection.seller_id)}
    return [
        Suspect(row=row, intent=intents.get(row.intent_id) if row.intent_id is not None else None)
        for row in await tx.looks_wanted(connection.seller_id)
    ]


async def still_suspect(tx: Transaction, connection: ConnectionRow, due: Sequence[Suspect]) -> list[Suspect]:
    """Get these suspects as they are by now; what nobody suspects any more is left out."""
    intents = {intent.intent_id: intent for intent in await tx.open_intents(connection.seller_id)}
    rows = await tx.find_listings([suspect.row.lot_id for suspect in due])
    current = []
    for then in due:
        row = rows.get(then.row.lot_id)
        if row is None or not (row.unknown or (row.intent_id is None and (row.look_since or row.probation))):
            continue
        now = Suspect(row=row, intent=intents.get(row.intent_id) if row.intent_id is not None else None)
        current += [now] if now.is_create == then.is_create else []
    return current


async def see(lane: Lane, due: Sequence[Suspect]) -> Sight:
    """Read the listings of these lots, and all orders before and after.

    Raises:
        PausedError: a call could not be made.
        NothingReadError: one brought nothing.
    """
    pages, settings = lane.shop.facts.order_pages, lane.settings
    whole_list = len(due) >= settings.list_look_from or any(suspect.row.listing_id is None for suspect in due)
    before = await read_orders(lane, pages)
    at = lane.clock.now()
    listings: dict[ListingId, Listing | None] = {}
    list_read_at, alone = at, {}
    if whole_list:
        read = await lane.read(settings.list_deadline, lane.shop.read_all, whole=True)
        listings, list_read_at = {listing.listing_id: listing for listing in read.listings}, read.read_at
    listed = frozenset(listings)
    for suspect in due:
        # A list may be short: that a listing is gone, only its own read proves.
        if suspect.row.listing_id is not None and suspect.row.listing_id not in listings:
            try:
                one = await lane.read(settings.call_deadline, partial(lane.shop.read, suspect.row.listing_id))
            except NothingReadError as failure:
                failure.listing_id = suspect.row.listing_id
                raise
            listings[suspect.row.listing_id], alone[suspect.row.listing_id] = one.listing, one.read_at
    after = await read_orders(lane, pages)
    return Sight(
        listings=listings,
        listed=listed,
        list_read_at=list_read_at,
        alone=alone,
        at=at,
        before=before,
        after=after,
    )
