"""A lot in Brick Owl's terms and back: inventory's lot to what the shop shall show, its "lot" to a listing.

Field names and their rules: marketplaces/brickowl.md#3 and the Brick Owl column of LOT.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_brickowl.batch import MOST_ENTRIES
from sync_brickowl.catalog import (
    BOID,
    COLORS,
    CONDITIONS,
    MOST_TYPES,
    NO_COMPLETENESS,
    UNKNOWN_COLOR,
    hints_of,
    read_boid,
)
from sync_brickowl.values import NOTHING, PRICE_PLACES, normal_price, shown_price
from syncengine.batches import HIDDEN_QUANTITIES, READS
from syncengine.listing import CatalogEntry, Item, Listing, ListingId, Lot, Value
from syncengine.marketplace import Create, Facts, Limit, Update
from syncengine.service.lots import amount_of, desired_lot, groups_of, item_of_lot
from syncengine.service.reading import (
    UnreadableError,
    normal_text,
    number_or,
    shown_flag,
    shown_number,
    shown_object,
    shown_text,
)

Params = dict[str, str]

LOT_FIELDS: Mapping[str, str] = {
    "price": "unit_price",
    "sale_percent": "sale_percent",
    "tier_price": "tiers",
    "bulk_qty": "bulk",
    "public_note": "description",
    "personal_note": "remarks",
    "my_cost": "cost",
    "lot_weight": "weight_grams",
    "grade": "used_grade",  # part of the condition of a used item, and the part that an update may change
}
"""Its fields, and which of a lot's each is."""
GRADES: Mapping["lot_pb2.UsedGrade.ValueType", str] = {
    lot_pb2.USED_GRADE_LIKE_NEW: "usedn",
    lot_pb2.USED_GRADE_GOOD: "usedg",
    lot_pb2.USED_GRADE_ACCEPTABLE: "useda",
}
USED_GRADES = ("usedg", "usedn", "useda")
"""Of used items whose own grade is not said: what a seller may want, the usual one first."""
USED = "used"
"""The condition of a used item, its grade aside."""

_SET_CONDITIONS = {words: code for code, words in CONDITIONS.items() if words[1] != NO_COMPLETENESS} | {
    (lot_pb2.CONDITION_USED, lot_pb2.COMPLETENESS_SEALED): "usedc"  # there is no nearer one
}


def facts(calls_per_minute: int, batches_per_minute: int, pings_to: str = "") -> Facts:
    """Say what Brick Owl can do; the numbers are what it allows one shop (marketplaces/brickowl.md#1.2)."""
    # A tenth of the calls that writes may use, so that full batches use them up (rule B2).
    at_once = min(MOST_ENTRIES, calls_per_minute * 8 // 100)
    return Facts(
        marketplace="brickowl",
        groups=groups_of(LOT_FIELDS),
        repeated_fields=frozenset(),
        creates_at_once=at_once,
        updates_at_once=at_once,
        choices={"grade": USED_GRADES},
        proven_batches=frozenset({READS, HIDDEN_QUANTITIES}),
        order_pages=("recent", "all"),
        created_with={
            "sale_percent": 0,
            "tier_price": "",
            "bulk_qty": 1,
            "public_note": "",
            "personal_note": "",
            "my_cost": None,
            "lot_weight": None,
        },
        marks_listings=True,
        price_places=PRICE_PLACES,
        keeps_sold_out=True,
        tells_shop=True,
        pings_to=pings_to,
        looks_up_at_once=25,
        look_up_costs=MOST_TYPES,
        views_at_once=10,
        merges_orders=True,
        # A batch counts as one of its own limit, and perhaps as each entry of the other (marketplaces/brickowl.md#3.5).
        batch_costs=-(-calls_per_minute // batches_per_minute),
        counts_entries=True,
        stamp_step=timedelta(milliseconds=1),  # nothing is signed; ten calls a second are allowed
        limit=Limit(name="minute", calls=calls_per_minute, window=timedelta(minutes=1)),
    )


# From inventory -------------------------------------------------------------------------------------------------------


def lot_of(lot: lot_pb2.Lot) -> Lot:
    """Map inventory's lot to what the shop should show; what it is of, a look-up has yet to find.

    Raises ValueError for a lot that inventory never publishes.
    """
    item, said = item_of_lot(lot), lot.item
    if item.completeness:
        condition, grade = _SET_CONDITIONS[said.condition, said.completeness], ""
    elif said.condition == lot_pb2.CONDITION_NEW:
        condition, grade = "new", ""
    else:
        condition, grade = USED, GRADES.get(lot.used_grade, USED_GRADES[0])
    price = _price_of(lot.unit_price)
    fields: dict[str, Value] = {
        "price": price,
        "sale_percent": lot.sale_percent,
        "tier_price": _tiers_value(price, [(tier.quantity, _price_of(tier.unit_price)) for tier in lot.tiers]),
        "bulk_qty": max(1, lot.bulk),
        "public_note": normal_text(lot.description),
        "personal_note": normal_text(lot.remarks),
        "my_cost": _amount_or_none(_price_of(lot.cost)),
        "grade": grade,
    }
    if lot.HasField("weight_grams"):  # shown by few lots: what is not sent is not compared
        fields["lot_weight"] = _weight_of(lot.weight_grams)
    color_id = COLORS.get(item.color_id, UNKNOWN_COLOR)
    unknown_color = item.color_id if color_id == UNKNOWN_COLOR else None
    return replace(
        desired_lot(lot, item=replace(item, color_id=color_id, condition=condition, completeness=""), fields=fields),
        entry=CatalogEntry(item_type=item.item_type, number=item.number, color_id=unknown_color),
        unsaid=frozenset({"grade"} if condition == USED and lot.used_grade not in GRADES else ()),
        is_mapped=False,
    )


def _price_of(money: Money) -> str:
    return normal_price(amount_of(money))


def _weight_of(text: str) -> str | None:
    try:
        return _amount_or_none(Decimal(text))
    except (InvalidOperation, UnreadableError):
        raise ValueError("a weight that is no number") from None


# To the shop ----------------------------------------------------------------------------------------------------------


class UnsendableError(Exception):
    """The shop has no way to take a value; `reason` is a constant word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def create_params(create: Create) -> Params:
    """Write the parameters of a create, which takes few fields (brickowl.md#3.2). Raises UnsendableError."""
    item = create.item
    params = {
        "boid": item.number,
        "quantity": str(create.quantity),
        "price": _sent_amount("price", create.fields.get("price")),
        "condition": str(create.fields.get("grade") or item.condition),
        "external_id": create.external_id,
    }
    if item.color_id:
        params["color_id"] = str(item.color_id)
    return params


def update_params(update: Update) -> Params:
    """Write the parameters of an update: the quantity as a difference, where somebody may buy (rule Q3).

    Raises UnsendableError.
    """
    params = {"lot_id": str(update.listing_id)}
    if update.total is not None:
        params["absolute_quantity"] = str(update.total)
    elif update.delta:
        params["relative_quantity"] = f"{update.delta:+d}"
    if update.for_sale is not None:
        params["for_sale"] = str(int(update.for_sale))
    for name, value in update.fields.items():
        if name == "grade":
            params["condition"] = _sent_grade(value)
        else:
            params[name] = _sent_value(name, value)
    return params


def _sent_value(name: str, value: Value) -> str:
    match name:
        case "price" | "my_cost" | "lot_weight":
            return _sent_amount(name, value)
        case "tier_price":
            return str(value) or "remove"
        case "sale_percent" | "bulk_qty" | "public_note" | "personal_note":
            return str(value)
    raise ValueError(f"Brick Owl takes no field {name}")


def _sent_amount(name: str, value: Value) -> str:
    if value is None:
        raise UnsendableError(f"{name.upper()}_CANNOT_BE_TAKEN_AWAY")  # the manual knows positive ones only
    if value == NOTHING:
        raise UnsendableError(f"{name.upper()}_TOO_SMALL")
    return str(value)


def _sent_grade(value: Value) -> str:
    if not value:
        raise UnsendableError("CONDITION_CANNOT_BE_CHANGED")
    return str(value)


# From the shop --------------------------------------------------------------------------------------------------------


def listing_of(raw: object) -> Listing:
    """Read one lot of `inventory/list`. Raises `UnreadableError`.

    Unknown fields and missing optional ones are tolerated. The price is the one that the seller set, before any sale
    (marketplaces/brickowl.md#7).
    """
    shown = shown_object(raw, "lot")
    item, grade = item_of(shown)
    fields: dict[str, Value] = {
        "price": shown_price(shown.get("base_price", shown.get("price"))),
        "sale_percent": number_or(0, shown.get("sale_percent"), "sale_percent"),
        "tier_price": _shown_tiers(shown.get("tier_price")),
        "bulk_qty": max(1, number_or(1, shown.get("bulk_qty"), "bulk_qty")),
        "public_note": shown_text(shown.get("public_note")),
        "personal_note": shown_text(shown.get("personal_note")),
        "my_cost": _amount_or_none(shown.get("my_cost")),
        "grade": grade,
    }
    if (weight := _amount_or_none(shown.get("lot_weight"))) is not None:
        fields["lot_weight"] = weight
    return Listing(
        listing_id=listing_id_of(shown),
        item=item,
        quantity=shown_number(shown.get("qty"), "qty"),
        for_sale=shown_flag(shown.get("for_sale"), "for_sale"),
        retain=False,
        fields=fields,
        external_id=_external_id(shown.get("external_lot_ids")),
        hints=hints_of(shown.get("type"), shown.get("ids")),
    )


def listing_id_of(shown: Mapping[str, object]) -> ListingId:
    """Read the id of the lot that an object speaks of."""
    return ListingId(str(shown_number(shown.get("lot_id"), "lot_id")))


def item_of(shown: Mapping[str, object]) -> tuple[Item, str]:
    """Read what a lot or an order line is of, and its grade if it is used; a code that we do not know stays."""
    boid = shown.get("boid")
    read = read_boid(boid) if isinstance(boid, str) else None
    code = shown.get("full_con")
    if read is None or not isinstance(code, str):
        raise UnreadableError("item")
    is_graded = code in GRADES.values()
    condition, grade = (USED, code) if is_graded else (code, "")
    return Item(item_type=BOID, number=read[0], color_id=read[1] or 0, condition=condition, completeness=""), grade


def _amount_or_none(raw: object) -> str | None:
    amount = shown_price(raw)
    return None if amount == NOTHING else amount


def _external_id(raw: object) -> str:
    other = raw.get("other") if isinstance(raw, dict) else None  # an empty map comes as an empty list
    return other if isinstance(other, str) else ""


# Tiers: "50:0.700,100:0.650", empty for none --------------------------------------------------------------------------


def _tiers_value(price: str, tiers: list[tuple[int, str]]) -> str:
    """Write tiers; one that saves nothing with three decimals any more is none."""
    used: list[str] = []
    last = Decimal(price)
    for quantity, amount in tiers:
        if quantity > 0 and Decimal(amount) < last:
            used.append(f"{quantity}:{amount}")
            last = Decimal(amount)
    return ",".join(used)


def _shown_tiers(raw: object) -> str:
    """Read tiers: pairs, or a text of our own form (marketplaces/brickowl.md#9.8)."""
    if not raw:
        return ""
    pairs = [pair.split(":") for pair in raw.split(",")] if isinstance(raw, str) else raw
    if not isinstance(pairs, list):
        raise UnreadableError("tiers")
    return ",".join(_shown_tier(pair) for pair in pairs)


def _shown_tier(pair: object) -> str:
    if not isinstance(pair, list) or len(pair) != 2:
        raise UnreadableError("tier")
    return f"{shown_number(pair[0], 'tier')}:{shown_price(pair[1])}"
