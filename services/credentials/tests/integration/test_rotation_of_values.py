"""Some of a shop's values replaced: the others stay, the version rises, each end state is well defined."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from brickops.credentials.v1.credentials_admin_service_pb2 import CredentialStatus as Status
from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]
NewKeys = Callable[..., BrickLinkKeys]

NEW = "NEW-VALUE-0123456789"
NAMES = ("consumer_key", "consumer_secret", "token", "token_secret")


@pytest.mark.parametrize("name", NAMES)
async def test_one_value_is_replaced_and_the_others_stay(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys, name: str
) -> None:
    keys = new_keys()
    put = await gateway.put(seller, keys, shop_name="bricks", shop_is_empty=True)
    rotated = await gateway.rotate(seller, **{name: NEW})
    assert (rotated.key_version, rotated.updated_by, rotated.configured) == (2, "user-4", True)
    assert (rotated.shop_name, rotated.shop_is_empty, rotated.connected_at) == ("bricks", True, put.connected_at)
    expected = BrickLinkKeys()
    expected.CopyFrom(keys)
    setattr(expected, name, NEW)
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (2, expected)
    events = [ConnectionChanged.FromString(record.value or b"") for record in await house.records(seller, 2)]
    assert [(event.key_version, event.enabled) for event in events] == [(1, True), (2, True)]
    life = house.rows("SELECT kind, key_version FROM lifecycle WHERE seller_id = %s ORDER BY lifecycle_id", seller)
    assert [(row["kind"], row["key_version"]) for row in life] == [("put", 1), ("rotate", 2)]


async def test_a_bad_value_is_named_and_nothing_changes(
    gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys, refused: Refused
) -> None:
    keys = new_keys()
    await gateway.put(seller, keys)
    for values, field in (
        ({"token": "with a space", "consumer_key": NEW}, "bricklink.token"),
        ({"token_secret": ""}, "bricklink.token_secret"),
        ({"token": keys.consumer_key}, "bricklink.token"),
        ({}, "bricklink"),
    ):
        problem = await refused(gateway.rotate(seller, **values))
        assert (problem.code, problem.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert [named for named, _ in problem.violations] == [field]
        assert not any(value in str(problem) for value in values.values() if value)
    assert [named for named, _ in (await refused(gateway.rotate(seller, marketplace=""))).violations] == ["keys"]
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (1, keys)


async def test_there_must_be_keys_to_rotate(gateway: "Calls", seller: str, refused: Refused) -> None:
    assert (await refused(gateway.rotate(seller, token=NEW))).reason == "CREDENTIAL_NOT_FOUND"
    await gateway.put(seller)
    await gateway.revoke(seller)
    assert (await refused(gateway.rotate(seller, token=NEW))).reason == "CREDENTIAL_NOT_FOUND"


async def test_only_an_owner_rotates(gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused) -> None:
    await gateway.put(seller)
    for role in ("editor", "viewer", None):
        assert (await refused(gateway.rotate(seller, role=role, token=NEW))).reason == "ROLE_NOT_ALLOWED"
    assert (await refused(sync_bricklink.rotate(seller, token=NEW))).reason == "CALLER_NOT_ALLOWED"
    assert (await gateway.status(seller)).key_version == 1


async def test_a_repeated_rotation_is_one(gateway: "Calls", seller: str, refused: Refused) -> None:
    await gateway.put(seller)
    first = await gateway.rotate(seller, request_id="rotate-1", token=NEW)
    assert await gateway.rotate(seller, request_id="rotate-1", token=NEW) == first
    assert first.key_version == 2
    for values in ({"token": f"{NEW}0"}, {"token_secret": NEW}, {"token": NEW, "token_secret": f"{NEW}0"}):
        assert (await refused(gateway.rotate(seller, request_id="rotate-1", **values))).reason == "REQUEST_ID_REUSED"


async def test_rotations_of_different_values_at_once_both_hold(
    house: "House", sync_bricklink: "Calls", seller: str, new_keys: NewKeys
) -> None:
    """In two processes: one after the other, neither overwrites what the other replaced."""
    gateways = [house.calls("gateway", one) for one in await house.living(2)]
    await gateways[0].put(seller, new_keys())
    statuses = await asyncio.gather(
        *(gateways[i % 2].rotate(seller, **{name: f"{NEW}-{name}"}) for i, name in enumerate(NAMES))
    )
    assert sorted(status.key_version for status in statuses) == [2, 3, 4, 5]
    lease = await sync_bricklink.lease(seller)
    assert lease.key_version == 5
    assert lease.bricklink == BrickLinkKeys(**{name: f"{NEW}-{name}" for name in NAMES})


async def test_rotations_of_one_value_at_once_end_with_the_newest_version(
    gateway: "Calls", sync_bricklink: "Calls", seller: str
) -> None:
    await gateway.put(seller)
    values = [f"{NEW}-{number}" for number in range(4)]
    statuses = await asyncio.gather(*(gateway.rotate(seller, token=value) for value in values))
    newest = next(value for value, status in zip(values, statuses, strict=True) if status.key_version == 5)
    assert (await sync_bricklink.lease(seller)).bricklink.token == newest


async def one_behind_the_other(
    house: "House", leading: Coroutine[Any, Any, Status], following: Coroutine[Any, Any, Status]
) -> tuple["asyncio.Future[Status]", "asyncio.Future[Status]"]:
    """Begin the second while the first is in the middle of its transaction."""
    with house.holding("LOCK TABLE lifecycle IN EXCLUSIVE MODE"):
        first = asyncio.ensure_future(leading)
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lifecycle'::regclass")
        second = asyncio.ensure_future(following)
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    return first, second


@pytest.mark.parametrize("first", ["rotate", "revoke"])
async def test_a_rotation_and_a_revoke_at_once_end_revoked(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused, first: str
) -> None:
    """Whichever comes first: a rotation never brings destroyed keys back."""
    await gateway.put(seller)
    if first == "rotate":
        rotating, revoking = await one_behind_the_other(
            house, gateway.rotate(seller, token=NEW), gateway.revoke(seller)
        )
        assert ((await rotating).configured, (await revoking).key_version) == (True, 2)
    else:
        revoking, rotating = await one_behind_the_other(
            house, gateway.revoke(seller), gateway.rotate(seller, token=NEW)
        )
        assert not (await revoking).configured
        assert (await refused(rotating)).reason == "CREDENTIAL_NOT_FOUND"
    assert not (await gateway.status(seller)).configured
    assert (await refused(sync_bricklink.lease(seller))).reason == "CREDENTIAL_NOT_FOUND"


@pytest.mark.parametrize("first", ["put", "revoke"])
async def test_a_put_and_a_revoke_at_once_end_as_the_later_says(
    house: "House",
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    new_keys: NewKeys,
    refused: Refused,
    first: str,
) -> None:
    """After a revoke a put is a reconnection, under a version that was never used; before one it is gone with it."""
    before, keys = await gateway.put(seller), new_keys()
    if first == "put":
        putting, revoking = await one_behind_the_other(house, gateway.put(seller, keys), gateway.revoke(seller))
        assert ((await putting).key_version, (await revoking).configured) == (2, False)
        assert (await refused(sync_bricklink.lease(seller))).reason == "CREDENTIAL_NOT_FOUND"
    else:
        revoking, putting = await one_behind_the_other(house, gateway.revoke(seller), gateway.put(seller, keys))
        assert not (await revoking).configured
        put = await putting
        assert (put.key_version, put.connected_at.ToDatetime() > before.connected_at.ToDatetime()) == (2, True)
        assert (await sync_bricklink.lease(seller)).bricklink == keys


async def test_a_lease_that_is_first_ends_before_the_revoke(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    """The revoke waits for the lease under way, which is in the log before it; the next lease finds no keys."""
    await gateway.put(seller)
    with house.holding("LOCK TABLE lease_log IN EXCLUSIVE MODE"):
        leasing = asyncio.ensure_future(sync_bricklink.lease(seller))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lease_log'::regclass")
        revoking = asyncio.ensure_future(gateway.revoke(seller))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        assert not revoking.done()
    lease = await leasing
    assert not (await revoking).configured
    assert (await gateway.status(seller)).lease_expires_at == lease.expires_at
    assert (await refused(sync_bricklink.lease(seller))).reason == "CREDENTIAL_NOT_FOUND"


async def test_brick_owls_key_has_the_same_life(
    house: "House", running: "Running", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    sync_brickowl = house.calls("sync-brickowl", running)
    assert [field for field, _ in (await refused(gateway.put_brickowl(seller, "short"))).violations] == ["brickowl.key"]
    assert (await gateway.put_brickowl(seller, "a-key-of-brick-owl")).marketplace == "brickowl"
    assert (await sync_brickowl.lease(seller, "brickowl")).brickowl.key == "a-key-of-brick-owl"
    assert (await gateway.rotate(seller, marketplace="brickowl", key=NEW)).key_version == 2
    assert (await sync_brickowl.lease(seller, "brickowl")).brickowl.key == NEW
    assert (await refused(sync_bricklink.lease(seller, "brickowl"))).reason == "CALLER_NOT_ALLOWED"
    await gateway.revoke(seller, "brickowl")
    assert (await refused(sync_brickowl.lease(seller, "brickowl"))).reason == "CREDENTIAL_NOT_FOUND"
