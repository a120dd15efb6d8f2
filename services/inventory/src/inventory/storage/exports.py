"""Lots to be written to a file."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.lot_filter import LotFilter, LotOrder
from inventory.exports.operation import ExportedLot
from inventory.storage.lot_pages import Place, page_of_lots
from inventory.storage.tables import LOT_REPORTS


async def page_to_export(
    conn: AsyncConnection, seller_id: str, wanted: LotFilter, *, after: Place | None, limit: int
) -> list[ExportedLot]:
    """The seller's lots that are wanted, by id, oldest first, from the one after `after` on."""
    lots = [lot for lot, _ in await page_of_lots(conn, seller_id, wanted, LotOrder(), after=after, limit=limit)]
    listings = await _listings(conn, [lot.lot_id for lot in lots])
    return [ExportedLot(lot, listings.get(lot.lot_id, {})) for lot in lots]


async def _listings(conn: AsyncConnection, lot_ids: list[str]) -> dict[str, dict[str, str]]:
    """By lot and marketplace: the listing that stands for it, as last reported."""
    columns = LOT_REPORTS.c
    query = select(columns.lot_id, columns.marketplace, columns.listing_id).where(
        columns.lot_id.in_(lot_ids), columns.listing_id != ""
    )
    found: dict[str, dict[str, str]] = {}
    for row in await conn.execute(query):
        found.setdefault(row.lot_id, {})[row.marketplace] = row.listing_id
    return found
