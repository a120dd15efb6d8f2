"""What can be asked. Nothing here changes anything."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.lot import Lot
from inventory.domain.sync_status import LotReport, ShopStatus, shop_status
from inventory.storage.lots import find_lot
from inventory.storage.shops import connected_shops, reports


class LotWithStatus(NamedTuple):
    """A lot and how far it has come in each shop."""

    lot: Lot
    shops: Sequence[ShopStatus]


async def get_lot(conn: AsyncConnection, seller_id: str, lot_id: str, marketplaces: Sequence[str]) -> LotWithStatus:
    """One lot. Raises LotNotFound."""
    lot = await find_lot(conn, seller_id, lot_id)
    return (await with_status(conn, seller_id, [lot], marketplaces))[0]


async def with_status(
    conn: AsyncConnection, seller_id: str, lots: Sequence[Lot], marketplaces: Sequence[str]
) -> list[LotWithStatus]:
    """Lots of the seller, each with how far it has come."""
    connected = await connected_shops(conn, seller_id)
    told = await reports(conn, [lot.lot_id for lot in lots])
    return [LotWithStatus(lot, _shops(lot, told.get(lot.lot_id, {}), connected, marketplaces)) for lot in lots]


def _shops(
    lot: Lot, told: Mapping[str, LotReport], connected: set[str], marketplaces: Sequence[str]
) -> list[ShopStatus]:
    names = [*marketplaces, *sorted(connected - set(marketplaces))]
    return [shop_status(name, lot.group_revisions, told.get(name), connected=name in connected) for name in names]
