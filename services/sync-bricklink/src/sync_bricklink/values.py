"""Normal forms: what a value becomes before it is compared with what the shop shows, or sent."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TypeVar

from syncengine.service import reading
from syncengine.service.reading import each, normal_amount, shown_amount

T = TypeVar("T")

NO_PRICE = "0.0000"
"""How the shop writes that there is no price or cost."""

shown_text = partial(reading.shown_text, escaped=True)
"""Texts are escaped as in HTML, once, on top of JSON (marketplaces/bricklink.md#1)."""


def normal_price(amount: Decimal) -> str:
    """Write an amount with four decimals, rounded up as the shop does (marketplaces/bricklink.md#1)."""
    return normal_amount(amount, 4)


def shown_price(raw: object) -> str:
    """Read an amount: a string with four decimals, a number at times; missing means none."""
    amount = shown_amount(raw)
    return NO_PRICE if amount is None else normal_price(amount)


def several(read: Callable[[object], T], part: str) -> Callable[[object], tuple[T, ...]]:
    """Read a JSON array; "no data" comes as null, an empty object or not at all (marketplaces/bricklink.md#1.1)."""
    return lambda raw: () if raw is None or raw == {} else each(read, part)(raw)
