"""Identifiers of ours: UUIDv7, which rise with time."""

import secrets
import threading
import time
from uuid import UUID

_NANOSECONDS_PER_MILLISECOND = 1_000_000
_last = 0
_lock = threading.Lock()


def new_id() -> str:
    """A UUIDv7 above every one that this process gave before.

    The twelve bits after the milliseconds are their fraction (RFC 9562, method 3), so an import that makes thousands of
    lots a second does not run ahead of the clock, as counting up milliseconds would.
    """
    global _last
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS_PER_MILLISECOND)
    with _lock:
        _last = max(_last + 1, (milliseconds << 12) | (rest << 12) // _NANOSECONDS_PER_MILLISECOND)
        moment = _last
    value = (moment >> 12) << 80 | (moment & 0xFFF) << 64 | secrets.randbits(62)
    return str(UUID(int=value | 0x7 << 76 | 0b10 << 62))


def is_id(text: str) -> bool:
    """Whether a text is an identifier as we write them; any other names nothing that we have."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
