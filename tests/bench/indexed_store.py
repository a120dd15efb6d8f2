"""The store in memory for many lots: a journal takes back what a cut transaction did, and no question reads all rows.

It answers as `MemoryStore` does, for one seller and one limit of calls. That one copies its tables and reads every row,
which is plain to see, and takes an hour with twenty thousand lots.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from syncengine.listing import ListingId, LotId, SellerId
from syncengine.plan import Tier
from syncengine.rows.connection import Lease, Spent
from syncengine.rows.listing import ListingRow
from syncengine.testing.inventory import SELLER
from syncengine.testing.memory_store import MemoryStore, MemoryTransaction, Tables

K = TypeVar("K")
V = TypeVar("V")

Undo = Callable[[], None]


class _Noted(dict[K, V]):
    """A table that notes how each change of it is taken back."""

    def __init__(self, journal: list[Undo]) -> None:
        super().__init__()
        self._journal = journal

    def __setitem__(self, key: K, value: V) -> None:
        if key in self:
            before = self[key]
            self._journal.append(lambda: dict.__setitem__(self, key, before))
        else:
            self._journal.append(lambda: dict.__delitem__(self, key))
        super().__setitem__(key, value)

    def pop(self, key: K, *default: Any) -> Any:
        if key in self:
            before = self[key]
            self._journal.append(lambda: dict.__setitem__(self, key, before))
        return super().pop(key, *default)

    def setdefault(self, key: K, default: V) -> V:
        if key not in self:
            self[key] = default
        return self[key]


@dataclass(slots=True)
class _Index:
    """What is asked for again and again."""

    callable: dict[Tier, list[LotId]] = field(default_factory=lambda: {tier: [] for tier in Tier})
    """In order: lots that neither have a call under way nor want a look."""
    tier_of: dict[LotId, Tier] = field(default_factory=dict)
    suspects: set[LotId] = field(default_factory=set)
    """Lots that want a look, or will."""
    listing_ids: dict[LotId, list[ListingId]] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=lambda: [Spent()])
    """By the first so many charges together."""

    def note(self, lot_id: LotId, row: ListingRow | None, tier: Tier | None) -> None:
        """Know a lot as it is now."""
        if (before := self.tier_of.pop(lot_id, None)) is not None:
            lots = self.callable[before]
            del lots[bisect_left(lots, lot_id)]
        if row is not None and tier is not None and row.intent_id is None and row.look_since is None:
            insort(self.callable[tier], lot_id)
            self.tier_of[lot_id] = tier
        if row is not None and (row.unknown or row.look_since is not None or row.probation is not None):
            self.suspects.add(lot_id)
        else:
            self.suspects.discard(lot_id)


@dataclass(slots=True)
class _Transaction(MemoryTransaction):
    """A view of the tables themselves; every one is owned from the start."""

    index: _Index = field(default_factory=_Index)
    noted: set[LotId] = field(default_factory=set)
    """Lots that were saved."""

    async def save_listings(self, rows: Sequence[ListingRow], tiers: Sequence[Tier | None]) -> None:
        await MemoryTransaction.save_listings(self, rows, tiers)
        for row, tier in zip(rows, tiers, strict=True):
            self.index.note(row.lot_id, row, tier)
            self.noted.add(row.lot_id)

    async def looks_wanted(self, seller_id: SellerId) -> Sequence[ListingRow]:
        rows = [self.tables.listings[lot_id] for lot_id in sorted(self.index.suspects)]
        return [row for row in rows if row.unknown or row.intent_id is None]

    async def next_listings(
        self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime, limit: int
    ) -> Sequence[ListingRow]:
        rows = (self.tables.listings[lot_id] for tier in sorted(tiers) for lot_id in self.index.callable[tier])
        return list(islice((row for row in rows if row.not_before is None or row.not_before <= now), limit))

    async def next_listing_at(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        if await self.next_listings(seller_id, tiers=tiers, now=now, limit=1):
            return now
        return await MemoryTransaction.next_listing_at(self, seller_id, tiers=tiers, now=now)

    async def count_calls(self, seller_id: SellerId, tier: Tier) -> int:
        return len(self.index.callable[tier])

    async def add_listing_ids(
        self, seller_id: SellerId, pairs: Collection[tuple[ListingId, LotId]], *, created: bool = False
    ) -> None:
        for listing_id, lot_id in pairs:
            if (seller_id, listing_id) not in self.tables.owners:
                insort(self.index.listing_ids.setdefault(lot_id, []), listing_id)
        await MemoryTransaction.add_listing_ids(self, seller_id, pairs, created=created)

    async def listing_ids_of(self, lot_ids: Collection[LotId]) -> Mapping[LotId, Mapping[ListingId, bool]]:
        known = {lot_id: self.index.listing_ids[lot_id] for lot_id in lot_ids if lot_id in self.index.listing_ids}
        created = self.tables.created
        return {lot_id: {each: (SELLER, each) in created for each in ids} for lot_id, ids in known.items()}

    async def calls_since(self, seller_id: SellerId, limit: str, since: datetime) -> Spent:
        before = self.index.spent[bisect_right(self.tables.calls, since, key=lambda charge: charge[2])]
        until_now = self.index.spent[-1]
        return Spent(until_now.calls - before.calls, until_now.writes - before.writes)

    async def charge(self, seller_id: SellerId, limit: str, at: datetime, *, write: bool, calls: int = 1) -> None:
        await MemoryTransaction.charge(self, seller_id, limit, at, write=write, calls=calls)
        self.index.spent.append(self.index.spent[-1] + Spent(calls, calls * write))


class IndexedStore(MemoryStore):
    """A `MemoryStore` for a shop of many lots; its transactions come one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._journal: list[Undo] = []
        self._index = _Index()
        self.tables = Tables(
            connections=_Noted(self._journal),
            listings=_Noted(self._journal),
            tiers=_Noted(self._journal),
            owners=_Noted(self._journal),
            intents=_Noted(self._journal),
            unsettled=_Noted(self._journal),
            orders=_Noted(self._journal),
            lines=_Noted(self._journal),
            bookings=_Noted(self._journal),
        )

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[MemoryTransaction]:
        if lease is not None:
            self._check(lease)
        tables, index = self.tables, self._index
        self._journal.clear()
        events, charges = len(tables.outbox), len(tables.calls)
        view = _Transaction(tables, set(Tables.__dataclass_fields__), index)
        try:
            yield view
        except BaseException:
            for undo in reversed(self._journal):
                undo()
            del tables.outbox[events:], tables.calls[charges:], index.spent[charges + 1 :]
            for lot_id in view.noted:
                index.note(lot_id, tables.listings.get(lot_id), tables.tiers.get(lot_id))
            raise
