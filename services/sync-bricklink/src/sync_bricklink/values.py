"""Normal forms: what a value becomes before it is compared with what the shop shows, or sent."""

from datetime import UTC, datetime
from decimal import Decimal

from syncengine.service.reading import UnreadableError, normal_amount, shown_amount

NO_PRICE = "0.0000"
"""How the shop writes that there is no price or cost."""

_PLACES = Decimal("0.0001")


def normal_price(amount: Decimal) -> str:
    """Write an amount with four decimals, rounded up as the shop does (marketplaces/bricklink.md#1)."""
    return normal_amount(amount, _PLACES)


def shown_price(raw: object) -> str:
    """Read an amount: a string with four decimals, a number at times; missing means none."""
    amount = shown_amount(raw)
    return NO_PRICE if amount is None else normal_price(amount)


def shown_moment(raw: object, part: str) -> datetime:
    """Read a timestamp, `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, always UTC."""
    if not isinstance(raw, str):
        raise UnreadableError(part)
    try:
        moment = datetime.fromisoformat(raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError(part) from None


def shown_array(raw: object, part: str) -> list[object]:
    """Read a JSON array; "no data" comes as null, an empty object or not at all (marketplaces/bricklink.md#1.1)."""
    if raw is None or raw == {}:
        return []
    if not isinstance(raw, list):
        raise UnreadableError(part)
    return raw
