"""What can be asked. Nothing here changes anything."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.lot import Lot
from inventory.domain.sync_status import LotReport, ShopStatus, shop_status
from inventory.storage.lots import find_lot, page_of_lots
from inventory.storage.shops import connected_shops, reports


class LotWithStatus(NamedTuple):
    """A lot and how far it has come in each shop."""

    lot: Lot
    shops: Sequence[ShopStatus]


async def get_lot(conn: AsyncConnection, seller_id: str, lot_id: str, marketplaces: Sequence[str]) -> LotWithStatus:
    """One lot. Raises LotNotFound."""
    lot = await find_lot(conn, seller_id, lot_id)
    return (await _with_status(conn, seller_id, [lot], marketplaces))[0]


async def list_lots(
    conn: AsyncConnection,
    seller_id: str,
    marketplaces: Sequence[str],
    *,
    after: str | None,
    limit: int,
    include_archived: bool,
) -> list[LotWithStatus]:
    """The seller's lots by id, oldest first, from the one after `after` on."""
    lots = await page_of_lots(conn, seller_id, after=after, limit=limit, include_archived=include_archived)
    return await _with_status(conn, seller_id, lots, marketplaces)


async def _with_status(
    conn: AsyncConnection, seller_id: str, lots: Sequence[Lot], marketplaces: Sequence[str]
) -> list[LotWithStatus]:
    connected = await connected_shops(conn, seller_id)
    told = await reports(conn, [lot.lot_id for lot in lots])
    return [LotWithStatus(lot, _shops(lot, told.get(lot.lot_id, {}), connected, marketplaces)) for lot in lots]


def _shops(
    lot: Lot, told: Mapping[str, LotReport], connected: set[str], marketplaces: Sequence[str]
) -> list[ShopStatus]:
    names = [*marketplaces, *sorted(connected - set(marketplaces))]
    return [shop_status(name, lot.group_revisions, told.get(name), connected=name in connected) for name in names]
