"""Returns from protobuf to JSON."""

from brickops.inventory.v1 import return_pb2
from gateway.changes.translate import order_of
from gateway.returns.models import Return
from gateway.times import time_in, time_of


def return_of(told: return_pb2.Return) -> Return:
    """A return."""
    return Return(
        return_id=told.return_id,
        lot_id=told.lot_id,
        order=order_of(told.order),
        pieces=told.pieces,
        opened_at=time_of(told.opened_at),
        closed_at=time_in(told, "closed_at"),
    )
