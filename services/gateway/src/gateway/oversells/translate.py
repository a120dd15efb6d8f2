"""Oversells from protobuf to JSON."""

from brickops.inventory.v1 import oversell_pb2
from gateway.oversells.models import Oversell, OversoldOrder
from gateway.times import time_of


def oversell_of(told: oversell_pb2.Oversell) -> Oversell:
    """An oversell."""
    return Oversell(
        change_id=told.change_id,
        lot_id=told.lot_id,
        missing=told.missing,
        orders=[_order_of(order) for order in told.orders],
        recorded_at=time_of(told.recorded_at),
    )


def _order_of(order: oversell_pb2.OversoldOrder) -> OversoldOrder:
    return OversoldOrder(
        marketplace=order.marketplace,
        order_id=order.order_id,
        listing_id=order.listing_id,
        total=order.total,
        ordered_at=time_of(order.ordered_at),
    )
