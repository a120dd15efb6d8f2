"""What all calls of the gRPC face have in common: who may, pages, and one answer to each request id."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.message import Message
from grpc import StatusCode, aio

from servicekit.callers import require_role
from servicekit.grpc_errors import ErrorTable, InvalidField
from syncengine.answers import CallUnderWayError, ChangedSinceError
from syncengine.clock import Clock
from syncengine.listing import CatalogEntry, LotId, SellerId
from syncengine.marketplace import Facts
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.service.theirs import ItemHere, LotFieldsOf
from syncengine.settings import Settings
from syncengine.store.protocol import AnsweredRequest, Store, Transaction

Context = aio.ServicerContext[Any, Any]

READERS: Final = ("owner", "editor", "viewer")
EDITORS: Final = ("owner", "editor")
OWNERS: Final = ("owner",)

_DEFAULT_PAGE: Final = 50
_LARGEST_PAGE: Final = 500
_LONGEST_REQUEST_ID: Final = 100
_KEPT_FOR: Final = timedelta(days=30)
"""How long an answer is kept for a repeat of its request; as long as credentials does."""

A = TypeVar("A", bound=Message)
T = TypeVar("T")


class ConnectionNotFound(Exception):
    """The seller has no connection here."""


class NothingToConfirm(Exception):
    """There is no plan yet to which the seller could agree."""


class NotWaiting(Exception):
    """The lot waits for nobody."""


class AskedTooOften(Exception):
    """People asked for as many reads as they may."""


class NotTested(Exception):
    """No call was made in the time that somebody would wait."""


class RequestIdReused(Exception):
    """The request id came before, with another request."""


STATUS_OF: Final[ErrorTable] = {
    ConnectionNotFound: (StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND"),
    NothingToConfirm: (StatusCode.FAILED_PRECONDITION, "NOTHING_TO_CONFIRM"),
    NotWaiting: (StatusCode.NOT_FOUND, "NOT_WAITING"),
    AskedTooOften: (StatusCode.FAILED_PRECONDITION, "ASKED_TOO_OFTEN"),
    NotTested: (StatusCode.FAILED_PRECONDITION, "NOT_TESTED"),
    RequestIdReused: (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    ChangedSinceError: (StatusCode.FAILED_PRECONDITION, "CHANGED_SINCE"),
    CallUnderWayError: (StatusCode.FAILED_PRECONDITION, "CALL_UNDER_WAY"),
}
"""What each error is over gRPC."""


class Command(Protocol):
    """A request that changes something."""

    @property
    def request_id(self) -> str: ...  # noqa: D102
    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...  # noqa: D102, N802


class Desk:
    """Answers from the rows alone; calls no shop."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        facts: Facts,
        settings: Settings,
        lot_fields_of: LotFieldsOf,
        entry_named: Callable[[str], CatalogEntry | None] = lambda number: None,
        entry_text: Callable[[CatalogEntry], str] = lambda entry: entry.number,
        item_here: ItemHere | None = None,
    ) -> None:
        """`entry_named` reads a number of the marketplace's own catalogue, `entry_text` writes it; one that has none
        knows no number. `item_here` puts an item of it into inventory's terms; None: they are the same.
        """
        self._store = store
        self._clock = clock
        self._facts = facts
        self._settings = settings
        self._lot_fields_of = lot_fields_of
        self._entry_named = entry_named
        self._entry_text = entry_text
        self._item_here = item_here

    async def _once(
        self,
        request: Command,
        roles: Sequence[str],
        response: type[A],
        run: Callable[[Transaction, ConnectionRow], Awaitable[A]],
        *,
        asked: Command | None = None,
    ) -> A:
        """Give the answer of the first time, or do it now, with the connection locked and an answer kept.

        `asked`: what of the request a repeat must have in common with it, if that is not all.

        Raises:
            RequestIdReused: the id came with another request.
            ConnectionNotFound: nothing is connected.
        """
        seller_id = SellerId(require_role(*roles).require_seller())
        if not 1 <= len(request.request_id) <= _LONGEST_REQUEST_ID or not request.request_id.isprintable():
            raise InvalidField("request_id", f"must have 1 to {_LONGEST_REQUEST_ID} printable characters")
        body = type(request).__name__.encode() + b"\0" + (asked or request).SerializeToString(deterministic=True)
        digest = hashlib.sha256(body).digest()
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            connection = await tx.lock_connection(seller_id)
            answered = await tx.find_answered(seller_id, request.request_id)
            if answered is not None:
                if answered.digest != digest:
                    raise RequestIdReused("This request id was used before for another request; choose a new one.")
                return response.FromString(answered.answer)
            answer = await run(tx, known(connection))
            kept = AnsweredRequest(
                request_id=request.request_id,
                digest=digest,
                answer=answer.SerializeToString(),
                answered_at=self._clock.now(),
            )
            await tx.keep_answered(seller_id, kept)
            await tx.forget_answered(seller_id, before=kept.answered_at - _KEPT_FOR)
            return answer


async def wake(tx: Transaction, seller_id: SellerId, now: datetime) -> None:
    """Let a worker see at once what has become due."""
    await tx.save_connection(replace(await tx.lock_connection(seller_id), due_at=now))


def reader() -> SellerId:
    """Say whose rows the caller reads."""
    return SellerId(require_role(*READERS).require_seller())


def known(connection: ConnectionRow | None) -> ConnectionRow:
    """See that something is connected. Raises ConnectionNotFound."""
    if connection is None or not connection.enabled:
        raise ConnectionNotFound("No shop is connected.")
    return connection


async def waiting_row(tx: Transaction, seller_id: SellerId, lot_id: str) -> ListingRow:
    """Get a lot that waits for a person. Raises NotWaiting."""
    row = await tx.find_listing(LotId(lot_id)) if lot_id else None
    if row is None or row.seller_id != seller_id or not (row.trouble or row.parked or row.conflicts):
        raise NotWaiting("This lot waits for nobody in this shop.")
    return row


def page_size(asked: int) -> int:
    """How many are wanted. Raises InvalidField."""
    if not 0 <= asked <= _LARGEST_PAGE:
        raise InvalidField("page_size", f"must be 1 to {_LARGEST_PAGE}, or 0 for {_DEFAULT_PAGE}")
    return asked or _DEFAULT_PAGE


def cut(found: Sequence[T], size: int, last_of: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """Keep a page of one more than its size, with the token for the page after."""
    shown = found[:size]
    return shown, token_of(last_of(shown[-1])) if len(found) > size else ""


def token_of(last: str) -> str:
    """Name what a page ended with."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def after_of(token: str) -> str:
    """Read such a name; empty for the first page. Raises InvalidField."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidField("page_token", "is not one that this list gave") from None
