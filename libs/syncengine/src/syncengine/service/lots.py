"""Inventory's lot as every marketplace reads it alike, and amounts of money both ways: what all adapters begin with."""

from collections.abc import Mapping
from decimal import Decimal

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from syncengine.listing import Group, Item, Lot, Values

_MOST_TIERS = 3
_NANOS = 1_000_000_000
_GROUPS: Mapping[str, Group] = {
    "stockroom": Group.QUANTITY,
    "unit_price": Group.PRICE,
    "sale_percent": Group.PRICE,
    "tiers": Group.PRICE,
    "bulk": Group.PRICE,
    "description": Group.TEXT,
    "remarks": Group.TEXT,
    "cost": Group.REST,
    "weight_grams": Group.REST,
    "used_grade": Group.REST,
}
"""Of each field of a lot that a shop may hold."""


def groups_of(lot_fields: Mapping[str, str]) -> Mapping[str, Group]:
    """Say in which group each of a marketplace's fields is, given which field of a lot it is."""
    return {name: _GROUPS[lot_field] for name, lot_field in lot_fields.items()}


def item_of_lot(lot: lot_pb2.Lot) -> Item:
    """Name what a lot is of in inventory's own terms. Raises ValueError for a lot that inventory never publishes."""
    item = lot.item
    is_set = item.type == lot_pb2.ITEM_TYPE_SET
    if (
        item.type == lot_pb2.ITEM_TYPE_UNSPECIFIED
        or item.condition == lot_pb2.CONDITION_UNSPECIFIED
        or not item.number
        or is_set == (item.completeness == lot_pb2.COMPLETENESS_UNSPECIFIED)
        or len(lot.tiers) > _MOST_TIERS
    ):
        raise ValueError("a lot without a full item, or with more than three tiers")
    return Item(
        item_type=lot_pb2.ItemType.Name(item.type).removeprefix("ITEM_TYPE_"),
        number=item.number,
        color_id=item.color_id,
        condition=lot_pb2.Condition.Name(item.condition).removeprefix("CONDITION_"),
        completeness=lot_pb2.Completeness.Name(item.completeness).removeprefix("COMPLETENESS_") if is_set else "",
    )


def desired_lot(lot: lot_pb2.Lot, *, item: Item, fields: Values) -> Lot:
    """Say what a shop should show of a lot, given its item and fields in the marketplace's own terms.

    An archived lot is listed nowhere (LOT.md), one in a stockroom is not for sale.
    """
    return Lot(
        item=item,
        quantity=0 if lot.archived else lot.quantity,
        for_sale=not (lot.archived or lot.stockroom != lot_pb2.STOCKROOM_UNSPECIFIED),
        retain=lot.retain and not lot.archived,
        fields=fields,
        currency_code=lot.unit_price.currency_code,
        is_archived=lot.archived,
    )


def amount_of(money: Money) -> Decimal:
    """Read an amount. Raises ValueError for one below zero."""
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    if amount < 0:
        raise ValueError("a price below zero")
    return amount


def money_of(amount: str, currency_code: str) -> Money:
    """Write an amount, a decimal number of nine places at most."""
    units, nanos = divmod(int(Decimal(amount).scaleb(9)), _NANOS)
    return Money(units=units, nanos=nanos, currency_code=currency_code)
