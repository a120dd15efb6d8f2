"""Changes from protobuf to JSON."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from brickops.inventory.v1 import change_pb2
from gateway.changes.models import Change, ChangeSource, ChangeType, OrderReference
from gateway.times import time_of
from gateway.words import word_of


def change_of(change: change_pb2.Change) -> Change:
    """A recorded change."""
    return Change.model_validate(
        {
            "change_id": change.change_id,
            "lot_id": change.lot_id,
            "revision": change.revision,
            "type": word_of(ChangeType, change_pb2.ChangeType, change.type),
            "source": word_of(ChangeSource, change_pb2.ChangeSource, change.source),
            "actor": change.actor,
            "reason": change.reason,
            "recorded_at": time_of(change.recorded_at),
            "before": _values_of(change.before),
            "after": _values_of(change.after),
            "quantity_delta": change.quantity_delta,
            "reserved_delta": change.reserved_delta,
            "correlation_id": change.correlation_id,
            "order": order_of(change.order) if change.HasField("order") else None,
            "import_id": change.import_id or None,
            "bulk_edit_id": change.bulk_edit_id or None,
            "undone_by": change.undone_by or None,
            "undoes": change.undoes or None,
        }
    )


def order_of(order: change_pb2.OrderReference) -> OrderReference:
    """An order line."""
    return OrderReference(marketplace=order.marketplace, order_id=order.order_id, listing_id=order.listing_id)


def _values_of(values: Struct) -> dict[str, Any]:
    return {name: whole(value) for name, value in sorted(MessageToDict(values).items())}


def whole(value: Any) -> Any:
    """A Struct knows no integers: 40 pieces travel as 40.0. Prices are strings and stay what they are."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [whole(one) for one in value]
        case dict():
            return {name: whole(one) for name, one in value.items()}
    return value
