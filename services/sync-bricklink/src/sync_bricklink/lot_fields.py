"""What BrickLink shows in one field, as fields of inventory's lot: for a seller who takes theirs (rule S6)."""

from decimal import Decimal

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_bricklink.values import NO_PRICE
from syncengine.listing import Values
from syncengine.rows import FOR_SALE
from syncengine.service.theirs import LotFields

_NANOS = 1_000_000_000


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map one field that a listing shows; None if no lot can hold it. Amounts are in the lot's own currency."""
    value = shown.get(name)
    match name:
        case "for_sale" | "stock_room_id":
            return _stockroom(shown)
        case "unit_price":
            return lot_pb2.Lot(unit_price=_money(str(value), currency_code)), ["unit_price"]
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
            cost = None if value == NO_PRICE else _money(str(value), currency_code)
            return lot_pb2.Lot(cost=cost), ["cost"]
    return None


def _stockroom(shown: Values) -> LotFields | None:
    if shown.get(FOR_SALE):
        return lot_pb2.Lot(), ["stockroom"]
    name = f"STOCKROOM_{shown.get('stock_room_id')}"
    if name not in lot_pb2.Stockroom.DESCRIPTOR.values_by_name:
        return None
    return lot_pb2.Lot(stockroom=lot_pb2.Stockroom.Value(name)), ["stockroom"]


def _money(amount: str, currency_code: str) -> Money:
    units, nanos = divmod(int(Decimal(amount).scaleb(9)), _NANOS)
    return Money(units=units, nanos=nanos, currency_code=currency_code)


def _tiers(value: str, currency_code: str) -> list[lot_pb2.Tier]:
    pairs = [tier.split(":") for tier in value.split(" ")]
    return [
        lot_pb2.Tier(quantity=int(quantity), unit_price=_money(price, currency_code))
        for quantity, price in pairs
        if int(quantity)
    ]
