import json
import logging
import uuid

import httpx
import pytest

from gateway.testing.issuer import Issuer


async def test_a_given_correlation_id_comes_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/lots", headers={"X-Correlation-Id": "order-42:a.B_c"})

    assert answer.headers["X-Correlation-Id"] == "order-42:a.B_c"
    assert answer.json()["correlation_id"] == "order-42:a.B_c"


@pytest.mark.parametrize("given", [b"", b"two words", b"x" * 101, b"new\tline", b"\xff", b'"quoted"'])
async def test_an_unsafe_correlation_id_is_replaced(client: httpx.AsyncClient, given: bytes) -> None:
    answer = await client.get("/healthz", headers=[(b"X-Correlation-Id", given)])

    assert uuid.UUID(answer.headers["X-Correlation-Id"]).version == 4


async def test_a_failure_of_ours_is_500_and_in_the_log_without_its_words(
    client: httpx.AsyncClient, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is behind this application, so asking fails in a way that nobody thought of."""
    answer = await client.get("/v1/lots", headers={"Authorization": f"Bearer {issuer.token()}"})

    assert (answer.status_code, answer.json()["reason"]) == (500, "INTERNAL")
    assert "NoneType" not in answer.text
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == ["an unexpected error"]


async def test_each_request_is_one_line_that_says_neither_path_nor_query(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await client.get("/v1/lots/canary-1?cursor=canary-2")

    lines = [record for record in caplog.records if record.name == "gateway.door"]
    assert [(line.message, line.__dict__["route"], line.__dict__["status"]) for line in lines] == [
        ("answered", "/v1/lots/{lot_id}", 401)
    ]
    assert "canary" not in json.dumps([line.__dict__ for line in lines], default=str)


async def test_answers_are_kept_by_nobody(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/lots")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
