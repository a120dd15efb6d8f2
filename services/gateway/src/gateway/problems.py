"""Every refusal in one shape: application/problem+json (RFC 9457), whoever refused."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import grpc
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, Field
from starlette.exceptions import HTTPException

from servicekit.grpc_errors import problem_of
from servicekit.logs import correlation_id

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_ERRORS_SHOWN = 50
_FIELD_SHOWN = 200


def _showable(name: str) -> str:
    """A field name comes from outside: it may be endless, or hold half a surrogate pair, which no answer can carry."""
    return name[:_FIELD_SHOWN].encode(errors="replace").decode()


class FieldProblem(BaseModel):
    """One field, header or query parameter at fault."""

    field: Annotated[str, BeforeValidator(_showable)] = Field(
        description="Its name in this API, such as `tiers[1].unit_price`.", examples=["quantity"]
    )
    detail: str = Field(description="The rule that it breaks.", examples=["must be from 0 to 9,999,999"])


class ProblemDetails(BaseModel):
    """An answer that is no success (RFC 9457)."""

    type: str = Field(
        description="A URI that names the kind of problem.", examples=["urn:brickops:problem:invalid-field"]
    )
    title: str = Field(description="The HTTP status in words.", examples=["Bad Request"])
    status: int = Field(description="The HTTP status.", examples=[400])
    detail: str = Field(description="What is wrong with this very request.", examples=["1 field is not acceptable."])
    reason: str = Field(description="A constant word for the kind of problem.", examples=["INVALID_FIELD"])
    errors: list[FieldProblem] = Field(description="The fields at fault; empty if it is no field's fault.")
    correlation_id: str = Field(description="Follows this request through every service and log.")


class Problem(HTTPException):
    """A refusal with its HTTP status, a constant reason and words for the caller.

    It is a Starlette HTTPException because FastAPI turns every other exception raised while it reads a body into its
    own 400.
    """

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.reason = reason
        self.errors = errors

    @classmethod
    def of_fields(cls, errors: Sequence[FieldProblem]) -> "Problem":
        """Bad input: 400, naming each field."""
        count = "1 field is" if len(errors) == 1 else f"{len(errors)} fields are"
        return cls(HTTPStatus.BAD_REQUEST, "INVALID_FIELD", f"{count} not acceptable.", errors=errors)

    @classmethod
    def of_field(cls, field: str, detail: str) -> "Problem":
        """Bad input in one field."""
        return cls.of_fields([FieldProblem(field=field, detail=detail)])


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the problems that it may answer, as the OpenAPI document shows them."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    content = {PROBLEM_JSON: {"schema": schema}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem_response(problem: Problem) -> JSONResponse:
    """The answer that tells of a problem."""
    status = HTTPStatus(problem.status_code)
    body = ProblemDetails(
        type=f"urn:brickops:problem:{problem.reason.lower().replace('_', '-')}",
        title=status.phrase,
        status=status,
        detail=str(problem.detail),
        reason=problem.reason,
        errors=list(problem.errors[:_ERRORS_SHOWN]),
        correlation_id=correlation_id.get(),
    )
    return JSONResponse(body.model_dump(), status_code=status, headers=problem.headers, media_type=PROBLEM_JSON)


async def answer_http_exception(_: Request, error: Exception) -> JSONResponse:
    """Answers a Problem, or what the framework itself raised (no such path, no such method)."""
    if isinstance(error, Problem):
        return problem_response(error)
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this path.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path does not know this method.",
    }.get(status, str(error.detail))
    return problem_response(Problem(status, status.name, detail, headers=error.headers))


async def answer_invalid_request(_: Request, error: Exception) -> JSONResponse:
    """Answers what FastAPI found in body, query, path and headers: names and rules, never the values."""
    if not isinstance(error, RequestValidationError):
        raise error
    return problem_response(Problem.of_fields([_field_problem(found) for found in error.errors()]))


_RULES = {
    "missing": "is required",
    "extra_forbidden": "is not known here, or cannot be set",
    "bool_type": "must be true or false",
    "dict_type": "must be a JSON object",
    "int_type": "must be a whole number",
    "json_invalid": "is not valid JSON",
    "list_type": "must be a list",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "string_type": "must be a string",
}


_WHOSE_KEYS = re.compile(r"^keys\.(bricklink|brickowl)\b")
"""How pydantic names keys that may be of either marketplace."""


def _field_problem(found: Mapping[str, object]) -> FieldProblem:
    location = found["loc"]
    where, *steps = location if isinstance(location, tuple) else ("body",)
    kind = str(found["type"])
    if kind == "json_invalid" or not steps:
        field = str(where)
    else:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
        field = _WHOSE_KEYS.sub("keys", field)
    context = found.get("ctx")
    if kind == "value_error" and isinstance(context, Mapping):
        detail = str(context["error"])
    else:
        detail = _RULES.get(kind) or str(found["msg"])
    return FieldProblem(field=field, detail=detail)


_STATUS_OF = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.CONFLICT,
    grpc.StatusCode.ABORTED: HTTPStatus.PRECONDITION_FAILED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
}
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}


def problem_of_call(error: grpc.aio.AioRpcError) -> Problem:
    """What a service's refusal, or its absence, means over REST."""
    told = problem_of(error)
    if told.code in _AWAY:
        # gRPC's own words name addresses; a caller only needs to know that repeating is right.
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "TRY_AGAIN",
            "A service behind this one does not answer right now. Repeat the request with the same Idempotency-Key.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    status = _STATUS_OF.get(told.code)
    if status is None:
        reference = f" Reference: {told.reference}." if told.reference else ""
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", f"Something went wrong on our side.{reference}")
    errors = [FieldProblem(field=rest_field(field), detail=detail) for field, detail in told.violations]
    if errors and told.code is grpc.StatusCode.INVALID_ARGUMENT:
        return Problem.of_fields(errors)
    return Problem(status, told.reason or status.name, told.message, errors=errors)


_RENAMED = (
    (re.compile(r"^lot\."), ""),
    (re.compile(r"^selection\."), ""),
    (re.compile(r"^filter\.sync\b.*"), "sync"),
    (re.compile(r"^filter\.(item_type|color_id|tag)s\b"), r"\1"),
    (re.compile(r"^filter\.item_number$"), "item_no"),
    (re.compile(r"^filter\.availabilities\b"), "status"),
    (re.compile(r"^filter\."), ""),
    (re.compile(r"^order_by$"), "sort"),
    (re.compile(r"^item\.type$"), "item_type"),
    (re.compile(r"^item\.number$"), "item_no"),
    (re.compile(r"^item\."), ""),
    (re.compile(r"^(bricklink|brickowl)\b"), "keys"),
    (re.compile(r"\.(units|nanos)$"), ".amount"),
    (re.compile(r"\bcurrency_code$"), "currency"),
    (re.compile(r"^page_size$"), "limit"),
    (re.compile(r"^page_token$"), "cursor"),
    (re.compile(r"^content$"), "file"),
    (re.compile(r"^request_id$"), "Idempotency-Key"),
    (re.compile(r"^expected_revision$"), "If-Match"),
)


def rest_field(path: str) -> str:
    """The name over REST of a field in a gRPC request: `lot.item.number` is `item_no`."""
    for pattern, name in _RENAMED:
        path = pattern.sub(name, path)
    return path
