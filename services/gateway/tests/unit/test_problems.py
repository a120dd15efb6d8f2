import json
from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from fastapi.exceptions import RequestValidationError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo
from google.rpc.status_pb2 import Status
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from brickops.inventory.v1 import inventory_service_pb2
from gateway.lots.models import LotPatch, NewLot
from gateway.problems import Problem, answer_invalid_request, problem_of_call, problem_response, rest_field
from servicekit.logs import correlation_id

NOBODY = Request({"type": "http", "headers": []})


def refusal(
    code: grpc.StatusCode, reason: str, message: str, *violations: tuple[str, str], reference: str = ""
) -> grpc.aio.AioRpcError:
    """What servicekit's error interceptor sends."""
    status = Status(code=code.value[0], message=message)
    status.details.add().Pack(ErrorInfo(reason=reason, domain="brickops"))
    if violations:
        found = [BadRequest.FieldViolation(field=name, description=rule) for name, rule in violations]
        status.details.add().Pack(BadRequest(field_violations=found))
    if reference:
        status.details.add().Pack(RequestInfo(request_id=reference))
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=message)


def body_of(problem: Problem) -> dict[str, Any]:
    answer = problem_response(problem)
    assert answer.media_type == "application/problem+json"
    shown: dict[str, Any] = json.loads(bytes(answer.body))
    assert shown["status"] == answer.status_code
    return shown


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", 400),
        (grpc.StatusCode.OUT_OF_RANGE, "OUT_OF_RANGE", 400),
        (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", 403),
        (grpc.StatusCode.NOT_FOUND, "LOT_NOT_FOUND", 404),
        (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_PIECES", 409),
        (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", 409),
        (grpc.StatusCode.ABORTED, "STALE_REVISION", 412),
    ],
)
def test_a_refusal_keeps_its_reason_and_its_words(code: grpc.StatusCode, reason: str, status: int) -> None:
    correlation_id.set("follow-me")

    assert body_of(problem_of_call(refusal(code, reason, "In words."))) == {
        "type": f"urn:brickops:problem:{reason.lower().replace('_', '-')}",
        "title": problem_title(status),
        "status": status,
        "detail": "In words.",
        "reason": reason,
        "errors": [],
        "correlation_id": "follow-me",
    }


def problem_title(status: int) -> str:
    titles = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed"}
    return titles[status]


def test_field_violations_have_the_names_of_this_api() -> None:
    error = refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        "bad",
        ("lot.unit_price", "is too much"),
        ("lot.item.number", "is required"),
    )

    shown = body_of(problem_of_call(error))

    assert shown["detail"] == "2 fields are not acceptable."
    assert shown["errors"] == [
        {"field": "unit_price", "detail": "is too much"},
        {"field": "item_no", "detail": "is required"},
    ]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("lot.unit_price", "unit_price"),
        ("unit_price", "unit_price"),
        ("lot.item.type", "item_type"),
        ("lot.item.number", "item_no"),
        ("item.number", "item_no"),
        ("lot.item.color_id", "color_id"),
        ("lot.item.condition", "condition"),
        ("lot.item.completeness", "completeness"),
        ("lot.tiers[1].unit_price", "tiers[1].unit_price"),
        ("lot.tiers[1].unit_price.nanos", "tiers[1].unit_price.amount"),
        ("lot.unit_price.currency_code", "unit_price.currency"),
        ("currency_code", "currency"),
        ("bricklink.consumer_key", "keys.consumer_key"),
        ("page_size", "limit"),
        ("page_token", "cursor"),
        ("content", "file"),
        ("request_id", "Idempotency-Key"),
        ("expected_revision", "If-Match"),
        ("by", "by"),
        ("reserved_by", "reserved_by"),
    ],
)
def test_a_field_has_the_name_of_this_api(path: str, field: str) -> None:
    assert rest_field(path) == field


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    ],
)
def test_an_absent_service_is_503_without_grpcs_words(code: grpc.StatusCode) -> None:
    words = "failed to connect to all addresses; last error: ipv4:127.0.0.1:50051"
    problem = problem_of_call(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=words))

    shown = body_of(problem)

    assert (shown["status"], shown["reason"]) == (503, "TRY_AGAIN")
    assert "127.0.0.1" not in json.dumps(shown)
    assert problem_response(problem).headers["retry-after"] == "2"


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.DATA_LOSS,
    ],
)
def test_a_failure_behind_is_500_with_its_reference_only(code: grpc.StatusCode) -> None:
    shown = body_of(problem_of_call(refusal(code, "INTERNAL", "row (secret)", reference="a1b2c3")))

    assert (shown["status"], shown["reason"]) == (500, "INTERNAL")
    assert "a1b2c3" in shown["detail"]
    assert "secret" not in json.dumps(shown)


async def test_a_service_that_asks_for_what_no_field_is_says_so_in_its_own_words() -> None:
    """A violation without fields stays a 400 with its message."""
    shown = body_of(problem_of_call(refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "The file is none.")))

    assert (shown["status"], shown["detail"], shown["errors"]) == (400, "The file is none.", [])


async def invalid(model: type[BaseModel], body: object, where: Sequence[str] = ("body",)) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    errors = [{**error, "loc": (*where, *error["loc"])} for error in refused.value.errors()]
    answer = await answer_invalid_request(NOBODY, RequestValidationError(errors))
    shown: dict[str, Any] = json.loads(bytes(answer.body))
    return shown


GOOD = {
    "item_type": "PART",
    "item_no": "3001",
    "condition": "NEW",
    "quantity": 1,
    "unit_price": {"amount": "0.12", "currency": "EUR"},
}


@pytest.mark.parametrize(
    ("field", "body", "detail"),
    [
        ("item_no", {name: value for name, value in GOOD.items() if name != "item_no"}, "is required"),
        ("colour", GOOD | {"colour": 5}, "is not known here, or cannot be set"),
        ("quantity", GOOD | {"quantity": "many"}, "must be a whole number"),
        ("quantity", GOOD | {"quantity": 2**70}, "is far too large or too small"),
        ("retain", GOOD | {"retain": "yes"}, "must be true or false"),
        ("remarks", GOOD | {"remarks": 7}, "must be a string"),
        ("tags", GOOD | {"tags": "red"}, "must be a list"),
        ("tags[1]", GOOD | {"tags": ["red", 1]}, "must be a string"),
        ("unit_price", GOOD | {"unit_price": 1}, "must be a JSON object"),
        (
            "unit_price.amount",
            GOOD | {"unit_price": {"amount": 0.12, "currency": "EUR"}},
            'must be a string such as "0.12": a JSON number with decimals is not exact',
        ),
        (
            "tiers[0].unit_price.currency",
            GOOD | {"tiers": [{"quantity": 5, "unit_price": {"amount": "1"}}]},
            "is required",
        ),
        ("condition", GOOD | {"condition": "MINT"}, "Input should be 'NEW' or 'USED'"),
        ("body", [GOOD], "must be a JSON object"),
    ],
)
async def test_bad_input_is_400_naming_field_and_rule(field: str, body: object, detail: str) -> None:
    shown = await invalid(NewLot, body)

    assert (shown["status"], shown["reason"]) == (400, "INVALID_FIELD")
    assert shown["errors"] == [{"field": field, "detail": detail}]


async def test_no_refusal_repeats_a_value() -> None:
    shown = await invalid(NewLot, dict.fromkeys(GOOD, "canary"))

    assert len(shown["errors"]) >= len(GOOD) - 1
    assert "canary" not in json.dumps(shown)


async def test_a_field_name_that_no_answer_can_carry_is_cut_and_replaced() -> None:
    shown = body_of(Problem.of_field("\ud800" + "x" * 1000, "stands there more than once"))

    assert shown["errors"][0]["field"] == "?" + "x" * 199


async def test_a_flood_of_errors_is_cut() -> None:
    shown = await invalid(LotPatch, {f"field{number}": 1 for number in range(1000)})

    assert len(shown["errors"]) == 50
    assert shown["detail"] == "1000 fields are not acceptable."


def test_the_proto_has_no_field_that_the_table_of_names_forgot() -> None:
    """Whatever a request of inventory is made of, its name over REST never shows the proto's own shape."""
    shapes = {"lot", "item", "page_size", "page_token", "expected_revision", "request_id", "content"}
    names = {
        field.name
        for message in inventory_service_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.name.endswith("Request")
        for field in message.fields
    }

    assert {rest_field(name) for name in names - {"lot", "update_mask"}} & shapes == set()
