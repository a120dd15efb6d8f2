"""The way to the services behind: certificates, repeats, deadlines."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from gateway.config import Config
from gateway.testing.services import Services
from servicekit.testing.ca import TestAuthority

LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.12", "currency": "EUR"},
}


async def test_a_service_that_is_away_for_a_moment_is_asked_again(owner: httpx.AsyncClient, services: Services) -> None:
    services.inventory.faults.before = [grpc.StatusCode.UNAVAILABLE] * 2

    assert (await owner.post("/v1/lots", json=LOT)).status_code == 201
    assert services.inventory.faults.calls == 3


async def test_an_answer_that_was_lost_is_asked_for_again_without_a_second_effect(
    owner: httpx.AsyncClient, services: Services
) -> None:
    """The made-up request id is the same in each attempt."""
    services.inventory.faults.after = [grpc.StatusCode.UNAVAILABLE]

    assert (await owner.post("/v1/lots", json=LOT)).status_code == 201
    assert len((await owner.get("/v1/lots")).json()["items"]) == 1


async def test_a_service_that_stays_away_is_503_after_three_attempts(
    owner: httpx.AsyncClient, services: Services
) -> None:
    services.inventory.faults.before = [grpc.StatusCode.UNAVAILABLE] * 20

    answer = await owner.get("/v1/lots")

    assert (answer.status_code, answer.json()["reason"], answer.headers["Retry-After"]) == (503, "TRY_AGAIN", "2")
    assert services.inventory.faults.calls == 3
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    ("code", "status"),
    [(grpc.StatusCode.INTERNAL, 500), (grpc.StatusCode.ABORTED, 412), (grpc.StatusCode.DEADLINE_EXCEEDED, 503)],
)
async def test_nothing_but_absence_is_asked_again(
    owner: httpx.AsyncClient, services: Services, code: grpc.StatusCode, status: int
) -> None:
    services.inventory.faults.before = [code] * 20

    assert (await owner.get("/v1/lots")).status_code == status
    assert services.inventory.faults.calls == 1


async def ask(url: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        return await client.get("/v1/lots")


Gateways = Callable[[Config], AbstractAsyncContextManager[str]]


async def test_a_service_with_another_name_is_not_believed(behind: Any, another_gateway: Gateways) -> None:
    """The address of inventory leads to credentials: its certificate says so."""
    config = behind.config(inventory_address=behind.addresses["credentials"])
    async with another_gateway(config) as url:
        answer = await ask(url, behind.issuer.token())

    assert (answer.status_code, answer.json()["reason"]) == (503, "TRY_AGAIN")


async def test_a_gateway_of_another_authority_gets_nothing(
    behind: Any, another_gateway: Gateways, services: Services, tmp_path: Path
) -> None:
    tls = TestAuthority(tmp_path).issue("gateway")
    config = behind.config(tls_certificate_file=tls.certificate, tls_key_file=tls.key)
    async with another_gateway(config) as url:
        answer = await ask(url, behind.issuer.token())

    assert (answer.status_code, services.inventory.faults.calls) == (503, 0)


async def test_a_certificate_that_is_not_the_gateways_gets_nothing(
    behind: Any, another_gateway: Gateways, services: Services
) -> None:
    """The fakes list who may call, as the services do."""
    tls = behind.authority.issue("sync-bricklink", name="impostor")
    config = behind.config(tls_certificate_file=tls.certificate, tls_key_file=tls.key)
    async with another_gateway(config) as url:
        answer = await ask(url, behind.issuer.token())

    assert (answer.status_code, services.inventory.faults.calls) == (403, 0)
