"""What a body may look like before it is looked into."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.guard import JSON_LIMIT
from gateway.testing.issuer import Issuer

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def headers(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token()}"}


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        (b"", "body", "is required"),
        (b"{", "body", "is not valid JSON"),
        (b"null", "body", "must be a JSON object"),
        (b"[]", "body", "must be a JSON object"),
        (b'"lot"', "body", "must be a JSON object"),
        (b'{"by": NaN}', "body", "is not valid JSON: NaN is no JSON number"),
        (b'{"by": -Infinity}', "body", "is not valid JSON: -Infinity is no JSON number"),
        (b'{"by": 1, "reserved_by": 1, "by": 2}', "by", "stands there more than once"),
        (b'{"by": {"\\ud800": 1, "\\ud800": 2}}', "?", "stands there more than once"),
        (b'{"by": 1' + b"0" * 5000 + b"}", "body", "is not valid JSON, or holds a number that is far too long"),
        (b'{"by": 1' + b"0" * 4000 + b"}", "by", "is far too large or too small"),
        (b'{"by": "\xff"}', "body", "is not valid JSON, or holds a number that is far too long"),
        (b'{"by": ' + b"[" * 100_000, "body", "is nested too deeply"),
        (b'{"by": 1e400}', "by", "must be a whole number"),
        (b'{"by": 3.0}', "by", "must be a whole number"),
        (b'{"\xc3\xa9": 1}', "\u00e9", "is not known here, or cannot be set"),
    ],
)
async def test_a_body_that_means_nothing_or_two_things_is_400(
    client: httpx.AsyncClient, headers: dict[str, str], body: bytes, field: str, detail: str
) -> None:
    answer = await client.post("/v1/lots/lot-1/adjust", headers=headers | JSON, content=body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"field": field, "detail": detail}]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
async def test_a_body_that_does_not_call_itself_json_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], media_type: str
) -> None:
    """So no page elsewhere can send one with a plain form."""
    answer = await client.post(
        "/v1/lots/lot-1/adjust", headers=headers | {"Content-Type": media_type}, content=b'{"by": 1}'
    )

    assert (answer.status_code, answer.json()["reason"]) == (400, "INVALID_FIELD")


class Endless:
    """A body that goes on as long as somebody reads."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 64 * 1024
            yield b" " * 64 * 1024


async def test_a_body_that_grows_too_long_is_cut_off_while_it_is_read(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = Endless()

    answer = await client.post("/v1/lots", headers=headers | JSON, content=body)

    assert (answer.status_code, answer.json()["reason"]) == (413, "BODY_TOO_LARGE")
    assert body.sent <= JSON_LIMIT + 64 * 1024


async def test_a_body_that_says_it_is_too_long_is_not_read_at_all(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = Endless()

    declared = {"Content-Length": str(JSON_LIMIT + 1)}
    answer = await client.post("/v1/lots", headers=headers | JSON | declared, content=body)

    assert (answer.status_code, body.sent) == (413, 0)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_unknown_query_parameter_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """A misspelt filter must not be a filter left out."""
    answer = await client.get("/v1/lots?include_archive=true", headers=headers)

    assert answer.json()["errors"] == [{"field": "include_archive", "detail": "is not known here, or cannot be set"}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("include_archived=perhaps", "include_archived"),
        ("cursor=" + "c" * 2001, "cursor"),
    ],
)
async def test_a_bad_query_parameter_is_named(
    client: httpx.AsyncClient, headers: dict[str, str], query: str, field: str
) -> None:
    answer = await client.get(f"/v1/lots?{query}", headers=headers)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "k" * 101),
        ("Idempotency-Key", "two words"),
        ("Idempotency-Key", b"\xe9"),
        ("If-Match", "7, 8"),
        ("If-Match", 'W/"7"'),
        ("If-Match", '"seven"'),
        ("If-Match", "9" * 30),
        ("If-Match", ""),
    ],
)
async def test_a_bad_header_is_named(
    client: httpx.AsyncClient, headers: dict[str, str], name: str, value: str | bytes
) -> None:
    all_headers: list[tuple[str, str | bytes]] = [*headers.items(), (name, value)]
    answer = await client.post("/v1/lots/lot-1/adjust", headers=all_headers, json={"by": 1})  # type: ignore[arg-type]

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]


async def test_a_patch_that_names_no_field_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """An empty mask must never come to mean every field."""
    answer = await client.patch("/v1/lots/lot-1", headers=headers, json={"reason": "nothing"})

    assert answer.json()["errors"] == [{"field": "body", "detail": "names no field to change"}]


@pytest.mark.parametrize("match", [{}, {"If-Match": "*"}])
async def test_an_absolute_quantity_needs_the_revision_that_it_was_decided_on(
    client: httpx.AsyncClient, headers: dict[str, str], match: dict[str, str]
) -> None:
    answer = await client.patch("/v1/lots/lot-1", headers=headers | match, json={"quantity": 5})

    assert (answer.status_code, answer.json()["reason"]) == (428, "IF_MATCH_REQUIRED")
    assert answer.json()["errors"][0]["field"] == "quantity"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/lots/", 404, "NOT_FOUND"),
        ("DELETE", "/v1/lots", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/connections/ebay", 404, "MARKETPLACE_NOT_FOUND"),
        ("GET", "/v1/connections/ebay/differences", 404, "MARKETPLACE_NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str, status: int, reason: str
) -> None:
    answer = await client.request(method, path, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["Content-Type"] == "application/problem+json"
