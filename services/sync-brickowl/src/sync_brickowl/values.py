"""Normal forms: what a value becomes before it is compared with what the shop shows, or sent."""

from decimal import ROUND_HALF_UP, Decimal

from syncengine.service import reading
from syncengine.service.reading import normal_amount, shown_amount

PRICE_PLACES = 3
NOTHING = "0.000"
"""An amount that is too small for three decimals; the shop takes none of it."""


def normal_price(amount: Decimal) -> str:
    """Write an amount of money or weight with three decimals (marketplaces/brickowl.md#3.2)."""
    return normal_amount(amount, PRICE_PLACES, ROUND_HALF_UP)


def shown_price(raw: object) -> str | None:
    """Read an amount: text, or a number; None if there is none."""
    amount = shown_amount(raw)
    return None if amount is None else normal_price(amount)


def shown_array(raw: object, part: str) -> list[object]:
    """Read a JSON array; one client tolerates it inside an object of its name (marketplaces/brickowl.md#3.1)."""
    return reading.shown_array(raw[part] if isinstance(raw, dict) and part in raw else raw, part)
