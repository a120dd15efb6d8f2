"""What Brick Owl shows in one field, as fields of inventory's lot: for a seller who takes theirs (rule S6)."""

from brickops.inventory.v1 import lot_pb2
from sync_brickowl.listing import GRADES, LOT_FIELDS
from syncengine.listing import Values
from syncengine.service.theirs import LotFields, as_lot_field

_GRADE_OF = {code: grade for grade, code in GRADES.items()}


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map one field that a listing shows; None if no lot can hold it. Amounts are in the lot's own currency."""
    value = shown.get(name)
    match name:
        case "for_sale":
            stockroom = lot_pb2.STOCKROOM_UNSPECIFIED if value else lot_pb2.STOCKROOM_A
            return lot_pb2.Lot(stockroom=stockroom), ["stockroom"]
        case "grade":
            return lot_pb2.Lot(used_grade=_GRADE_OF.get(str(value), lot_pb2.USED_GRADE_UNSPECIFIED)), ["used_grade"]
        case "sale_percent" if int(value or 0) < 0:
            return None  # a surcharge
    return as_lot_field(LOT_FIELDS.get(name), value, currency_code)
