"""Reading what shops answer, with suspicion: a value that cannot be what it should be raises `UnreadableError`."""

import html
import json
import logging
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import TypeVar

T = TypeVar("T")
D = TypeVar("D", int, None)

_log = logging.getLogger(__name__)

TEXT_BYTES = 255
"""Safe length of a text in UTF-8: undocumented in both shops, but BrickSync cut here for a decade
(marketplaces/bricklink.md#3.7, brickowl.md#7)."""

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


def shown_json(content: bytes) -> object:
    """Read JSON, its fractions as decimals. Raises UnreadableError for everything else."""
    try:
        document: object = json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UnreadableError("JSON") from None
    return document


def _refuse_constant(name: str) -> object:
    """NaN and Infinity are no JSON, whatever Python's parser thinks."""
    raise ValueError(name)


def normal_text(text: str) -> str:
    """Normalise a text: NFC, LF line ends, plain spaces, no control characters, trimmed, at most `TEXT_BYTES`.

    Applying it twice changes nothing, since a piece of an NFC text is NFC (Unicode Standard Annex 15).
    """
    text = text.encode("utf-8", "ignore").decode("utf-8")  # JSON can carry half of a surrogate pair
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_ODD_CHARACTERS)
    text = unicodedata.normalize("NFC", text).strip()
    return text.encode("utf-8")[:TEXT_BYTES].decode("utf-8", "ignore").strip()  # never half a character


def normal_amount(amount: Decimal, places: int, rounding: str = ROUND_UP) -> str:
    """Write an amount of money with so many decimals."""
    try:
        rounded = amount.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    except InvalidOperation:
        raise UnreadableError("price") from None
    if not rounded.is_finite() or rounded < 0:
        raise UnreadableError("price")
    return f"{abs(rounded):f}"  # abs: there is a negative zero


def shown_amount(raw: object) -> Decimal | None:
    """Read an amount: a string, or a number at times; None if there is none."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise UnreadableError("price")
    try:
        return Decimal(raw)
    except InvalidOperation:
        raise UnreadableError("price") from None


def shown_text(raw: object, *, escaped: bool = False) -> str:
    """Read a text of an answer; missing means empty. `escaped`: as in HTML, once, on top of JSON."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise UnreadableError("text")
    return normal_text(html.unescape(raw) if escaped else raw)


def shown_number(raw: object, part: str) -> int:
    """Read a whole number of 64 bits, quoted or not."""
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not -(2**63) <= raw < 2**63:
        raise UnreadableError(part)
    return raw


def number_or(default: D, raw: object, part: str) -> int | D:
    """Read a whole number that may be missing."""
    return default if raw is None else shown_number(raw, part)


def shown_flag(raw: object, part: str) -> bool:
    """Read a boolean, or 1 or 0, quoted or not."""
    if isinstance(raw, bool):
        return raw
    number = shown_number(raw, part)
    if number not in (0, 1):
        raise UnreadableError(part)
    return number == 1


def shown_object(raw: object, part: str) -> Mapping[str, object]:
    """Read a JSON object."""
    if not isinstance(raw, dict):
        raise UnreadableError(part)
    return raw


def shown_array(raw: object, part: str) -> list[object]:
    """Read a JSON array."""
    if not isinstance(raw, list):
        raise UnreadableError(part)
    return raw


def shown_moment(raw: object, part: str) -> datetime:
    """Read a moment as ISO 8601 has it; in UTC if it does not say."""
    try:
        moment = datetime.fromisoformat(raw if isinstance(raw, str) else "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError(part) from None


def shown_unix_time(raw: object, part: str) -> datetime:
    """Read a moment as seconds since 1970."""
    try:
        return datetime.fromtimestamp(shown_number(raw, part), UTC)
    except (OverflowError, ValueError, OSError):
        raise UnreadableError(part) from None


def each(read: Callable[[object], T], part: str) -> Callable[[object], tuple[T, ...]]:
    """Make of the reading of one thing the reading of an array of them."""
    return lambda raw: tuple(read(one) for one in shown_array(raw, part))


def if_readable(read: Callable[[object], T], raw: object) -> T | None:
    """Read what a write was answered with: it is done, whether its answer shows what is there or not."""
    try:
        return read(raw)
    except UnreadableError as error:
        _log.warning("the shop's answer is unreadable", extra={"part": error.part})
        return None
