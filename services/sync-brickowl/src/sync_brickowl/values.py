"""Normal forms: what a value becomes before it is compared with what the shop shows, or sent."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from syncengine.service import reading
from syncengine.service.reading import UnreadableError, normal_amount, normal_text, shown_amount, shown_number

PRICE_PLACES = 3
_PLACES = Decimal(1).scaleb(-PRICE_PLACES)
NOTHING = "0.000"
"""An amount that is too small for three decimals; the shop takes none of it."""


def normal_price(amount: Decimal) -> str:
    """Write an amount of money or weight with three decimals (marketplaces/brickowl.md#3.2)."""
    return normal_amount(amount, _PLACES, ROUND_HALF_UP)


def shown_price(raw: object) -> str | None:
    """Read an amount: text, or a number; None if there is none."""
    amount = shown_amount(raw)
    return None if amount is None else normal_price(amount)


def shown_note(raw: object) -> str:
    """Read a note; null means empty. Nothing is escaped here beyond JSON."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise UnreadableError("note")
    return normal_text(raw)


def shown_flag(raw: object, part: str) -> bool:
    """Read 1 or 0, quoted or not, or a boolean."""
    if isinstance(raw, bool):
        return raw
    number = shown_number(raw, part)
    if number not in (0, 1):
        raise UnreadableError(part)
    return number == 1


def shown_moment(raw: object, part: str) -> datetime:
    """Read seconds since 1970."""
    try:
        return datetime.fromtimestamp(shown_number(raw, part), UTC)
    except (OverflowError, ValueError, OSError):
        raise UnreadableError(part) from None


def shown_array(raw: object, part: str) -> list[object]:
    """Read a JSON array; one client tolerates it inside an object of its name (marketplaces/brickowl.md#3.1)."""
    return reading.shown_array(raw[part] if isinstance(raw, dict) and part in raw else raw, part)
