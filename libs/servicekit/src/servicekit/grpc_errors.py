"""Errors over gRPC: a status code, an ErrorInfo with reason, field violations; never an unexpected error's text."""

import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo
from google.rpc.status_pb2 import Status

from servicekit.callers import CallerNotAllowed, RoleNotAllowed
from servicekit.grpc_interceptor import AroundInterceptor
from servicekit.logs import describe
from servicekit.postgres import is_outage

logger = logging.getLogger(__name__)

DOMAIN = "brickops"
_DETAILS_KEY = "grpc-status-details-bin"

ErrorTable = Mapping[type[Exception], tuple[grpc.StatusCode, str]]
"""An exception and its subclasses -> status code and reason; `str(exception)` is what the caller is told."""


class InvalidField(Exception):
    """One field of a request is wrong; `description` is for the person who filled it in."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


class InvalidFields(Exception):
    """Several fields of a request are wrong."""

    def __init__(self, violations: Sequence[InvalidField]) -> None:
        super().__init__("; ".join(str(violation) for violation in violations))
        self.violations = tuple(violations)


@dataclass(frozen=True)
class RpcProblem:
    """What a failed call says: `violations` are (field, description), `reference` finds an INTERNAL error in logs."""

    code: grpc.StatusCode
    reason: str
    message: str
    violations: list[tuple[str, str]]
    reference: str


def problem_of(error: grpc.aio.AioRpcError) -> RpcProblem:
    """Read the details that GrpcErrorInterceptor sent.

    A failure without them (UNAVAILABLE, say) has the code's name as its reason.
    """
    status, info, bad, request = Status(), ErrorInfo(), BadRequest(), RequestInfo()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:
                logger.warning("a reply has unreadable error details")
    for detail in status.details:
        for kind in (info, bad, request):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    return RpcProblem(
        code=error.code(),
        reason=info.reason or error.code().name,
        message=status.message or error.details() or "",
        violations=[(violation.field, violation.description) for violation in bad.field_violations],
        reference=request.request_id,
    )


class GrpcErrorInterceptor(AroundInterceptor):
    """The outermost interceptor: what the table lists goes out so, all else as INTERNAL and a reference number.

    A database that is away is nobody's fault: UNAVAILABLE, which callers repeat.
    """

    def __init__(self, errors: ErrorTable) -> None:
        self._errors: ErrorTable = {
            CallerNotAllowed: (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"),
            RoleNotAllowed: (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"),
            InvalidField: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
            InvalidFields: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
            **errors,
        }

    def around(
        self, details: grpc.HandlerCallDetails, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AbstractAsyncContextManager[None]:
        """Turn what the call raises into a status."""
        return self._translating(details, context)

    @asynccontextmanager
    async def _translating(
        self, details: grpc.HandlerCallDetails, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it was, the peer may not see it
            code, status = self._status_of(error, details.method)
            await context.abort(code, status.message, ((_DETAILS_KEY, status.SerializeToString()),))

    def _status_of(self, error: Exception, method: str) -> tuple[grpc.StatusCode, Status]:
        for kind in type(error).__mro__:
            if kind in self._errors:
                code, reason = self._errors[kind]
                return code, _status(code, reason, str(error), _violations_of(error))
        if is_outage(error):
            logger.warning("the database is away", extra={"rpc": method, "because": describe(error)})
            message = "The database does not answer right now. Repeat the request."
            return grpc.StatusCode.UNAVAILABLE, _status(grpc.StatusCode.UNAVAILABLE, "DATABASE_AWAY", message)
        reference = uuid.uuid4().hex[:12]
        logger.error("an unexpected error", exc_info=error, extra={"rpc": method, "reference": reference})
        message = f"An unexpected error. Reference {reference}."
        return grpc.StatusCode.INTERNAL, _status(
            grpc.StatusCode.INTERNAL, "INTERNAL", message, RequestInfo(request_id=reference)
        )


def _violations_of(error: Exception) -> BadRequest | None:
    match error:
        case InvalidField():
            violations: Sequence[InvalidField] = (error,)
        case InvalidFields():
            violations = error.violations
        case _:
            return None
    return BadRequest(
        field_violations=[BadRequest.FieldViolation(field=one.field, description=one.description) for one in violations]
    )


def _status(code: grpc.StatusCode, reason: str, message: str, extra: BadRequest | RequestInfo | None = None) -> Status:
    status = Status(code=code.value[0], message=message)
    status.details.add().Pack(ErrorInfo(reason=reason, domain=DOMAIN))
    if extra is not None:
        status.details.add().Pack(extra)
    return status
