"""What Brick Owl shows in one field, as fields of inventory's lot: for a seller who takes theirs (rule S6)."""

from brickops.inventory.v1 import lot_pb2
from sync_brickowl.listing import GRADES
from syncengine.listing import Values
from syncengine.service.lots import money_of
from syncengine.service.theirs import LotFields

_GRADE_OF = {code: grade for grade, code in GRADES.items()}


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map one field that a listing shows; None if no lot can hold it. Amounts are in the lot's own currency."""
    value = shown.get(name)
    match name:
        case "for_sale":
            stockroom = lot_pb2.STOCKROOM_UNSPECIFIED if value else lot_pb2.STOCKROOM_A
            return lot_pb2.Lot(stockroom=stockroom), ["stockroom"]
        case "price":
            return lot_pb2.Lot(unit_price=money_of(str(value), currency_code)), ["unit_price"]
        case "sale_percent":
            percent = int(value or 0)
            return None if percent < 0 else (lot_pb2.Lot(sale_percent=percent), ["sale_percent"])  # a surcharge
        case "tier_price":
            return lot_pb2.Lot(tiers=_tiers(str(value or ""), currency_code)), ["tiers"]
        case "bulk_qty":
            return lot_pb2.Lot(bulk=int(value or 1)), ["bulk"]
        case "public_note":
            return lot_pb2.Lot(description=str(value or "")), ["description"]
        case "personal_note":
            return lot_pb2.Lot(remarks=str(value or "")), ["remarks"]
        case "my_cost":
            return lot_pb2.Lot(cost=None if value is None else money_of(str(value), currency_code)), ["cost"]
        case "lot_weight":
            return lot_pb2.Lot(weight_grams=None if value is None else str(value)), ["weight_grams"]
        case "grade":
            return lot_pb2.Lot(used_grade=_GRADE_OF.get(str(value), lot_pb2.USED_GRADE_UNSPECIFIED)), ["used_grade"]
    return None


def _tiers(value: str, currency_code: str) -> list[lot_pb2.Tier]:
    pairs = [tier.split(":") for tier in value.split(",") if tier]
    return [
        lot_pb2.Tier(quantity=int(quantity), unit_price=money_of(price, currency_code)) for quantity, price in pairs
    ]
