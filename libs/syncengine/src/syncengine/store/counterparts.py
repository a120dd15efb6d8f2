"""What items are in the marketplace's own catalogue, in a transaction of PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import CatalogEntry, SellerId
from syncengine.rows.listing import ListingRow
from syncengine.rows.shop import Counterpart
from syncengine.store.codec import decoder
from syncengine.store.listings import ROWS as LISTING_ROWS
from syncengine.store.protocol import Unmapped
from syncengine.store.row_table import RowTable
from syncengine.store.tables import COUNTERPARTS, LISTINGS

_ROWS: Final = RowTable(Counterpart, COUNTERPARTS, derived={"name": lambda row: row.entry.name})
_NAMES: Final = func.any(bindparam("names", type_=ARRAY(Text)))
_FIND: Final = _ROWS.select.where(
    COUNTERPARTS.c.seller_id == bindparam("seller_id"),
    COUNTERPARTS.c.name == _NAMES,
)
_LISTINGS: Final = LISTING_ROWS.select.where(
    LISTINGS.c.seller_id == bindparam("seller_id"),
    LISTINGS.c.entry_name == _NAMES,
).order_by(LISTINGS.c.lot_id)
_TO_ASK: Final = text("""
    SELECT DISTINCT ON (entry_name) desired -> 'entry' AS entry
    FROM listings LEFT JOIN counterparts ON counterparts.seller_id = listings.seller_id AND name = entry_name
    WHERE listings.seller_id = :seller_id AND unmapped
        AND (CAST(desired ->> 'quantity' AS bigint) > 0 OR listing_id IS NOT NULL)
        AND (name IS NULL OR (found IS NULL AND ask_again_at <= :now))
    ORDER BY entry_name LIMIT :limit
""")
_UNMAPPED: Final = text("""
    SELECT counterparts.entry, count(*) AS lots, since, candidates
    FROM listings JOIN counterparts ON counterparts.seller_id = listings.seller_id AND name = entry_name
    WHERE listings.seller_id = :seller_id AND unmapped AND name > :after
    GROUP BY name, counterparts.entry, since, candidates ORDER BY name LIMIT :limit
""")
_entry_of: Final = decoder(CatalogEntry)


class Counterparts:
    """Counterparts in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find_counterparts(
        self, seller_id: SellerId, entries: Collection[CatalogEntry]
    ) -> Mapping[CatalogEntry, Counterpart]:
        if not entries:
            return {}
        named = {"seller_id": seller_id, "names": sorted(entry.name for entry in entries)}
        return {row.entry: row for row in await _ROWS.find(self._conn, _FIND, named)}

    async def save_counterparts(self, counterparts: Sequence[Counterpart]) -> None:
        await _ROWS.replace(self._conn, counterparts)

    async def entries_to_ask(self, seller_id: SellerId, *, now: datetime, limit: int) -> Sequence[CatalogEntry]:
        found = await self._conn.execute(_TO_ASK, {"seller_id": seller_id, "now": now, "limit": limit})
        return [_entry_of(row.entry) for row in found]

    async def listings_of_entries(self, seller_id: SellerId, entries: Collection[CatalogEntry]) -> Sequence[ListingRow]:
        named = {"seller_id": seller_id, "names": sorted(entry.name for entry in entries)}
        return await LISTING_ROWS.find(self._conn, _LISTINGS, named)

    async def unmapped(self, seller_id: SellerId, *, after: str, limit: int) -> Sequence[Unmapped]:
        found = await self._conn.execute(_UNMAPPED, {"seller_id": seller_id, "after": after, "limit": limit})
        return [
            Unmapped(
                entry=_entry_of(row.entry),
                lots=row.lots,
                since=row.since,
                candidates=tuple(map(_entry_of, row.candidates)),
            )
            for row in found
        ]
