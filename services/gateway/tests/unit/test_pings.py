"""Pings: taken from anybody, answered alike, passed on at a measured rate, never read and never logged."""

import logging
from datetime import timedelta

import httpx
import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from gateway.app import Gateway
from gateway.pings.passing import Pings
from gateway.pings.routes import brickowl_door
from servicekit.testing.clock import SteppedClock

TOKEN = "Kq3_" + "x" * 39


class Service:
    """Keeps the pings that are passed on."""

    def __init__(self) -> None:
        self.taken: list[pb.PingRequest] = []

    async def Ping(self, request: pb.PingRequest, **_: object) -> pb.PingResponse:  # noqa: N802 - gRPC's name
        self.taken.append(request)
        return pb.PingResponse()


@pytest.fixture
def service(app: Gateway, clock: SteppedClock) -> Service:
    service = Service()
    behind = {"bricklink": service, "brickowl": service}
    app.state.pings = Pings(behind, lambda: clock.now().timestamp())  # type: ignore[arg-type]
    return service


async def test_whatever_comes_is_answered_alike_and_its_body_is_neither_read_nor_logged(
    client: httpx.AsyncClient, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        await client.post(f"/pings/{marketplace}/{token}", content=body)
        for marketplace in ("bricklink", "elsewhere")
        for token in (TOKEN, "y" * 43, "short")
        for body in (b'[{"event_type": "Order", "resource_id": 7}]', b"\xff not JSON, canary", b"x" * 3_000_000)
    ]
    assert {(each.status_code, each.content, each.headers.get("content-type")) for each in answers} == {
        (200, b"", None)
    }
    assert [each.token for each in service.taken] == [TOKEN] * 3 + ["y" * 43] * 3
    said = [f"{record.getMessage()} {vars(record)}" for record in caplog.records if record.name.startswith("gateway")]
    assert said
    assert not [line for line in said if TOKEN in line or "canary" in line]


async def test_brick_owls_ping_names_the_shop_by_its_number(app: Gateway, service: Service) -> None:
    door = httpx.ASGITransport(brickowl_door(app.state.pings))
    async with httpx.AsyncClient(transport=door, base_url="http://gateway.test:42500") as owl:
        for store in ("5001", "", "5001 or 1=1", "9" * 30):
            answer = await owl.get("/brick_owl_order_notify", params={"order_id": "8", "store_id": store})
            assert (answer.status_code, answer.content) == (200, b"")
        assert (await owl.get("/v1/lots")).status_code == 404
    assert service.taken == [pb.PingRequest(shop_number="5001")]


async def test_pings_that_are_too_many_are_dropped_and_hold_no_other_connection_up(
    client: httpx.AsyncClient, service: Service, clock: SteppedClock
) -> None:
    for _ in range(30):
        assert (await client.post(f"/pings/bricklink/{TOKEN}")).status_code == 200
    assert len(service.taken) == 10
    await client.post(f"/pings/bricklink/{'y' * 43}")
    assert len(service.taken) == 11
    clock.advance(timedelta(seconds=3))
    for _ in range(30):
        await client.post(f"/pings/bricklink/{TOKEN}")
    assert len(service.taken) == 14
