"""What every call of the gRPC service begins with: who may, and one answer per request id."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.api.translate import word_of
from inventory.commands import By
from inventory.domain import errors
from inventory.events import LotTopics
from inventory.storage.requests import API, RequestKey
from inventory.storage.unit_of_work import UnitOfWork
from servicekit import callers, logs
from servicekit.callers import CallerNotAllowed
from servicekit.clock import Clock
from servicekit.grpc_errors import InvalidField, InvalidFields

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

_LONGEST_REQUEST_ID: Final = 100
_READERS: Final = ("owner", "editor", "viewer")
_WRITERS: Final = ("owner", "editor")

Context = ServicerContext[Any, Any]

A = TypeVar("A", bound=Message)
W = TypeVar("W", bound=StrEnum)
V = TypeVar("V", bound=int)
ChangeRequest = pb.UpdateLotRequest | pb.AdjustQuantityRequest | pb.ArchiveLotRequest | pb.RestoreLotRequest
UndoRequest = pb.UndoChangeRequest | pb.UndoImportRequest | pb.UndoBulkEditRequest
BulkEditRequest = pb.CreateBulkEditRequest | pb.CancelBulkEditRequest
ImportRequest = pb.CreateImportRequest | pb.CreateShopImportRequest | pb.ConfirmImportRequest | pb.CancelImportRequest
LotRequest = pb.CreateLotRequest | ChangeRequest | pb.AnswerReturnRequest
Request = LotRequest | UndoRequest | BulkEditRequest | ImportRequest


class Desk:
    """Where calls are answered; the callables are called when an import, a bulk edit or an undo waits to be run."""

    def __init__(
        self,
        engine: AsyncEngine,
        topics: LotTopics,
        clock: Clock,
        *,
        import_accepted: Callable[[], None],
        undo_accepted: Callable[[], None],
        bulk_edit_accepted: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._import_accepted = import_accepted
        self._undo_accepted = undo_accepted
        self._bulk_edit_accepted = bulk_edit_accepted

    async def _once(
        self,
        request: Request,
        by: By,
        response: type[A],
        run: Callable[[By, UnitOfWork], Awaitable[A]],
    ) -> A:
        """The answer to this request: the earlier one if it was answered before, else what `run` makes of it now."""
        key = _request_key(request, by.seller_id)
        with naming_fields():
            async with UnitOfWork(self._engine, self._topics) as work:
                earlier = await work.claim(key, by.at)
                if earlier is not None:
                    return response.FromString(earlier)
                answer = await run(by, work)
                await work.commit(answer.SerializeToString())
                return answer

    def _by(self, reason: str) -> By:
        caller = callers.require_role(*_WRITERS)
        if not caller.actor:
            raise CallerNotAllowed("This call must say on whose behalf it is.")
        return By(
            seller_id=caller.require_seller(),
            actor=caller.actor,
            reason=reason,
            correlation_id=logs.correlation_id.get(),
            at=self._clock.now(),
        )


def reading_seller() -> str:
    """The seller whose things the caller may read."""
    return callers.require_role(*_READERS).require_seller()


def asked_word(field: str, words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W:
    """Our word for what a request names in a field. Raises InvalidField."""
    word = word_of(words, proto, value) if value in proto.values() else None
    if word is None:
        raise InvalidField(field, "names one that is not known")
    return word


def _request_key(request: Request, seller_id: str) -> RequestKey:
    """Raises InvalidField. A request id names one request of a seller, whatever the method."""
    request_id = request.request_id
    if not 1 <= len(request_id) <= _LONGEST_REQUEST_ID or not request_id.isprintable():
        raise InvalidField("request_id", f"must have 1 to {_LONGEST_REQUEST_ID} printable characters")
    body = type(request).__name__.encode() + b"\0" + request.SerializeToString(deterministic=True)
    return RequestKey(seller_id=seller_id, scope=API, request_id=request_id, body_sha256=hashlib.sha256(body).digest())


@contextmanager
def naming_fields() -> Iterator[None]:
    """Tells broken rules by the fields of the request: those of a lot are under `lot`."""
    try:
        yield
    except errors.InvalidFields as refusal:
        prefix = "lot." if isinstance(refusal, errors.InvalidLot) else ""
        raise InvalidFields(
            [InvalidField(f"{prefix}{violation.field}", violation.rule) for violation in refusal.violations]
        ) from None
