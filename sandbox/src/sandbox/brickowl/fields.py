"""Reading parameters, which are all texts: which ones change a lot, and what is wrong with a value (section 3.3)."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.brickowl.catalog import CONDITIONS
from sandbox.brickowl.entities import Tier, rounded
from sandbox.brickowl.errors import ShopError, invalid, missing
from sandbox.brickowl.switches import Switches
from sandbox.model.errors import refuse

Params = Mapping[str, str]

_MOST_TIERS = 3


def as_params(body: object) -> dict[str, str]:
    """Return a JSON object as the texts that a form would hold; null counts as absent. Raises ShopError."""
    if not isinstance(body, Mapping):
        raise ShopError(400, "Parameters must be an object")
    return {name: _as_text(name, value) for name, value in body.items() if value is not None}


def required(params: Params, name: str) -> str:
    """Return a parameter that must be there, and not empty."""
    return params.get(name) or refuse(missing(name))


def whole(name: str, text: str, *, least: int, most: int = 10**9 - 1) -> int:
    """Read a whole number."""
    if not re.fullmatch(r"[+-]?\d{1,9}", text.strip()):
        raise invalid(name)
    number = int(text)
    return number if least <= number <= most else refuse(invalid(name))


def number_of(params: Params, name: str, *, otherwise: int | None = None, most: int = 10**18) -> int:
    """Read an id or a count out of the parameters; without a default it must be there."""
    if otherwise is not None and not params.get(name):
        return otherwise
    text = required(params, name)
    return int(text) if re.fullmatch(r"\d{1,18}", text) and int(text) <= most else refuse(invalid(name))


def price(name: str, text: str, switches: Switches | None = None) -> Decimal:
    """Read an amount of money or weight: positive, three places."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise invalid(name) from None
    if not amount.is_finite() or amount >= 10**9 or rounded(amount) <= 0:
        raise invalid(name)
    return rounded(amount)


def flag(name: str, text: str, switches: Switches | None = None) -> bool:
    """Read 0 or 1."""
    return text == "1" if text in {"0", "1"} else refuse(invalid(name))


def condition(name: str, text: str, switches: Switches | None = None) -> str:
    """Read a condition's code; the refusal lists the names, as the real one does."""
    return text if text in CONDITIONS else refuse(invalid(name, ", ".join(CONDITIONS.values())))


def external_id(name: str, text: str, switches: Switches) -> str:
    """Read a text of the seller's."""
    return _limited(name, text, switches.external_id_limit, switches)


def _note(name: str, text: str, switches: Switches) -> str:
    return _limited(name, text, switches.text_limit, switches)


def _percent(name: str, text: str, switches: Switches) -> int:
    return whole(name, text, least=-95, most=95)


def _bulk(name: str, text: str, switches: Switches) -> int:
    return whole(name, text, least=1 if switches.bulk_of_one == "reset" else 2)


def _tiers(name: str, text: str, switches: Switches) -> tuple[Tier, ...]:
    """Read `50:0.700,100:0.650`, or `remove`."""
    if text == "remove":
        return ()
    pairs = [pair.partition(":") for pair in text.split(",")]
    if len(pairs) > _MOST_TIERS:
        raise invalid(name, f"more than {_MOST_TIERS}")
    tiers = tuple((whole(name, quantity, least=2), price(name, amount)) for quantity, _, amount in pairs)
    quantities = [quantity for quantity, _ in tiers]
    return tiers if quantities == sorted(set(quantities)) else refuse(invalid(name, "quantities must rise"))


_CHANGES: Mapping[str, tuple[str, Callable[[str, str, Switches], Any]]] = {
    "for_sale": ("for_sale", flag),
    "price": ("base_price", price),
    "sale_percent": ("sale_percent", _percent),
    "my_cost": ("my_cost", price),
    "lot_weight": ("lot_weight", price),
    "personal_note": ("personal_note", _note),
    "public_note": ("public_note", _note),
    "bulk_qty": ("bulk_qty", _bulk),
    "tier_price": ("tiers", _tiers),
    "condition": ("condition", condition),
    "update_external_id_1": ("external_id", external_id),
}
_NOTES = frozenset({"personal_note", "public_note"})


def read_changes(params: Params, switches: Switches) -> dict[str, Any]:
    """Return the fields of a lot that the parameters change, quantity and colour apart; unknown ones are ignored."""
    return {
        field: read(name, params[name], switches)
        for name, (field, read) in _CHANGES.items()
        if name in params and not (name in _NOTES and not params[name] and switches.empty_note == "ignore")
    }


def _limited(name: str, text: str, limit: int | None, switches: Switches) -> str:
    if limit is None or len(text) <= limit:
        return text
    return text[:limit] if switches.long_text == "cut" else refuse(invalid(name, f"longer than {limit} characters"))


def _as_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, str | int | float | Decimal) else refuse(invalid(name))
