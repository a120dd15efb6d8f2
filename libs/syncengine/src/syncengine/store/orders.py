"""Orders, their lines and what was booked of them, in a transaction of PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import ListingId, LotId, OrderId, SellerId
from syncengine.rows.order import Booking, LineRow, OrderRow
from syncengine.store.row_table import RowTable
from syncengine.store.tables import BOOKINGS, ORDER_LINES, ORDERS

_ORDERS: Final = RowTable(OrderRow, ORDERS)
_LINES: Final = RowTable(LineRow, ORDER_LINES)
_BOOKINGS: Final = RowTable(Booking, BOOKINGS)

_FIND_ORDERS: Final = _ORDERS.select.where(
    ORDERS.c.seller_id == bindparam("seller_id"),
    ORDERS.c.order_id == func.any(bindparam("order_ids", type_=ARRAY(Text))),
)
_BY_HOUR: Final = text("""
    SELECT date_trunc('hour', ordered_at, 'UTC') AS hour, count(*) AS orders
    FROM orders WHERE seller_id = :seller_id AND ordered_at > :since GROUP BY hour ORDER BY hour
""")
_SINCE: Final = text("""
    SELECT ordered_at FROM orders WHERE seller_id = :seller_id AND ordered_at > :since ORDER BY ordered_at
""")
_OF_SELLER: Final = _LINES.select.where(ORDER_LINES.c.seller_id == bindparam("seller_id")).order_by(
    ORDER_LINES.c.order_id, ORDER_LINES.c.listing_id
)
_OWNERLESS: Final = _OF_SELLER.where(ORDER_LINES.c.lot_id.is_(None))
_OF_ORDER: Final = _OF_SELLER.where(ORDER_LINES.c.order_id == bindparam("order_id"))
_OF_LISTINGS: Final = _OF_SELLER.where(
    ORDER_LINES.c.listing_id == func.any(bindparam("listing_ids", type_=ARRAY(Text)))
)
_BOOKED_AFTER: Final = text("""
    SELECT lot_id, CAST(sum(pieces) AS bigint) AS pieces
    FROM unnest(CAST(:lot_ids AS text[]), CAST(:seqs AS bigint[])) AS given (lot_id, seq)
    JOIN bookings USING (lot_id) WHERE bookings.seq > given.seq GROUP BY lot_id
""")


class Orders:
    """Orders in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find_orders(self, seller_id: SellerId, order_ids: Collection[OrderId]) -> Mapping[OrderId, OrderRow]:
        if not order_ids:
            return {}
        found = await _ORDERS.find(self._conn, _FIND_ORDERS, {"seller_id": seller_id, "order_ids": list(order_ids)})
        return {order.order_id: order for order in found}

    async def save_order(self, order: OrderRow) -> None:
        await _ORDERS.replace(self._conn, [order])

    async def orders_by_hour(self, seller_id: SellerId, since: datetime) -> Sequence[tuple[datetime, int]]:
        found = await self._conn.execute(_BY_HOUR, {"seller_id": seller_id, "since": since})
        return [(row.hour, row.orders) for row in found]

    async def orders_since(self, seller_id: SellerId, since: datetime) -> Sequence[datetime]:
        return (await self._conn.execute(_SINCE, {"seller_id": seller_id, "since": since})).scalars().all()

    async def lines_of_order(self, seller_id: SellerId, order_id: OrderId) -> Sequence[LineRow]:
        return await _LINES.find(self._conn, _OF_ORDER, {"seller_id": seller_id, "order_id": order_id})

    async def ownerless_lines(self, seller_id: SellerId) -> Sequence[LineRow]:
        return await _LINES.find(self._conn, _OWNERLESS, {"seller_id": seller_id})

    async def lines_of_seller(self, seller_id: SellerId) -> Sequence[LineRow]:
        return await _LINES.find(self._conn, _OF_SELLER, {"seller_id": seller_id})

    async def lines_of_listings(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Sequence[LineRow]:
        if not listing_ids:
            return []
        parameters = {"seller_id": seller_id, "listing_ids": list(listing_ids)}
        return await _LINES.find(self._conn, _OF_LISTINGS, parameters)

    async def save_lines(self, lines: Sequence[LineRow]) -> None:
        await _LINES.replace(self._conn, lines)

    async def add_bookings(self, bookings: Sequence[Booking]) -> None:
        await _BOOKINGS.insert(self._conn, bookings)

    async def booked_after(self, seqs: Mapping[LotId, int]) -> Mapping[LotId, int]:
        if not seqs:
            return {}
        found = await self._conn.execute(_BOOKED_AFTER, {"lot_ids": list(seqs), "seqs": list(seqs.values())})
        return {LotId(row.lot_id): row.pieces for row in found}
