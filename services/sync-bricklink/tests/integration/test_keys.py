"""Leasing keys over mTLS from a credentials service that keeps the rules of the real one."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialRequest, LeaseCredentialResponse
from brickops.credentials.v1.credentials_service_pb2_grpc import (
    CredentialsServiceServicer,
    add_CredentialsServiceServicer_to_server,
)
from servicekit.grpc_client import open_channel
from servicekit.grpc_server import serving
from servicekit.logs import SafeFormatter
from servicekit.testing.ca import TestAuthority
from servicekit.testing.clock import SteppedClock
from sync_bricklink.auth import ShopKeys, keys_of
from sync_bricklink.client import BrickLink
from sync_bricklink.listing import facts
from syncengine.listing import SellerId
from syncengine.marketplace import Halted, Later, ReadFailedError
from syncengine.service.http import open_http
from syncengine.service.keys import LeasedKeys, LeasedShops

SELLER = SellerId("seller-a")
OTHER = SellerId("seller-b")
LEASE = timedelta(minutes=15)


class CredentialNotFoundError(Exception):
    """No keys are stored."""


@dataclass
class Credentials(CredentialsServiceServicer):
    """Lends what `versions` says; counts the leases, each of which the real one writes to its audit log."""

    clock: SteppedClock
    versions: dict[str, int] = field(default_factory=lambda: {SELLER: 1})
    leases: list[tuple[str, str]] = field(default_factory=list)
    broken: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def LeaseCredential(  # noqa: N802 - gRPC's name
        self, request: LeaseCredentialRequest, context: aio.ServicerContext[Any, Any]
    ) -> LeaseCredentialResponse:
        self.asked.set()
        await self.may_answer.wait()
        if self.broken:
            raise RuntimeError("CANARY-SECRET in an error of the credentials service")
        version = self.versions.get(request.seller_id)
        if version is None:
            raise CredentialNotFoundError(request.marketplace)
        self.leases.append((request.seller_id, request.marketplace))
        response = LeaseCredentialResponse(
            key_version=version,
            bricklink=BrickLinkKeys(
                consumer_key=f"CANARY-CKEY-{request.seller_id}-{version}",
                consumer_secret=f"CANARY-CSECRET-{request.seller_id}-{version}",
                token=f"CANARY-TOKEN-{request.seller_id}-{version}",
                token_secret=f"CANARY-TSECRET-{request.seller_id}-{version}",
            ),
        )
        response.expires_at.FromDatetime(self.clock.now() + LEASE)
        return response


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def credentials(clock: SteppedClock) -> Credentials:
    return Credentials(clock)


@asynccontextmanager
async def leased(
    credentials: Credentials, clock: SteppedClock, folder: Path, port: int, caller: str = "sync-bricklink"
) -> AsyncIterator[LeasedKeys[ShopKeys]]:
    authority = TestAuthority(folder)
    async with (
        serving(
            listen=f"127.0.0.1:{port}",
            tls=authority.issue("credentials"),
            allow={"brickops.credentials.v1.CredentialsService": frozenset({"sync-bricklink"})},
            errors={CredentialNotFoundError: (grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND")},
            register=lambda server: add_CredentialsServiceServicer_to_server(credentials, server),
            grace=0,
        ),
        open_channel(f"127.0.0.1:{port}", service="credentials", tls=authority.issue(caller)) as channel,
    ):
        yield LeasedKeys(channel, clock, "bricklink", keys_of)


@pytest.fixture
async def keys(
    credentials: Credentials, clock: SteppedClock, tmp_path: Path, unused_tcp_port: int
) -> AsyncIterator[LeasedKeys[ShopKeys]]:
    async with leased(credentials, clock, tmp_path, unused_tcp_port) as keys:
        yield keys


async def failure(keys: LeasedKeys[ShopKeys], seller: SellerId = SELLER, key_version: int = 1) -> object:
    with pytest.raises(ReadFailedError) as caught:
        await keys.get(seller, key_version)
    assert caught.value.__context__ is None, "a gRPC error holds what the other side said"
    return caught.value.outcome


async def test_keys_are_leased_once_and_kept(keys: LeasedKeys[ShopKeys], credentials: Credentials) -> None:
    first, second = await keys.get(SELLER, 1), await keys.get(SELLER, 1)

    assert first == second
    assert first.consumer_key == "CANARY-CKEY-seller-a-1"
    assert first.token_secret == "CANARY-TSECRET-seller-a-1"
    assert credentials.leases == [(SELLER, "bricklink")]


async def test_keys_are_leased_again_before_the_lease_ends(
    keys: LeasedKeys[ShopKeys], credentials: Credentials, clock: SteppedClock
) -> None:
    await keys.get(SELLER, 1)
    clock.advance(LEASE - timedelta(minutes=4))
    await keys.get(SELLER, 1)
    assert len(credentials.leases) == 1

    clock.advance(timedelta(minutes=1))
    await keys.get(SELLER, 1)

    assert len(credentials.leases) == 2


async def test_new_keys_are_leased_as_soon_as_the_connection_names_them(
    keys: LeasedKeys[ShopKeys], credentials: Credentials
) -> None:
    await keys.get(SELLER, 1)
    credentials.versions[SELLER] = 2

    assert (await keys.get(SELLER, 2)).consumer_key == "CANARY-CKEY-seller-a-2"


def in_memory() -> set[str]:
    """Whose keys this process holds, wherever; other tests' shops have keys without a canary."""
    gc.collect()
    tokens = {one.token for one in gc.get_objects() if isinstance(one, ShopKeys)}
    return {token.removeprefix("CANARY-TOKEN-") for token in tokens if token.startswith("CANARY-")}


async def test_keys_that_ended_are_let_go_of_at_once_and_others_kept(
    keys: LeasedKeys[ShopKeys], credentials: Credentials
) -> None:
    credentials.versions[OTHER] = 4
    await keys.get(SELLER, 1)
    await keys.get(OTHER, 4)
    assert in_memory() == {"seller-a-1", "seller-b-4"}

    keys.end(SELLER, 0)
    assert in_memory() == {"seller-a-1", "seller-b-4"}
    keys.end(SELLER, 1)
    assert in_memory() == {"seller-b-4"}
    keys.end_all()
    assert in_memory() == set()
    await keys.get(OTHER, 4)
    assert credentials.leases.count((OTHER, "bricklink")) == 2


async def test_keys_that_end_while_they_are_on_their_way_are_not_given_out(
    keys: LeasedKeys[ShopKeys], credentials: Credentials
) -> None:
    credentials.may_answer.clear()
    getting = asyncio.ensure_future(failure(keys))
    await credentials.asked.wait()

    keys.end(SELLER, 1)
    credentials.may_answer.set()

    assert await getting == Later(reason="KEYS_UNAVAILABLE")


async def test_keys_on_their_way_when_all_are_let_go_of_are_asked_for_again(
    keys: LeasedKeys[ShopKeys], credentials: Credentials
) -> None:
    """Whoever did not listen for a while does not know whether those have ended."""
    credentials.may_answer.clear()
    getting = asyncio.ensure_future(keys.get(SELLER, 1))
    await credentials.asked.wait()

    keys.end_all()
    credentials.may_answer.set()

    assert (await getting).token == "CANARY-TOKEN-seller-a-1"
    assert credentials.leases == [(SELLER, "bricklink")] * 2


@pytest.mark.parametrize("stored", [1, 3])
async def test_other_keys_than_those_named_are_not_given_out(
    keys: LeasedKeys[ShopKeys], credentials: Credentials, stored: int
) -> None:
    """They may open another shop (rule W1): its event is on the way."""
    credentials.versions[SELLER] = stored

    assert await failure(keys, key_version=2) == Later(reason="KEYS_UNAVAILABLE")


async def test_sellers_have_keys_of_their_own(keys: LeasedKeys[ShopKeys], credentials: Credentials) -> None:
    credentials.versions[OTHER] = 1

    assert (await keys.get(SELLER, 1)).token != (await keys.get(OTHER, 1)).token


async def test_seller_without_keys_is_halted(keys: LeasedKeys[ShopKeys]) -> None:
    assert await failure(keys, OTHER) == Halted(reason="NO_KEYS")


async def test_revoked_keys_are_not_used_beyond_their_lease(
    keys: LeasedKeys[ShopKeys], credentials: Credentials, clock: SteppedClock
) -> None:
    await keys.get(SELLER, 1)
    del credentials.versions[SELLER]
    clock.advance(LEASE)

    assert await failure(keys) == Halted(reason="NO_KEYS")


async def test_broken_credentials_service_is_for_later(keys: LeasedKeys[ShopKeys], credentials: Credentials) -> None:
    credentials.broken = True

    assert await failure(keys) == Later(reason="KEYS_UNAVAILABLE")


async def test_absent_credentials_service_is_for_later(
    clock: SteppedClock, tmp_path: Path, unused_tcp_port: int
) -> None:
    tls = TestAuthority(tmp_path).issue("sync-bricklink")

    async with open_channel(f"127.0.0.1:{unused_tcp_port}", service="credentials", tls=tls) as channel:
        assert await failure(LeasedKeys(channel, clock, "bricklink", keys_of)) == Later(reason="KEYS_UNAVAILABLE")


async def test_refused_caller_is_for_later_not_the_sellers_fault(
    credentials: Credentials, clock: SteppedClock, tmp_path: Path, unused_tcp_port: int
) -> None:
    async with leased(credentials, clock, tmp_path, unused_tcp_port, caller="sync-brickowl") as keys:
        assert await failure(keys) == Later(reason="KEYS_UNAVAILABLE")


async def test_leased_values_are_redacted_from_every_log_line(keys: LeasedKeys[ShopKeys]) -> None:
    lent = await keys.get(SELLER, 1)
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(SafeFormatter("sync-bricklink"))

    values = (lent.consumer_key, lent.consumer_secret, lent.token, lent.token_secret)
    for value in values:
        handler.emit(logging.makeLogRecord({"msg": f"carelessly {value}", "careless": value}))

    assert "CANARY" not in written.getvalue()
    assert written.getvalue().count("[redacted]") == 2 * len(values)


async def test_open_shop_is_a_marketplace_with_the_sellers_keys(keys: LeasedKeys[ShopKeys]) -> None:
    async with open_http("https://api.bricklink.com/api/store/v1", connections=1) as http:
        shops = LeasedShops(keys, lambda lent: BrickLink(http, lent, facts(5000)))

        assert isinstance(await shops.open(SELLER, 1), BrickLink)
        with pytest.raises(ReadFailedError) as caught:
            await shops.open(OTHER, 1)

    assert caught.value.outcome == Halted(reason="NO_KEYS")
