"""Who gets anything, and who does not: every wrong identity, over real sockets."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from cryptography.x509 import load_pem_x509_certificate

from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import RpcProblem
from servicekit.mtls import TlsFiles
from servicekit.testing.ca import TestAuthority

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]


@pytest.fixture(scope="module")
async def seller_a(gateway: "Calls") -> str:
    await gateway.put("seller-a")
    return "seller-a"


def foreign(house: "House", folder: Path) -> TlsFiles:
    return replace(TestAuthority(folder / "foreign").issue("sync-bricklink"), ca=house.authority.ca_file)


def expired(house: "House", folder: Path) -> TlsFiles:
    return house.authority.issue("sync-bricklink", expired=True, name="expired")


@pytest.mark.parametrize("certificate", [foreign, expired])
async def test_who_is_not_ours_does_not_get_a_connection(
    house: "House",
    running: "Running",
    gateway: "Calls",
    seller_a: str,
    refused: Refused,
    tmp_path: Path,
    certificate: Callable[["House", Path], TlsFiles],
) -> None:
    before = len(house.lease_log(seller_a))
    async with open_channel(running.address, service="credentials", tls=certificate(house, tmp_path)) as channel:
        calls = replace(gateway, channel=channel)
        assert (await refused(calls.lease(seller_a))).code is grpc.StatusCode.UNAVAILABLE
        assert (await refused(calls.status(seller_a))).code is grpc.StatusCode.UNAVAILABLE
    assert len(house.lease_log(seller_a)) == before


async def test_who_shows_no_certificate_does_not_get_a_connection(
    house: "House", running: "Running", gateway: "Calls", seller_a: str, refused: Refused
) -> None:
    trusting = grpc.ssl_channel_credentials(house.authority.ca_file.read_bytes())
    options = [("grpc.ssl_target_name_override", "credentials")]
    async with grpc.aio.secure_channel(running.address, trusting, options=options) as channel:
        calls = replace(gateway, channel=channel)
        assert (await refused(calls.lease(seller_a))).code is grpc.StatusCode.UNAVAILABLE
    async with grpc.aio.insecure_channel(running.address) as channel:
        calls = replace(gateway, channel=channel)
        assert (await refused(calls.lease(seller_a))).code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("service", "marketplace"),
    [
        ("gateway", "bricklink"),
        ("inventory", "bricklink"),
        ("credentials", "bricklink"),
        ("devstack", "bricklink"),
        ("sync-brickowl", "bricklink"),
        ("sync-bricklink", "brickowl"),
        ("sync-bricklink", "ebay"),
        ("sync-bricklink", ""),
        ("gateway", ""),
    ],
)
async def test_a_wrong_name_gets_no_keys_and_is_in_the_log(
    house: "House", running: "Running", seller_a: str, refused: Refused, service: str, marketplace: str
) -> None:
    problem = await refused(house.calls(service, running).lease(seller_a, marketplace))
    assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    row = house.lease_log(seller_a)[-1]
    assert (row["caller"], row["marketplace"], row["granted"]) == (service, marketplace, False)
    assert (row["refusal"], row["key_version"], row["expires_at"]) == ("caller_not_allowed", None, None)


async def test_a_name_that_nobody_knows_is_refused_at_the_door(
    house: "House", running: "Running", seller_a: str, refused: Refused
) -> None:
    before = len(house.lease_log(seller_a))
    problem = await refused(house.calls("intruder", running).lease(seller_a))
    assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    await running.logged('"intruder"')
    assert len(house.lease_log(seller_a)) == before


async def test_a_refusal_is_logged_whatever_was_asked_for(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", refused: Refused
) -> None:
    """Text that the database cannot take must not be a way around the log."""
    assert (await refused(gateway.lease("nul-\0-refused"))).reason == "CALLER_NOT_ALLOWED"
    assert len(house.lease_log("nul-\N{REPLACEMENT CHARACTER}-refused")) == 1
    assert (await refused(sync_bricklink.lease("nul-\0-missing"))).reason == "CREDENTIAL_NOT_FOUND"
    assert len(house.lease_log("nul-\N{REPLACEMENT CHARACTER}-missing")) == 1
    assert (await refused(sync_bricklink.lease("l" * 1000))).reason == "CREDENTIAL_NOT_FOUND"
    assert len(house.lease_log("l" * 100)) == 1


async def test_a_name_of_another_house_is_no_name(
    house: "House", running: "Running", gateway: "Calls", seller_a: str, refused: Refused
) -> None:
    tls = house.authority.issue("sync-bricklink", uri="spiffe://elsewhere/sync-bricklink", name="elsewhere")
    before = len(house.lease_log(seller_a))
    async with open_channel(running.address, service="credentials", tls=tls) as channel:
        problem = await refused(replace(gateway, channel=channel).lease(seller_a))
    assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    assert len(house.lease_log(seller_a)) == before


@pytest.mark.parametrize("service", ["sync-bricklink", "sync-brickowl", "inventory", "credentials", "devstack", "x"])
@pytest.mark.parametrize("claims", [True, False])
async def test_the_admin_face_is_the_gateways(
    house: "House", running: "Running", seller_a: str, refused: Refused, service: str, claims: bool
) -> None:
    calls = house.calls(service, running)
    seller = seller_a if claims else None
    before = house.rows("SELECT * FROM credentials")
    for call in (calls.put(seller), calls.revoke(seller), calls.status(seller)):
        problem = await refused(call)
        assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
        await running.logged(f'"caller": ["{service}"], "outcome": "CallerNotAllowed"')
    assert house.rows("SELECT * FROM credentials") == before


@pytest.mark.parametrize("claim", [{"seller_id": "seller-a"}, {"actor": "user-1"}, {"role": "owner"}])
async def test_only_the_gateway_may_say_for_whom_it_calls(
    sync_bricklink: "Calls", seller_a: str, refused: Refused, claim: dict[str, Any]
) -> None:
    problem = await refused(sync_bricklink.lease(seller_a, claims=outgoing_metadata(**claim)))
    assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")


@pytest.mark.parametrize("role", ["editor", "viewer", "admin", None])
async def test_only_an_owner_puts_and_revokes(
    gateway: "Calls", seller_a: str, refused: Refused, role: str | None
) -> None:
    before = await gateway.status(seller_a)
    for call in (gateway.put(seller_a, role=role), gateway.revoke(seller_a, role=role)):
        problem = await refused(call)
        assert (problem.code, problem.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    assert await gateway.status(seller_a) == before


async def test_every_role_sees_the_status(gateway: "Calls", seller_a: str, refused: Refused) -> None:
    for role in ("owner", "editor", "viewer"):
        assert (await gateway.status(seller_a, role=role)).configured
    assert (await refused(gateway.status(seller_a, role="guest"))).reason == "ROLE_NOT_ALLOWED"


async def test_the_gateway_must_say_for_whom_it_calls(gateway: "Calls", seller_a: str, refused: Refused) -> None:
    assert (await refused(gateway.put(None))).reason == "CALLER_NOT_ALLOWED"
    assert (await refused(gateway.put(seller_a, actor=None))).reason == "CALLER_NOT_ALLOWED"


async def test_another_seller_sees_and_changes_nothing(
    gateway: "Calls", sync_bricklink: "Calls", seller_a: str, seller: str, refused: Refused
) -> None:
    before = await gateway.status(seller_a)
    for call in (gateway.status(seller), gateway.revoke(seller), sync_bricklink.lease(seller)):
        assert (await refused(call)).reason == "CREDENTIAL_NOT_FOUND"
    await gateway.put(seller)
    await gateway.revoke(seller)
    assert await gateway.status(seller_a) == before
    assert (await sync_bricklink.lease(seller_a)).key_version == before.key_version


async def test_when_the_certificate_ends_is_a_number_that_anybody_may_read(house: "House", running: "Running") -> None:
    certificate = load_pem_x509_certificate(house.certificate("credentials").certificate.read_bytes())
    async with httpx.AsyncClient() as http:
        shown = (await http.get(f"http://{running.metrics}/metrics")).text
    (line,) = [
        line for line in shown.splitlines() if line.startswith("brickops_certificate_expires_timestamp_seconds ")
    ]
    assert float(line.split()[1]) == certificate.not_valid_after_utc.timestamp()
