"""What the services in memory have in common: refusals, faults, answers given once, pages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from servicekit.callers import current_caller
from servicekit.grpc_errors import ErrorTable, InvalidField

Context = grpc.aio.ServicerContext[Any, Any]
A = TypeVar("A", bound=Message)
T = TypeVar("T")

_DEFAULT_PAGE = 50


class NotFound(Exception):
    """The seller has no such thing."""


class Stale(Exception):
    """The lot has another revision."""


class NotEnough(Exception):
    """There are not so many pieces."""


class NoPreview(Exception):
    """No preview waits to be confirmed."""


class NothingToConfirm(Exception):
    """No plan waits for consent."""


class Changed(Exception):
    """It is no longer as it was seen."""


class Undone(Exception):
    """It was undone before."""


class Reused(Exception):
    """The request id was used before, with another body."""


ERRORS: ErrorTable = {
    NotFound: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    Stale: (grpc.StatusCode.ABORTED, "STALE_REVISION"),
    NotEnough: (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_PIECES"),
    NoPreview: (grpc.StatusCode.FAILED_PRECONDITION, "IMPORT_NOT_IN_PREVIEW"),
    NothingToConfirm: (grpc.StatusCode.FAILED_PRECONDITION, "NOTHING_TO_CONFIRM"),
    Changed: (grpc.StatusCode.FAILED_PRECONDITION, "CHANGED_SINCE"),
    Undone: (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_UNDONE"),
    Reused: (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
}


@dataclass
class Faults:
    """What goes wrong next at one service. Each listed status is answered once."""

    before: list[grpc.StatusCode] = field(default_factory=list)
    """Answered instead of doing anything."""
    after: list[grpc.StatusCode] = field(default_factory=list)
    """Answered although it was done: the answer was lost on its way."""
    gate: asyncio.Event | None = None
    """No call is answered before it is set."""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a call waits at the gate."""
    calls: int = 0

    @asynccontextmanager
    async def around(self, context: Context) -> AsyncIterator[None]:
        """Surrounds the answering of a call."""
        self.calls += 1
        if self.gate is not None:
            self.waiting.set()
            await self.gate.wait()
        await self._strike(self.before, context)
        yield
        await self._strike(self.after, context)

    async def _strike(self, statuses: list[grpc.StatusCode], context: Context) -> None:
        if statuses:
            await context.abort(statuses.pop(0), "ipv4:127.0.0.1:50051: a fault")


class Answers:
    """Answers already given, by seller and request id."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], tuple[bytes, Any]] = {}

    def once(self, request: Message, request_id: str, answer: Callable[[], A]) -> A:
        """The answer of the first time. Raises Reused for another body."""
        if not request_id.isprintable() or not 1 <= len(request_id) <= 100:
            raise InvalidField("request_id", "must be 1 to 100 printable characters")
        key, body = (current_caller().require_seller(), request_id), request.SerializeToString(deterministic=True)
        if key not in self._given:
            self._given[key] = (body, answer())
        first, given = self._given[key]
        if first != body:
            raise Reused("This request id was used before for another request.")
        answered: A = given
        return answered


def page_of(found: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """A page of what was found, and the token for the page after."""
    if token and not token.isdigit():
        raise InvalidField("page_token", "is not one that was given out")
    start = int(token or 0)
    end = start + (size or _DEFAULT_PAGE)
    return found[start:end], str(end) if end < len(found) else ""
