"""What BrickLink shows in one field, as fields of inventory's lot: for a seller who takes theirs (rule S6)."""

from brickops.inventory.v1 import lot_pb2
from sync_bricklink.values import NO_PRICE
from syncengine.listing import Values
from syncengine.rows.listing import FOR_SALE
from syncengine.service.lots import money_of
from syncengine.service.theirs import LotFields


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map one field that a listing shows; None if no lot can hold it. Amounts are in the lot's own currency."""
    value = shown.get(name)
    match name:
        case "for_sale" | "stock_room_id":
            return _stockroom(shown)
        case "unit_price":
            return lot_pb2.Lot(unit_price=money_of(str(value), currency_code)), ["unit_price"]
        case "sale_rate":
            return lot_pb2.Lot(sale_percent=int(value or 0)), ["sale_percent"]
        case "tiers":
            return lot_pb2.Lot(tiers=_tiers(str(value), currency_code)), ["tiers"]
        case "bulk":
            return lot_pb2.Lot(bulk=int(value or 1)), ["bulk"]
        case "description":
            return lot_pb2.Lot(description=str(value or "")), ["description"]
        case "remarks":
            return lot_pb2.Lot(remarks=str(value or "")), ["remarks"]
        case "my_cost":
            cost = None if value == NO_PRICE else money_of(str(value), currency_code)
            return lot_pb2.Lot(cost=cost), ["cost"]
    return None


def _stockroom(shown: Values) -> LotFields | None:
    if shown.get(FOR_SALE):
        return lot_pb2.Lot(), ["stockroom"]
    name = f"STOCKROOM_{shown.get('stock_room_id')}"
    if name not in lot_pb2.Stockroom.DESCRIPTOR.values_by_name:
        return None
    return lot_pb2.Lot(stockroom=lot_pb2.Stockroom.Value(name)), ["stockroom"]


def _tiers(value: str, currency_code: str) -> list[lot_pb2.Tier]:
    pairs = [tier.split(":") for tier in value.split(" ")]
    return [
        lot_pb2.Tier(quantity=int(quantity), unit_price=money_of(price, currency_code))
        for quantity, price in pairs
        if int(quantity)
    ]
