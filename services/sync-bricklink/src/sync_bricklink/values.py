"""Normal forms: what a value becomes before it is compared with what the shop shows, or sent.

Everything from outside is read with suspicion here: a value that cannot be what it should be raises `UnreadableError`.
"""

import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal, InvalidOperation

TEXT_BYTES = 255
"""Safe length of a text in UTF-8: undocumented, but BrickSync cut here for a decade (marketplaces/bricklink.md#3.7)."""

NO_PRICE = "0.0000"
"""How the shop writes that there is no price or cost."""

_PLACES = Decimal("0.0001")
_WHOLE = re.compile(r"-?[0-9]{1,19}")

_ODD_CHARACTERS: Mapping[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))),  # control characters
    ord("\n"): "\n",
    ord("\t"): " ",
    0x00A0: " ",  # the three spaces at which no line may break
    0x2007: " ",
    0x202F: " ",
}


class UnreadableError(Exception):
    """The shop's answer is not what its manual promises; `part` names the part in our words, never its content."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


def normal_text(text: str) -> str:
    """Normalise a text: NFC, LF line ends, plain spaces, no control characters, trimmed, at most `TEXT_BYTES`.

    Applying it twice changes nothing, since a piece of an NFC text is NFC (Unicode Standard Annex 15).
    """
    text = text.encode("utf-8", "ignore").decode("utf-8")  # JSON can carry half of a surrogate pair
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_ODD_CHARACTERS)
    text = unicodedata.normalize("NFC", text).strip()
    return text.encode("utf-8")[:TEXT_BYTES].decode("utf-8", "ignore").strip()  # never half a character


def normal_price(amount: Decimal) -> str:
    """Write an amount with four decimals, rounded up as the shop does (marketplaces/bricklink.md#1)."""
    try:
        rounded = amount.quantize(_PLACES, rounding=ROUND_UP)
    except InvalidOperation:
        raise UnreadableError("price") from None
    if not rounded.is_finite() or rounded < 0:
        raise UnreadableError("price")
    return f"{abs(rounded):f}"  # abs: there is a negative zero


def shown_text(raw: object) -> str:
    """Read a text of an answer: HTML-escaped once on top of JSON (marketplaces/bricklink.md#1); missing means empty."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise UnreadableError("text")
    return normal_text(html.unescape(raw))


def shown_price(raw: object) -> str:
    """Read an amount: a string with four decimals, a number at times; missing means none."""
    if raw is None or raw == "":
        return NO_PRICE
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise UnreadableError("price")
    try:
        return normal_price(Decimal(raw))
    except InvalidOperation:
        raise UnreadableError("price") from None


def shown_number(raw: object, part: str) -> int:
    """Read a whole number of 64 bits, quoted or not."""
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not -(2**63) <= raw < 2**63:
        raise UnreadableError(part)
    return raw


def shown_moment(raw: object, part: str) -> datetime:
    """Read a timestamp, `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, always UTC."""
    if not isinstance(raw, str):
        raise UnreadableError(part)
    try:
        moment = datetime.fromisoformat(raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError(part) from None


def shown_object(raw: object, part: str) -> Mapping[str, object]:
    """Read a JSON object."""
    if not isinstance(raw, dict):
        raise UnreadableError(part)
    return raw


def shown_array(raw: object, part: str) -> list[object]:
    """Read a JSON array; "no data" comes as null, an empty object or not at all (marketplaces/bricklink.md#1.1)."""
    if raw is None or raw == {}:
        return []
    if not isinstance(raw, list):
        raise UnreadableError(part)
    return raw
