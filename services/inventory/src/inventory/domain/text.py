"""The one normal form of text that is compared, stored and sent (LOT.md): what looks equal is equal."""

import re
import unicodedata
from typing import Final

_NO_BREAK_SPACES: Final = "\u00a0\u2007\u202f"
_LINE_ENDS: Final = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
_TRANSLATED: Final = {
    # Control characters say nothing in plain text and PostgreSQL cannot store NUL; a line feed stays, a tab is a space.
    **{code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\n")},
    ord("\t"): " ",
    ord("\ufeff"): None,
    **{ord(space): " " for space in _NO_BREAK_SPACES},
}


def normal_form(text: str) -> str:
    """NFC, LF line ends, no control characters, no-break spaces as spaces, trimmed."""
    return unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text).translate(_TRANSLATED)).strip()


def has_markup(text: str) -> bool:
    """Whether an HTML cleaner would see a tag in it. `5 < 7` and `<3` are plain text."""
    return _MARKUP.search(text) is not None
