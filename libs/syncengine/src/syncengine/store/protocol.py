"""What the engine asks of whatever keeps its rows.

One transaction serves one seller at a time: it locks the connection row first, so all writers of a seller take turns
and no other lock is needed. Nothing here knows the time: moments come in as arguments.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncengine.events import Event
from syncengine.listing import CatalogEntry, Item, ListingId, LotId, OrderId, SellerId
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow, Lease, Spent
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.rows.order import Booking, LineRow, OrderRow
from syncengine.rows.shop import Counterpart, ShopListing
from syncengine.settings import Settings


class FencedError(Exception):
    """The lease is another worker's by now: nothing was written (rule L2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingCounts:
    """What is on its way for a seller, in lots."""

    waiting: int
    """With a call to make that nothing but its turn, or its not_before, holds back."""
    unknown: int
    """Whose last write has an unknown outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """What was answered to a person's request: a repeat is answered alike, whatever happened since."""

    request_id: str
    digest: bytes
    """Of what was asked."""
    answer: bytes
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A lot whose listing shows, by our books or where those do not explain it, another quantity than it should."""

    lot_id: LotId
    listing_id: ListingId
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """An entry for which the marketplace's catalogue has nothing, or several."""

    entry: CatalogEntry
    lots: int
    """Of the seller, that are of it."""
    since: datetime
    """When it was first asked for."""
    candidates: tuple[CatalogEntry, ...] = ()
    """Where there are several: which."""


class Transaction(Protocol):
    """All or nothing. Reads see the transaction's own writes."""

    # connections
    async def find_connection(self, seller_id: SellerId) -> ConnectionRow | None:
        """Find, without a lock."""
        ...

    async def lock_connection(self, seller_id: SellerId) -> ConnectionRow:
        """Get for update; a seller never heard of gets a fresh row. Several are locked in the order of their ids."""
        ...

    async def save_connection(self, row: ConnectionRow) -> None:
        """Replace."""
        ...

    async def pinged(self, *, token: str, shop_number: str) -> Sequence[SellerId]:
        """List, by id, the enabled connections that a ping names, by a token or a shop's number that is not empty."""
        ...

    async def shop_pinned_by(self, name: str, *, besides: SellerId) -> SellerId | None:
        """Find the enabled connection, of any other seller, that pinned this shop and whose pin has not lapsed (W1)."""
        ...

    async def connections(self) -> Sequence[SellerId]:
        """List all, by id."""
        ...

    async def note_loss(self, at: datetime) -> None:
        """Remember that this database was found lost or restored (rule T2), and fence whoever works on what it was."""
        ...

    async def last_loss(self) -> datetime | None:
        """Tell when that was last found."""
        ...

    # listings
    async def find_listing(self, lot_id: LotId) -> ListingRow | None:
        """Find one lot's row."""
        ...

    async def find_listings(self, lot_ids: Collection[LotId]) -> Mapping[LotId, ListingRow]:
        """Find several at once."""
        ...

    async def listings_of(self, seller_id: SellerId) -> Sequence[ListingRow]:
        """List all rows of a seller, by lot id."""
        ...

    async def save_listings(self, rows: Sequence[ListingRow], tiers: Sequence[Tier | None]) -> None:
        """Insert or replace; `tiers` says, row by row, what rank its next call has, None: there is none to make."""
        ...

    async def next_listings(
        self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime, limit: int
    ) -> Sequence[ListingRow]:
        """List rows with a call to make, without an intent or a wanted look, not_before reached; best tier first."""
        ...

    async def next_listing_at(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        """Tell when next_listings finds its next row: `now` if it finds one already."""
        ...

    async def next_look_at(self, seller_id: SellerId, settings: Settings, now: datetime) -> datetime | None:
        """Tell when the first of the rows that looks_wanted lists is due (`Suspect.due_at`)."""
        ...

    async def looks_wanted(self, seller_id: SellerId) -> Sequence[ListingRow]:
        """List rows with look_since set, on probation, or whose intent's outcome is unknown."""
        ...

    async def count_listings(self, seller_id: SellerId) -> ListingCounts:
        """Count, for the seller to see."""
        ...

    async def count_calls(self, seller_id: SellerId, tier: Tier) -> int:
        """Count rows whose next call has this rank, put off or not."""
        ...

    async def count_listed(self, seller_id: SellerId) -> int:
        """Count rows that have a listing."""
        ...

    async def differences(self, seller_id: SellerId, *, after: LotId | None, limit: int) -> Sequence[Difference]:
        """List, for the seller to see, by lot id, from the one after `after` on."""
        ...

    async def rows_in_trouble(self, seller_id: SellerId, trouble: Trouble) -> Sequence[ListingRow]:
        """List rows with this trouble, by lot id."""
        ...

    async def listings_with_pieces(self, seller_id: SellerId) -> Collection[ListingId]:
        """List the listings that lots have, but those that are empty by our books."""
        ...

    async def count_lots(self, seller_id: SellerId) -> int:
        """Count all rows of a seller."""
        ...

    async def oldest_waiting(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        """Tell since when the row that has waited longest could have been sent: of those that next_listings finds."""
        ...

    async def listings_for_a_person(
        self, seller_id: SellerId, *, reason: str = "", after: LotId | None = None, limit: int
    ) -> Sequence[ListingRow]:
        """List rows with trouble, parked groups or conflicts, by lot id, from the one after `after` on.

        `reason`: a trouble's word, that of a parked group, or CHANGED_IN_SHOP; empty for all.
        """
        ...

    async def count_reasons(self, seller_id: SellerId) -> Mapping[str, int]:
        """Count the lots that wait for a person, by reason; one that waits for several counts for each."""
        ...

    # which listing ever stood for which lot (rule N5)
    async def add_listing_ids(
        self, seller_id: SellerId, pairs: Collection[tuple[ListingId, LotId]], *, created: bool = False
    ) -> None:
        """Remember; known pairs are left alone. `created`: we made these listings for these lots."""
        ...

    async def created_among(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Collection[ListingId]:
        """Find those that we made: each of their orders is later than the lot's count, whatever two clocks say."""
        ...

    async def lots_of_listings(
        self, seller_id: SellerId, listing_ids: Collection[ListingId]
    ) -> Mapping[ListingId, LotId]:
        """Find the owners of these listings."""
        ...

    async def listing_ids_of(self, lot_ids: Collection[LotId]) -> Mapping[LotId, Mapping[ListingId, bool]]:
        """List every listing that each lot ever had, by id, and whether we made it."""
        ...

    # intents
    async def add_intents(self, intents: Sequence[Intent]) -> None:
        """Insert."""
        ...

    async def save_intents(self, intents: Sequence[Intent]) -> None:
        """Replace."""
        ...

    async def get_intent(self, intent_id: IntentId) -> Intent:
        """Get one."""
        ...

    async def open_intents(self, seller_id: SellerId, *, fate: Fate | None = None) -> Sequence[Intent]:
        """List those whose fate is OPEN or UNKNOWN, or one of the two if given, by sent_at and id."""
        ...

    async def creates_under_way(self, seller_id: SellerId, settings: Settings) -> Mapping[Item, datetime]:
        """Tell, item by item, until when the outcome of an open create stays open (`Intent.looked_at_from`)."""
        ...

    async def writes_since(self, seller_id: SellerId, since: datetime) -> Mapping[Tier, int]:
        """Count calls made later, by what they did; an update of several things counts for the first of them."""
        ...

    # orders
    async def find_orders(self, seller_id: SellerId, order_ids: Collection[OrderId]) -> Mapping[OrderId, OrderRow]:
        """Find several at once."""
        ...

    async def save_order(self, order: OrderRow) -> None:
        """Insert or replace."""
        ...

    async def orders_by_hour(self, seller_id: SellerId, since: datetime) -> Sequence[tuple[datetime, int]]:
        """Count orders placed later, by the hour in which they were, oldest first; an hour without any is left out."""
        ...

    async def orders_since(self, seller_id: SellerId, since: datetime) -> Sequence[datetime]:
        """List when orders were placed that were placed later, oldest first."""
        ...

    async def lines_of_order(self, seller_id: SellerId, order_id: OrderId) -> Sequence[LineRow]:
        """List."""
        ...

    async def ownerless_lines(self, seller_id: SellerId) -> Sequence[LineRow]:
        """List lines whose listing stands or stood for no lot that we know."""
        ...

    async def lines_of_seller(self, seller_id: SellerId) -> Sequence[LineRow]:
        """List, for a census."""
        ...

    async def lines_of_listings(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Sequence[LineRow]:
        """List."""
        ...

    async def save_lines(self, lines: Sequence[LineRow]) -> None:
        """Insert or replace."""
        ...

    async def add_bookings(self, bookings: Sequence[Booking]) -> None:
        """Insert."""
        ...

    async def booked_after(self, seqs: Mapping[LotId, int]) -> Mapping[LotId, int]:
        """Sum, lot by lot, the pieces booked with a seq above the given one; a lot without any may be left out."""
        ...

    # the shop as the census saw it
    async def replace_shop_listings(self, seller_id: SellerId, listings: Sequence[ShopListing]) -> None:
        """Replace all of a seller."""
        ...

    async def add_shop_listing(self, listing: ShopListing) -> None:
        """Insert or replace one."""
        ...

    async def unowned(self, seller_id: SellerId, item: Item | None = None) -> Sequence[ShopListing]:
        """List those that no lot ever had, of one item if given."""
        ...

    async def page_of_unowned(
        self, seller_id: SellerId, *, after: ListingId | None, limit: int
    ) -> Sequence[ShopListing]:
        """List those of them that the last list showed, by listing id, from the one after `after` on."""
        ...

    async def listed(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Mapping[ListingId, ShopListing]:
        """Find those of these listings that the last list showed, whosever they are."""
        ...

    # what items are in the marketplace's own catalogue
    async def find_counterparts(
        self, seller_id: SellerId, entries: Collection[CatalogEntry]
    ) -> Mapping[CatalogEntry, Counterpart]:
        """Find several at once."""
        ...

    async def save_counterparts(self, counterparts: Sequence[Counterpart]) -> None:
        """Insert or replace."""
        ...

    async def entries_to_ask(self, seller_id: SellerId, *, now: datetime, limit: int) -> Sequence[CatalogEntry]:
        """List entries of unmapped lots, by name, that were never asked for, or are to be again.

        Of lots with pieces, or a listing: whether that is of the lot's item no other way tells (N4).
        """
        ...

    async def listings_of_entries(self, seller_id: SellerId, entries: Collection[CatalogEntry]) -> Sequence[ListingRow]:
        """List rows of lots that are of these entries, mapped or not, by lot id."""
        ...

    async def unmapped(self, seller_id: SellerId, *, after: str, limit: int) -> Sequence[Unmapped]:
        """List entries that were asked for and of which lots are unmapped, by name, from the one after `after` on."""
        ...

    # what people asked
    async def find_answered(self, seller_id: SellerId, request_id: str) -> AnsweredRequest | None:
        """Find what was answered to this request."""
        ...

    async def keep_answered(self, seller_id: SellerId, answered: AnsweredRequest) -> None:
        """Insert."""
        ...

    async def forget_answered(self, seller_id: SellerId, *, before: datetime) -> None:
        """Forget what was answered to this seller's requests before a moment."""
        ...

    # budget (rule B1)
    async def calls_since(self, seller_id: SellerId, limit: str, since: datetime) -> Spent:
        """Count charged calls."""
        ...

    async def charged(self, seller_id: SellerId, limit: str, since: datetime) -> Sequence[tuple[datetime, Spent]]:
        """List the same by moment, oldest first."""
        ...

    async def charge(self, seller_id: SellerId, limit: str, at: datetime, *, write: bool, calls: int = 1) -> None:
        """Count a call, as so many. Calls may be summed in buckets of up to a 1/144 of the limit's window."""
        ...

    # out
    async def publish(self, events: Sequence[Event]) -> None:
        """Append to the outbox."""
        ...


class Store(Protocol):
    """Keeps the rows of one marketplace."""

    def transaction(self, lease: Lease | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; with a lease, raise `FencedError` unless it is still its owner's, and keep it so."""
        ...

    async def take_lease(self, seller_id: SellerId, owner: str, now: datetime, until: datetime) -> Lease | None:
        """Take or renew a lease; None while another owner's has not expired. A new term only for a new owner."""
        ...

    async def release_lease(self, lease: Lease, now: datetime) -> None:
        """Let it expire now, if it is still ours."""
        ...

    async def next_due(self, owner: str, now: datetime) -> SellerId | None:
        """Find the connection least recently served that is due and not leased to another (rule L4)."""
        ...

    async def next_due_at(self) -> datetime | None:
        """Tell when the earliest connection is due."""
        ...
