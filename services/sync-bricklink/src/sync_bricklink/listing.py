"""A lot in BrickLink's terms and back: inventory's lot to what the shop shall show, its "inventory" to a listing.

Field names and their rules: marketplaces/bricklink.md#3.1 and the BrickLink column of LOT.md.
"""

from collections.abc import Mapping
from datetime import timedelta

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_bricklink.values import NO_PRICE, normal_price, shown_price, shown_text
from syncengine.listing import Item, Listing, ListingId, Lot, Value, Values
from syncengine.marketplace import Create, Facts, Limit, Update
from syncengine.service.lots import amount_of, desired_lot, groups_of, item_of_lot
from syncengine.service.reading import UnreadableError, normal_text, number_or, shown_number, shown_object

JsonObject = dict[str, object]

LOT_FIELDS: Mapping[str, str] = {
    "stock_room_id": "stockroom",  # which stockroom hides it; empty while it is for sale
    "unit_price": "unit_price",
    "sale_rate": "sale_percent",
    "tiers": "tiers",
    "bulk": "bulk",
    "description": "description",
    "remarks": "remarks",
    "my_cost": "cost",
}
"""Its fields, and which of a lot's each is."""

_TIERS = 3
_DEFAULT_STOCKROOM = "A"  # marketplaces/bricklink.md#3.1, stock_room_id
_CONDITIONS = {"N": "NEW", "U": "USED"}
_COMPLETENESS = {"C": "COMPLETE", "B": "INCOMPLETE", "S": "SEALED", "X": "SEALED"}  # X: legacy, as BrickSync reads it
_CONDITION_LETTERS = {"NEW": "N", "USED": "U"}
_COMPLETENESS_LETTERS = {"COMPLETE": "C", "INCOMPLETE": "B", "SEALED": "S"}


def facts(calls_per_day: int) -> Facts:
    """Say what BrickLink can do; `calls_per_day` is what it allows one shop (marketplaces/bricklink.md#7)."""
    return Facts(
        marketplace="bricklink",
        groups=groups_of(LOT_FIELDS),
        # A PUT without it is refused since February 2024, and overwrites (marketplaces/bricklink.md#3.5).
        repeated_fields=frozenset({"description"}),
        order_pages=("open", "filed"),
        creates_at_once=100,  # no limit is documented; more is not needed (marketplaces/bricklink.md#3.4)
        limit=Limit(name="day", calls=calls_per_day, window=timedelta(hours=24)),
    )


# From inventory -------------------------------------------------------------------------------------------------------


def lot_of(lot: lot_pb2.Lot) -> Lot:
    """Map inventory's lot to what the shop should show. Raises ValueError for one that inventory never publishes."""
    is_hidden = lot.archived or lot.stockroom != lot_pb2.STOCKROOM_UNSPECIFIED
    fields: Values = {
        "stock_room_id": _stockroom_letter(lot.stockroom) if is_hidden else "",
        "unit_price": _price_of(lot.unit_price),
        "sale_rate": lot.sale_percent,
        "tiers": _tiers_value([(tier.quantity, _price_of(tier.unit_price)) for tier in lot.tiers]),
        "bulk": max(1, lot.bulk),
        "description": normal_text(lot.description),
        "remarks": normal_text(lot.remarks),
        "my_cost": _price_of(lot.cost),
    }
    return desired_lot(lot, item=item_of_lot(lot), fields=fields)


def _stockroom_letter(stockroom: "lot_pb2.Stockroom.ValueType") -> str:
    if stockroom == lot_pb2.STOCKROOM_UNSPECIFIED:
        return _DEFAULT_STOCKROOM
    return lot_pb2.Stockroom.Name(stockroom).removeprefix("STOCKROOM_")


def _price_of(money: Money) -> str:
    return normal_price(amount_of(money))


# To the shop ----------------------------------------------------------------------------------------------------------


def create_body(create: Create) -> JsonObject:
    """Write the body of a POST of one lot.

    Fields that say "none" stay out: fewer fields are fewer reasons for the shop to refuse, and the six tier fields may
    only come together.
    """
    fields = dict(create.fields)
    if fields.get("tiers") == _tiers_value([]):
        del fields["tiers"]
    for name, none in (("sale_rate", 0), ("my_cost", NO_PRICE)):
        if fields.get(name) == none:
            del fields[name]
    body: JsonObject = {
        "item": {"no": create.item.number, "type": create.item.item_type},
        "color_id": create.item.color_id,
        "quantity": create.quantity,
        "new_or_used": _CONDITION_LETTERS[create.item.condition],
        "is_retain": create.retain,
        **_stockroom_fields(create.for_sale, fields.pop("stock_room_id", None)),
        **_field_values(fields),
    }
    if create.item.completeness:
        body["completeness"] = _COMPLETENESS_LETTERS[create.item.completeness]
    return body


def update_body(update: Update) -> JsonObject:
    """Write the body of a PUT. The quantity is a difference with its sign (marketplaces/bricklink.md#3.5)."""
    fields = dict(update.fields)
    if "description" not in fields:
        raise ValueError("every update of BrickLink carries the description")
    body: JsonObject = _stockroom_fields(update.for_sale, fields.pop("stock_room_id", None))
    body |= _field_values(fields)
    if update.delta:
        body["quantity"] = f"{update.delta:+d}"
    if update.retain is not None:
        body["is_retain"] = update.retain
    return body


def _stockroom_fields(for_sale: bool | None, letter: Value) -> JsonObject:
    if for_sale is None:
        if letter is None:
            return {}
        for_sale = not letter
    if for_sale:
        return {"is_stock_room": False}
    return {"is_stock_room": True, "stock_room_id": letter or _DEFAULT_STOCKROOM}


def _field_values(fields: Values) -> JsonObject:
    values: JsonObject = {}
    for name, value in fields.items():
        if name not in LOT_FIELDS:
            raise ValueError(f"BrickLink takes no field {name}")
        if name == "tiers":
            values |= _tier_fields(str(value))
        else:
            values[name] = value
    return values


# From the shop --------------------------------------------------------------------------------------------------------


def listing_of(raw: object) -> Listing:
    """Read one "inventory" object. Raises `UnreadableError`.

    Unknown fields, missing optional ones and nulls are tolerated. `my_weight` is left alone: the shop has it read-only.
    """
    shown = shown_object(raw, "listing")
    for_sale = shown.get("is_stock_room") is not True
    letter = shown_text(shown.get("stock_room_id")).upper() or _DEFAULT_STOCKROOM
    return Listing(
        listing_id=listing_id_of(shown),
        item=item_of(shown),
        quantity=shown_number(shown.get("quantity"), "quantity"),
        for_sale=for_sale,
        retain=shown.get("is_retain") is True,
        fields={
            "stock_room_id": "" if for_sale else letter,
            "unit_price": shown_price(shown.get("unit_price")),
            "sale_rate": number_or(0, shown.get("sale_rate"), "sale_rate"),
            "tiers": _shown_tiers(shown),
            "bulk": max(1, number_or(1, shown.get("bulk"), "bulk")),
            "description": shown_text(shown.get("description")),
            "remarks": shown_text(shown.get("remarks")),
            "my_cost": shown_price(shown.get("my_cost")),
        },
    )


def listing_id_of(shown: Mapping[str, object]) -> ListingId:
    """Read the id of the lot that an object speaks of."""
    return ListingId(str(shown_number(shown.get("inventory_id"), "inventory_id")))


def item_of(shown: Mapping[str, object]) -> Item:
    """Read what a listing or an order line is of; a letter that we do not know is kept as it is."""
    item = shown_object(shown.get("item"), "item")
    number, item_type = shown_text(item.get("no")), shown_text(item.get("type")).upper()
    if not number or not item_type:
        raise UnreadableError("item")
    condition = shown_text(shown.get("new_or_used"))
    completeness = shown_text(shown.get("completeness")) if item_type == "SET" else ""
    return Item(
        item_type=item_type,
        number=number,
        color_id=number_or(0, shown.get("color_id"), "color_id"),
        condition=_CONDITIONS.get(condition, condition),
        completeness=_COMPLETENESS.get(completeness, completeness),
    )


# Tiers: six fields of the shop, always sent together, are one value: "50:0.1100 100:0.1000 0:0.0000" ------------------


def _tiers_value(tiers: list[tuple[int, str]]) -> str:
    used = [(quantity, price) for quantity, price in tiers if quantity > 0 and price != NO_PRICE]
    used += [(0, NO_PRICE)] * (_TIERS - len(used))
    return " ".join(f"{quantity}:{price}" for quantity, price in used)


def _shown_tiers(shown: Mapping[str, object]) -> str:
    return _tiers_value(
        [
            (
                number_or(0, shown.get(f"tier_quantity{place}"), "tier_quantity"),
                shown_price(shown.get(f"tier_price{place}")),
            )
            for place in range(1, _TIERS + 1)
        ]
    )


def _tier_fields(value: str) -> JsonObject:
    fields: JsonObject = {}
    for place, tier in enumerate(value.split(" "), start=1):
        quantity, price = tier.split(":")
        fields[f"tier_quantity{place}"] = int(quantity)
        fields[f"tier_price{place}"] = price
    return fields
