"""Exact amounts. Prices are decimal numbers with four places at most; floating point occurs nowhere."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

PLACES: Final = 4
"""Decimal places that a price, a cost and a weight may use."""

_SHOWN_PLACES: Final = 2
_NANOS: Final = 1_000_000_000
_DECIMAL: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,12}(\.[0-9]{0,12})?")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as somebody said it; no rule is checked yet."""

    amount: Decimal
    currency: str
    """ISO 4217, upper case."""


def amount_of(units: int, nanos: int) -> Decimal:
    """The amount that units and billionths of a unit make. Raises ValueError, with the rule, for what makes none."""
    if not 0 <= nanos < _NANOS:
        raise ValueError("must have nanos from 0 to 999,999,999")
    return Decimal(units) + Decimal(nanos).scaleb(-9)


def units_and_nanos(amount: Decimal) -> tuple[int, int]:
    """An amount, not negative, as whole units and billionths of a unit."""
    units = int(amount)
    return units, int((amount - units).scaleb(9))


def read_decimal(text: str) -> Decimal:
    """The number that plain digits spell (`12`, `0.120`, `.10`). Raises ValueError, with the rule, for other text."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal number such as 0.12")
    return Decimal(text)


def read_signed_decimal(text: str) -> Decimal:
    """The same with a plus or a minus before it, or neither."""
    number = read_decimal(text.removeprefix("-") if text.startswith("-") else text.removeprefix("+"))
    return -number if text.startswith("-") else number


def places_of(amount: Decimal) -> int:
    """How many decimal places an amount really uses: 0.1200 uses two."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain(amount: Decimal) -> str:
    """An amount for people and for JSON: two decimals, more where needed, never an exponent (`0.12`, `0.125`)."""
    return f"{amount:.{max(_SHOWN_PLACES, places_of(amount))}f}"


def plain_number(number: Decimal) -> str:
    """A number that is no money, without zeros that say nothing (`2.5`, `40`)."""
    return f"{number:.{places_of(number)}f}"
