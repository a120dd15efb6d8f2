"""Reading request bodies: which fields a lot's body may have, and what BrickLink says when one is wrong (section 3)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeVar
from urllib.parse import unquote_plus

from sandbox.bricklink.entities import NO_TIER, Tier, rounded_up
from sandbox.bricklink.errors import ShopError, invalid, missing, unparseable
from sandbox.bricklink.switches import Switches
from sandbox.model.errors import refuse

T = TypeVar("T")

ITEM_TYPES = ("PART", "SET", "MINIFIG", "BOOK", "GEAR", "CATALOG", "INSTRUCTION", "ORIGINAL_BOX", "UNSORTED_LOT")

# Fields that the API shows but does not let anybody set: accepted and ignored. Others are refused.
_READ_ONLY = frozenset(
    {"inventory_id", "color_name", "unit_price_final", "bind_id", "date_created", "my_weight", "is_reserved"}
)
_ITEM_FIELDS = frozenset({"no", "type", "name", "category_id"})
_TIER_FIELDS = tuple(f"tier_{kind}{place}" for place in (1, 2, 3) for kind in ("quantity", "price"))
_LOT_FIELDS = frozenset(
    {"item", "color_id", "quantity", "new_or_used", "completeness", "unit_price", "description", "remarks", "bulk"}
    | {"is_retain", "is_stock_room", "stock_room_id", "my_cost", "sale_rate", *_TIER_FIELDS}
)
_SIGNED = re.compile(r"[+-]\d{1,9}")
_OPTIONALLY_SIGNED = re.compile(r"[+-]?\d{1,9}")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFields:
    """What a body says about a lot; None where it says nothing."""

    item_type: str | None = None
    item_no: str | None = None
    color_id: int | None = None
    quantity: int | None = None  # pieces, or the difference, as the caller asked to read it
    condition: str | None = None
    completeness: str | None = None
    unit_price: Decimal | None = None
    description: str | None = None
    remarks: str | None = None
    bulk: int | None = None
    is_retain: bool | None = None
    is_stock_room: bool | None = None
    stock_room_id: str | None = None
    my_cost: Decimal | None = None
    sale_rate: int | None = None
    tiers: tuple[Tier, Tier, Tier] | None = None


def decode_body(raw: bytes) -> object:
    """Decode a JSON body, also the URL-encoded JSON that the manual asks for; numbers with a point become decimals.

    Raises ShopError (400 INVALID_REQUEST_BODY).
    """
    try:
        text = raw.decode("utf-8")
        if text[:3].upper() in {"%7B", "%5B"}:
            text = unquote_plus(text, errors="strict")
        return json.loads(text, parse_float=Decimal, parse_constant=_no_such_number)
    except ValueError as error:
        raise ShopError(400, "INVALID_REQUEST_BODY", "The body is not valid JSON") from error


def an_object(body: object) -> Mapping[str, object]:
    """Return the body if it is a JSON object; raises ShopError otherwise."""
    return body if isinstance(body, dict) else refuse(unparseable("[]"))


def read_lot(body: object, *, quantity: Callable[[object], int], switches: Switches) -> LotFields:
    """Read the fields of a create, an update or an edit; `quantity` reads that field its own way.

    Unknown fields and unreadable values raise ShopError (400), null counts as absent.
    """
    fields = {name: value for name, value in an_object(body).items() if value is not None}
    for name in fields:
        if name not in _LOT_FIELDS and name not in _READ_ONLY:
            raise unparseable(f"[{name}.]")
    item = _item(fields.get("item"))

    def read(name: str, reader: Callable[[str, object], T]) -> T | None:
        return reader(name, fields[name]) if name in fields else None

    return LotFields(
        item_type=item.get("type"),
        item_no=item.get("no"),
        color_id=read("color_id", _number_from(0)),
        quantity=quantity(fields["quantity"]) if "quantity" in fields else None,
        condition=read("new_or_used", _one_of("N", "U")),
        completeness=read("completeness", _one_of("C", "B", "S")),
        unit_price=read("unit_price", _price),
        description=read("description", _text(switches)),
        remarks=read("remarks", _text(switches)),
        bulk=read("bulk", _number_from(1)),
        is_retain=read("is_retain", _boolean),
        is_stock_room=read("is_stock_room", _boolean),
        stock_room_id=read("stock_room_id", _one_of("A", "B", "C")),
        my_cost=read("my_cost", _money),
        sale_rate=read("sale_rate", _percent),
        tiers=_tiers(fields),
    )


def pieces(value: object) -> int:
    """Read a number of pieces: not below zero."""
    return _number_from(0)("quantity", value)


def difference(switches: Switches) -> Callable[[object], int]:
    """Return the reader of a PUT's quantity: signed, and unsigned means plus unless the switch is strict (3.5)."""

    def read(value: object) -> int:
        if isinstance(value, str) and (_SIGNED if switches.signed_quantity_only else _OPTIONALLY_SIGNED).fullmatch(
            value
        ):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and not switches.signed_quantity_only:
            return value
        raise unparseable("quantity")

    return read


def _item(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unparseable("item")
    for name in value:
        if name not in _ITEM_FIELDS:
            raise unparseable(f"[item.{name}.]")
    read: dict[str, str] = {}
    if value.get("type") is not None:
        read["type"] = _one_of(*ITEM_TYPES)("item.type", value["type"])
    if value.get("no") is not None:
        number = value["no"]
        if not isinstance(number, str) or not number.strip():
            raise unparseable("item.no")
        read["no"] = number.strip()
    return read


def _tiers(fields: Mapping[str, object]) -> tuple[Tier, Tier, Tier] | None:
    """Read the six tier fields: all or none (section 3.1)."""
    given = [name for name in _TIER_FIELDS if name in fields]
    if not given:
        return None
    if len(given) < len(_TIER_FIELDS):
        raise missing(next(name for name in _TIER_FIELDS if name not in fields))

    def tier(place: int) -> Tier:
        quantity = _number_from(0)(f"tier_quantity{place}", fields[f"tier_quantity{place}"])
        price = _money(f"tier_price{place}", fields[f"tier_price{place}"])
        if (quantity == 0) != (price == 0):
            raise invalid(f"tier_price{place}")
        return (quantity, price) if quantity else NO_TIER

    return tier(1), tier(2), tier(3)


def _number_from(least: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise unparseable(name)
        return value if least <= value < 10**9 else refuse(invalid(name))

    return read


def _one_of(*words: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        return value if isinstance(value, str) and value in words else refuse(unparseable(name))

    return read


def _text(switches: Switches) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if not isinstance(value, str):
            raise unparseable(name)
        text = _TAG.sub("", value) if switches.markup == "strip" else value
        if switches.text_limit is None or len(text) <= switches.text_limit:
            return text
        if switches.long_text == "cut":
            return text[: switches.text_limit]
        raise invalid(name, f"is longer than {switches.text_limit} characters")

    return read


def _money(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise unparseable(name)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise unparseable(name) from None
    if not amount.is_finite():
        raise unparseable(name)
    return rounded_up(amount) if 0 <= amount < 10**9 else refuse(invalid(name))


def _price(name: str, value: object) -> Decimal:
    amount = _money(name, value)
    return amount if amount > 0 else refuse(invalid(name))


def _percent(name: str, value: object) -> int:
    percent = _number_from(0)(name, value)
    return percent if percent < 100 else refuse(invalid(name))


def _boolean(name: str, value: object) -> bool:
    return value if isinstance(value, bool) else refuse(unparseable(name))


def _no_such_number(word: str) -> NoReturn:
    raise ValueError(word)
