"""Pages: how many things at once, and the opaque token that says where the next page starts."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from servicekit.grpc_errors import InvalidField

DEFAULT_SIZE: Final = 50
LARGEST_SIZE: Final = 500

T = TypeVar("T")
P = TypeVar("P")


def size_of(size: int) -> int:
    """Reads a request's page_size. Raises InvalidField."""
    if not 0 <= size <= LARGEST_SIZE:
        raise InvalidField("page_size", f"must be 1 to {LARGEST_SIZE}, or 0 for {DEFAULT_SIZE}")
    return size or DEFAULT_SIZE


def place_of(token: str, read: Callable[[str], P]) -> P | None:
    """Reads a request's page_token; None for the first page. Raises InvalidField.

    `read` raises ValueError or OverflowError for text that is no place.
    """
    if not token:
        return None
    try:
        return read(base64.b64decode(token, altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidField("page_token", "is not one that this list gave") from None


def cut(found: Sequence[T], size: int, place: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """The things that fit on the page, of one more than its size, and the token of the next one, empty if none."""
    if len(found) <= size:
        return found, ""
    shown = found[:size]
    return shown, base64.urlsafe_b64encode(place(shown[-1]).encode()).decode()
