"""Pages: how many things at once, and the opaque token that says where the next page starts."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from inventory.ids import is_id
from servicekit.grpc_errors import InvalidField

DEFAULT_SIZE: Final = 50
LARGEST_SIZE: Final = 500

T = TypeVar("T")


class Page(NamedTuple):
    """What a request for a page asks."""

    size: int
    last: str | None
    """The key of the last thing on the page before; None for the first page."""

    @property
    def limit(self) -> int:
        """How many things to read: one more than fit, to know whether there is another page."""
        return self.size + 1


def page_of(size: int, token: str, *, is_key: Callable[[str], bool] = is_id) -> Page:
    """Reads a request's page_size and page_token. Raises InvalidField."""
    return Page(size_of(size), _key_of(token, is_key) if token else None)


def size_of(size: int) -> int:
    """Reads a request's page_size. Raises InvalidField."""
    if not 0 <= size <= LARGEST_SIZE:
        raise InvalidField("page_size", f"must be 1 to {LARGEST_SIZE}, or 0 for {DEFAULT_SIZE}")
    return size or DEFAULT_SIZE


def cut(found: Sequence[T], page: Page, key: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """The things that fit on the page, and the token of the next one, empty if there is none."""
    if len(found) <= page.size:
        return found, ""
    shown = found[: page.size]
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _key_of(token: str, is_key: Callable[[str], bool]) -> str:
    try:
        key = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not is_key(key):
        raise InvalidField("page_token", "is not one that this list gave")
    return key
