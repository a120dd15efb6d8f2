"""What BrickLink shows in one field, as fields of inventory's lot: for a seller who takes theirs (rule S6)."""

from brickops.inventory.v1 import lot_pb2
from sync_bricklink.listing import LOT_FIELDS
from sync_bricklink.values import NO_PRICE
from syncengine.listing import Values
from syncengine.rows.listing import FOR_SALE
from syncengine.service.theirs import LotFields, as_lot_field


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map one field that a listing shows; None if no lot can hold it. Amounts are in the lot's own currency."""
    value = shown.get(name)
    match name:
        case "for_sale" | "stock_room_id":
            return _stockroom(shown)
        case "my_cost" if value == NO_PRICE:
            value = None
    return as_lot_field(LOT_FIELDS.get(name), value, currency_code)


def _stockroom(shown: Values) -> LotFields | None:
    if shown.get(FOR_SALE):
        return lot_pb2.Lot(), ["stockroom"]
    name = f"STOCKROOM_{shown.get('stock_room_id')}"
    if name not in lot_pb2.Stockroom.DESCRIPTOR.values_by_name:
        return None
    return lot_pb2.Lot(stockroom=lot_pb2.Stockroom.Value(name)), ["stockroom"]
