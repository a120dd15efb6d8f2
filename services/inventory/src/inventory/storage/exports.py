"""Lots to be written to a file."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.exports.operation import ExportedLot, Wanted
from inventory.storage.lots import lot_of
from inventory.storage.tables import LOT_REPORTS, LOTS


async def page_to_export(
    conn: AsyncConnection, seller_id: str, wanted: Wanted, *, after: str | None, limit: int
) -> list[ExportedLot]:
    """The seller's lots that are wanted, by id, oldest first, from the one after `after` on."""
    query = select(LOTS).where(LOTS.c.seller_id == seller_id).order_by(LOTS.c.lot_id).limit(limit)
    if after is not None:
        query = query.where(LOTS.c.lot_id > after)
    if not wanted.include_archived:
        query = query.where(~LOTS.c.archived)
    if wanted.with_pieces_only:
        query = query.where(LOTS.c.quantity > 0)
    if wanted.item_type is not None:
        query = query.where(LOTS.c.item_type == wanted.item_type.value)
    if wanted.condition is not None:
        query = query.where(LOTS.c.condition == wanted.condition.value)
    lots = [lot_of(row) for row in (await conn.execute(query)).mappings()]
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
