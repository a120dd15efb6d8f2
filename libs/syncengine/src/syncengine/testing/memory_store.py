"""A `Store` in memory: transactions that are all or nothing, one seller's at a time, and can be cut at their end."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncengine.events import Event
from syncengine.listing import CatalogEntry, Item, ListingId, LotId, OrderId, SellerId
from syncengine.marketplace import Create, Update
from syncengine.plan import Tier, tier_of_write
from syncengine.rhythm import hour_of
from syncengine.rows.connection import ConnectionRow, Lease, Spent
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.rows.listing import CHANGED_IN_SHOP, ListingRow, Trouble
from syncengine.rows.order import Booking, LineRow, OrderRow
from syncengine.rows.shop import Counterpart, ShopListing
from syncengine.settings import Settings
from syncengine.sight import Suspect
from syncengine.store.protocol import AnsweredRequest, Difference, FencedError, ListingCounts, Unmapped


@dataclass(slots=True)
class Tables:
    """All that is kept."""

    connections: dict[SellerId, ConnectionRow] = field(default_factory=dict)
    listings: dict[LotId, ListingRow] = field(default_factory=dict)
    tiers: dict[LotId, Tier | None] = field(default_factory=dict)
    owners: dict[tuple[SellerId, ListingId], LotId] = field(default_factory=dict)
    created: set[tuple[SellerId, ListingId]] = field(default_factory=set)
    intents: dict[IntentId, Intent] = field(default_factory=dict)
    unsettled: dict[IntentId, Intent] = field(default_factory=dict)
    """Those of `intents` that are OPEN or UNKNOWN."""
    orders: dict[tuple[SellerId, OrderId], OrderRow] = field(default_factory=dict)
    lines: dict[tuple[SellerId, OrderId, ListingId], LineRow] = field(default_factory=dict)
    bookings: dict[LotId, tuple[Booking, ...]] = field(default_factory=dict)
    shop: dict[tuple[SellerId, ListingId], ShopListing] = field(default_factory=dict)
    counterparts: dict[tuple[SellerId, CatalogEntry], Counterpart] = field(default_factory=dict)
    calls: list[tuple[SellerId, str, datetime, Spent]] = field(default_factory=list)
    """In the order of time."""
    answered: dict[tuple[SellerId, str], AnsweredRequest] = field(default_factory=dict)
    leases: dict[SellerId, Lease] = field(default_factory=dict)
    outbox: list[Event] = field(default_factory=list)
    lost_at: datetime | None = None

    def copy(self) -> "Tables":
        """Share every container, until `own` is asked for one."""
        return replace(self)

    def own(self, name: str) -> None:
        """Copy a container before it is written to: others may share it."""
        container = getattr(self, name)
        setattr(self, name, type(container)(container))


@dataclass(slots=True)
class MemoryTransaction:
    """One transaction's view: of the store's own tables until it first writes, then of a copy."""

    tables: Tables
    owned: set[str] = field(default_factory=set)

    def _write(self, name: str) -> Tables:
        """Make this container ours; rows are frozen, so a copy of the container is a copy of all."""
        if not self.owned:
            self.tables = self.tables.copy()
        if name not in self.owned:
            self.owned.add(name)
            self.tables.own(name)
        return self.tables

    async def find_connection(self, seller_id: SellerId) -> ConnectionRow | None:
        return self.tables.connections.get(seller_id)

    async def lock_connection(self, seller_id: SellerId) -> ConnectionRow:
        if seller_id not in self.tables.connections:
            self._write("connections").connections[seller_id] = ConnectionRow(seller_id=seller_id)
        return self.tables.connections[seller_id]

    async def save_connection(self, row: ConnectionRow) -> None:
        self._write("connections").connections[row.seller_id] = row

    async def pinged(self, *, token: str, shop_number: str) -> Sequence[SellerId]:
        return [
            seller_id
            for seller_id, one in sorted(self.tables.connections.items())
            if one.enabled and ((token and one.ping_token == token) or (shop_number and one.shop_number == shop_number))
        ]

    async def shop_pinned_by(self, name: str, *, besides: SellerId) -> SellerId | None:
        pinned = (row for row in self.tables.connections.values() if row.enabled and not row.pin_lapsed)
        holders = (row.seller_id for row in pinned if row.pinned_name.casefold() == name.casefold())
        return min((seller_id for seller_id in holders if seller_id != besides), default=None)

    async def connections(self) -> Sequence[SellerId]:
        return sorted(self.tables.connections)

    async def note_loss(self, at: datetime) -> None:
        self._write("leases").lost_at = at
        self.tables.leases = {
            seller_id: replace(lease, term=lease.term + 1, expires_at=at)
            for seller_id, lease in self.tables.leases.items()
        }

    async def last_loss(self) -> datetime | None:
        return self.tables.lost_at

    async def find_listing(self, lot_id: LotId) -> ListingRow | None:
        return self.tables.listings.get(lot_id)

    async def find_listings(self, lot_ids: Collection[LotId]) -> Mapping[LotId, ListingRow]:
        return {lot_id: self.tables.listings[lot_id] for lot_id in lot_ids if lot_id in self.tables.listings}

    async def listings_of(self, seller_id: SellerId) -> Sequence[ListingRow]:
        return [row for _, row in sorted(self.tables.listings.items()) if row.seller_id == seller_id]

    async def save_listings(self, rows: Sequence[ListingRow], tiers: Sequence[Tier | None]) -> None:
        self._write("listings"), self._write("tiers")
        for row, tier in zip(rows, tiers, strict=True):
            self.tables.listings[row.lot_id] = row
            self.tables.tiers[row.lot_id] = tier

    def _callable_rows(self, seller_id: SellerId, tiers: Collection[Tier]) -> list[ListingRow]:
        rows = [
            row
            for row in self.tables.listings.values()
            if row.seller_id == seller_id
            and row.intent_id is None
            and row.look_since is None
            and self.tables.tiers[row.lot_id] in tiers
        ]
        return sorted(rows, key=lambda row: (self.tables.tiers[row.lot_id] or 0, not row.shows_sold, row.lot_id))

    async def next_listings(
        self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime, limit: int
    ) -> Sequence[ListingRow]:
        rows = self._callable_rows(seller_id, tiers)
        return [row for row in rows if row.not_before is None or row.not_before <= now][:limit]

    async def next_listing_at(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        return min((max(row.not_before or now, now) for row in self._callable_rows(seller_id, tiers)), default=None)

    async def next_look_at(self, seller_id: SellerId, settings: Settings, now: datetime) -> datetime | None:
        unsettled = self.tables.unsettled
        wanted = [
            Suspect(row=row, intent=unsettled.get(row.intent_id) if row.intent_id is not None else None)
            for row in await self.looks_wanted(seller_id)
        ]
        return min((suspect.due_at(settings, now) for suspect in wanted), default=None)

    async def looks_wanted(self, seller_id: SellerId) -> Sequence[ListingRow]:
        return [
            row
            for row in await self.listings_of(seller_id)
            if row.unknown or (row.intent_id is None and (row.look_since is not None or row.probation is not None))
        ]

    async def count_listings(self, seller_id: SellerId) -> ListingCounts:
        rows = await self.listings_of(seller_id)
        return ListingCounts(
            waiting=len(self._callable_rows(seller_id, list(Tier))), unknown=sum(row.unknown for row in rows)
        )

    async def count_calls(self, seller_id: SellerId, tier: Tier) -> int:
        return len(self._callable_rows(seller_id, [tier]))

    async def count_listed(self, seller_id: SellerId) -> int:
        return sum(row.listing_id is not None for row in await self.listings_of(seller_id))

    async def differences(self, seller_id: SellerId, *, after: LotId | None, limit: int) -> Sequence[Difference]:
        found = []
        for row in await self.listings_of(seller_id):
            theirs = row.ledger if row.theirs is None else row.theirs
            if row.lot_id > (after or "") and row.listing_id is not None and theirs not in (None, row.target):
                found.append(
                    Difference(lot_id=row.lot_id, listing_id=row.listing_id, ours=row.target, theirs=theirs or 0)
                )
        return found[:limit]

    async def rows_in_trouble(self, seller_id: SellerId, trouble: Trouble) -> Sequence[ListingRow]:
        return [row for row in await self.listings_of(seller_id) if row.trouble is trouble]

    async def listings_with_pieces(self, seller_id: SellerId) -> Collection[ListingId]:
        return {
            row.listing_id
            for row in await self.listings_of(seller_id)
            if row.listing_id is not None and row.ledger not in (None, 0)
        }

    async def count_lots(self, seller_id: SellerId) -> int:
        return len(await self.listings_of(seller_id))

    async def oldest_waiting(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        rows = await self.next_listings(seller_id, tiers=tiers, now=now, limit=len(self.tables.listings))
        return min((row.waiting_since for row in rows if row.waiting_since is not None), default=None)

    async def listings_for_a_person(
        self, seller_id: SellerId, *, reason: str = "", after: LotId | None = None, limit: int
    ) -> Sequence[ListingRow]:
        rows = [row for row in await self.listings_of(seller_id) if row.lot_id > (after or "") and _reasons(row)]
        return [row for row in rows if not reason or reason in _reasons(row)][:limit]

    async def count_reasons(self, seller_id: SellerId) -> Mapping[str, int]:
        return Counter(reason for row in await self.listings_of(seller_id) for reason in _reasons(row))

    async def add_listing_ids(
        self, seller_id: SellerId, pairs: Collection[tuple[ListingId, LotId]], *, created: bool = False
    ) -> None:
        if pairs:
            self._write("owners"), self._write("created")
        for listing_id, lot_id in pairs:
            self.tables.owners.setdefault((seller_id, listing_id), lot_id)
            if created:
                self.tables.created.add((seller_id, listing_id))

    async def created_among(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Collection[ListingId]:
        return {listing_id for listing_id in listing_ids if (seller_id, listing_id) in self.tables.created}

    async def lots_of_listings(
        self, seller_id: SellerId, listing_ids: Collection[ListingId]
    ) -> Mapping[ListingId, LotId]:
        owners = self.tables.owners
        return {wanted: owners[seller_id, wanted] for wanted in listing_ids if (seller_id, wanted) in owners}

    async def listing_ids_of(self, lot_ids: Collection[LotId]) -> Mapping[LotId, Mapping[ListingId, bool]]:
        found: dict[LotId, dict[ListingId, bool]] = {}
        wanted = set(lot_ids)
        for (seller_id, listing_id), lot_id in sorted(item for item in self.tables.owners.items() if item[1] in wanted):
            found.setdefault(lot_id, {})[listing_id] = (seller_id, listing_id) in self.tables.created
        return found

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        await self.save_intents(intents)

    async def save_intents(self, intents: Sequence[Intent]) -> None:
        kept, unsettled = self._write("intents").intents, self._write("unsettled").unsettled
        for intent in intents:
            kept[intent.intent_id] = intent
            if intent.settled_at is None:
                unsettled[intent.intent_id] = intent
            else:
                unsettled.pop(intent.intent_id, None)

    async def get_intent(self, intent_id: IntentId) -> Intent:
        return self.tables.intents[intent_id]

    async def creates_under_way(self, seller_id: SellerId, settings: Settings) -> Mapping[Item, datetime]:
        opened = await self.open_intents(seller_id)
        return {each.write.item: each.looked_at_from(settings) for each in opened if isinstance(each.write, Create)}

    async def open_intents(self, seller_id: SellerId, *, fate: Fate | None = None) -> Sequence[Intent]:
        opened = [
            intent
            for intent in self.tables.unsettled.values()
            if intent.seller_id == seller_id and fate in (None, intent.fate)
        ]
        return sorted(opened, key=lambda intent: (intent.sent_at, intent.intent_id))

    async def writes_since(self, seller_id: SellerId, since: datetime) -> Mapping[Tier, int]:
        calls = {
            intent.stamp: tier_of_write(
                type(intent.write).__name__,
                intent.write.delta if isinstance(intent.write, Update) else 0,
                for_sale=intent.write.for_sale if isinstance(intent.write, Update) else None,
                first_group=intent.groups[0],
            )
            for intent in self.tables.intents.values()
            if intent.seller_id == seller_id and intent.sent_at > since
        }
        return Counter(calls.values())

    async def find_orders(self, seller_id: SellerId, order_ids: Collection[OrderId]) -> Mapping[OrderId, OrderRow]:
        orders = self.tables.orders
        return {wanted: orders[seller_id, wanted] for wanted in order_ids if (seller_id, wanted) in orders}

    async def save_order(self, order: OrderRow) -> None:
        self._write("orders").orders[order.seller_id, order.order_id] = order

    async def orders_by_hour(self, seller_id: SellerId, since: datetime) -> Sequence[tuple[datetime, int]]:
        return sorted(Counter(map(hour_of, await self.orders_since(seller_id, since))).items())

    async def orders_since(self, seller_id: SellerId, since: datetime) -> Sequence[datetime]:
        orders = (order.ordered_at for (whose, _), order in self.tables.orders.items() if whose == seller_id)
        return sorted(at for at in orders if at > since)

    async def lines_of_order(self, seller_id: SellerId, order_id: OrderId) -> Sequence[LineRow]:
        found = [line for key, line in self.tables.lines.items() if key[0] == seller_id and key[1] == order_id]
        return sorted(found, key=lambda line: line.listing_id)

    async def ownerless_lines(self, seller_id: SellerId) -> Sequence[LineRow]:
        return [line for line in await self.lines_of_seller(seller_id) if line.lot_id is None]

    async def lines_of_seller(self, seller_id: SellerId) -> Sequence[LineRow]:
        return [line for _, line in sorted(self.tables.lines.items()) if line.seller_id == seller_id]

    async def lines_of_listings(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Sequence[LineRow]:
        return [line for line in await self.lines_of_seller(seller_id) if line.listing_id in listing_ids]

    async def save_lines(self, lines: Sequence[LineRow]) -> None:
        if lines:
            self._write("lines")
        for line in lines:
            self.tables.lines[line.seller_id, line.order_id, line.listing_id] = line

    async def add_bookings(self, bookings: Sequence[Booking]) -> None:
        if bookings:
            self._write("bookings")
        for booking in bookings:
            self.tables.bookings[booking.lot_id] = (*self.tables.bookings.get(booking.lot_id, ()), booking)

    async def booked_after(self, seqs: Mapping[LotId, int]) -> Mapping[LotId, int]:
        return {
            lot_id: sum(booking.pieces for booking in self.tables.bookings.get(lot_id, ()) if booking.seq > seq)
            for lot_id, seq in seqs.items()
        }

    async def replace_shop_listings(self, seller_id: SellerId, listings: Sequence[ShopListing]) -> None:
        self._write("shop").shop = {key: kept for key, kept in self.tables.shop.items() if key[0] != seller_id}
        for listing in listings:
            await self.add_shop_listing(listing)

    async def add_shop_listing(self, listing: ShopListing) -> None:
        self._write("shop").shop[listing.seller_id, listing.listing.listing_id] = listing

    async def unowned(self, seller_id: SellerId, item: Item | None = None) -> Sequence[ShopListing]:
        return [
            kept
            for key, kept in sorted(self.tables.shop.items())
            if key[0] == seller_id and key not in self.tables.owners and item in (None, kept.listing.item)
        ]

    async def page_of_unowned(
        self, seller_id: SellerId, *, after: ListingId | None, limit: int
    ) -> Sequence[ShopListing]:
        shown = [kept for kept in await self.unowned(seller_id) if kept.missed_at is None]
        return [kept for kept in shown if kept.listing.listing_id > (after or "")][:limit]

    async def listed(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Mapping[ListingId, ShopListing]:
        kept = {listing_id: self.tables.shop.get((seller_id, listing_id)) for listing_id in listing_ids}
        return {listing_id: one for listing_id, one in kept.items() if one is not None and one.missed_at is None}

    async def find_counterparts(
        self, seller_id: SellerId, entries: Collection[CatalogEntry]
    ) -> Mapping[CatalogEntry, Counterpart]:
        kept = self.tables.counterparts
        return {entry: kept[seller_id, entry] for entry in entries if (seller_id, entry) in kept}

    async def save_counterparts(self, counterparts: Sequence[Counterpart]) -> None:
        for counterpart in counterparts:
            self._write("counterparts").counterparts[counterpart.seller_id, counterpart.entry] = counterpart

    def _unmapped_entries(self, seller_id: SellerId) -> list[tuple[CatalogEntry, ListingRow]]:
        rows = [row for row in self.tables.listings.values() if row.seller_id == seller_id]
        return [(row.desired.entry, row) for row in rows if row.desired.entry is not None and not row.desired.is_mapped]

    async def entries_to_ask(self, seller_id: SellerId, *, now: datetime, limit: int) -> Sequence[CatalogEntry]:
        wanted: set[CatalogEntry] = set()
        for entry, row in self._unmapped_entries(seller_id):
            known = self.tables.counterparts.get((seller_id, entry))
            is_due = known is None or (
                known.found is None and known.ask_again_at is not None and known.ask_again_at <= now
            )
            if (row.desired.quantity > 0 or row.listing_id is not None) and is_due:
                wanted.add(entry)
        return sorted(wanted, key=lambda entry: entry.name)[:limit]

    async def listings_of_entries(self, seller_id: SellerId, entries: Collection[CatalogEntry]) -> Sequence[ListingRow]:
        return [row for row in await self.listings_of(seller_id) if row.desired.entry in entries]

    async def unmapped(self, seller_id: SellerId, *, after: str, limit: int) -> Sequence[Unmapped]:
        lots = Counter(entry for entry, _ in self._unmapped_entries(seller_id))
        known = await self.find_counterparts(seller_id, lots)
        named = sorted((entry for entry in known if entry.name > after), key=lambda entry: entry.name)
        return [
            Unmapped(entry=entry, lots=lots[entry], since=known[entry].since, candidates=known[entry].candidates)
            for entry in named[:limit]
        ]

    async def find_answered(self, seller_id: SellerId, request_id: str) -> AnsweredRequest | None:
        return self.tables.answered.get((seller_id, request_id))

    async def keep_answered(self, seller_id: SellerId, answered: AnsweredRequest) -> None:
        self._write("answered").answered[seller_id, answered.request_id] = answered

    async def forget_answered(self, seller_id: SellerId, *, before: datetime) -> None:
        table = self._write("answered").answered
        for key in [key for key, one in table.items() if key[0] == seller_id and one.answered_at < before]:
            del table[key]

    async def calls_since(self, seller_id: SellerId, limit: str, since: datetime) -> Spent:
        spent = [each for _, each in await self.charged(seller_id, limit, since)]
        return Spent(sum(each.calls for each in spent), sum(each.writes for each in spent))

    async def charged(self, seller_id: SellerId, limit: str, since: datetime) -> Sequence[tuple[datetime, Spent]]:
        calls = self.tables.calls[bisect_right(self.tables.calls, since, key=charged_at) :]
        return [(at, spent) for whose, name, at, spent in calls if whose == seller_id and name == limit]

    async def charge(self, seller_id: SellerId, limit: str, at: datetime, *, write: bool, calls: int = 1) -> None:
        insort(self._write("calls").calls, (seller_id, limit, at, Spent(calls, calls * write)), key=charged_at)

    async def publish(self, events: Sequence[Event]) -> None:
        if events:
            self._write("outbox").outbox.extend(events)


def _reasons(row: ListingRow) -> set[str]:
    """Why a lot waits for a person."""
    parked = {parked.reason for parked in row.parked.values()}
    return parked | ({row.trouble} if row.trouble else set()) | ({CHANGED_IN_SHOP} if row.conflicts else set())


def charged_at(call: tuple[SellerId, str, datetime, Spent]) -> datetime:
    """When a call was charged, by which `calls` is sorted."""
    return call[2]


class MemoryStore:
    """Keeps rows in memory; `before_commit` may raise to cut a transaction, `after_commit` to lose its answer."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.before_commit: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[MemoryTransaction]:
        if lease is not None:
            self._check(lease)
        view = MemoryTransaction(self.tables)
        yield view
        self.before_commit()
        self.tables = view.tables
        self.after_commit()

    def restore(self, tables: Tables) -> None:
        """Put a backup in the place of all that is kept; what was to be published is no part of it."""
        self.tables = replace(tables, outbox=[])

    def _check(self, lease: Lease) -> None:
        current = self.tables.leases.get(lease.seller_id)
        if current is None or (current.owner, current.term) != (lease.owner, lease.term):
            raise FencedError

    async def take_lease(self, seller_id: SellerId, owner: str, now: datetime, until: datetime) -> Lease | None:
        current = self.tables.leases.get(seller_id)
        if current is not None and current.owner != owner and current.expires_at > now:
            return None
        if current is not None and current.owner == owner:
            lease = replace(current, expires_at=until)
        else:
            term = max((current.term if current is not None else 0) + 1, int(now.timestamp() * 1_000_000))
            lease = Lease(seller_id=seller_id, owner=owner, term=term, expires_at=until)
        self.tables.leases = {**self.tables.leases, seller_id: lease}
        return lease

    async def release_lease(self, lease: Lease, now: datetime) -> None:
        current = self.tables.leases.get(lease.seller_id)
        if current is not None and (current.owner, current.term) == (lease.owner, lease.term):
            self.tables.leases = {**self.tables.leases, lease.seller_id: replace(current, expires_at=now)}

    async def next_due(self, owner: str, now: datetime) -> SellerId | None:
        free = [
            row
            for row in self.tables.connections.values()
            if row.due_at is not None
            and row.due_at <= now
            and (
                (lease := self.tables.leases.get(row.seller_id)) is None
                or lease.owner == owner
                or lease.expires_at <= now
            )
        ]
        if not free:
            return None
        never = datetime.min.replace(tzinfo=now.tzinfo)
        return min(free, key=lambda row: (row.last_served_at or never, row.seller_id)).seller_id

    async def next_due_at(self) -> datetime | None:
        return min((row.due_at for row in self.tables.connections.values() if row.due_at is not None), default=None)
