"""Put, lease, revoke, put again: over real sockets, with every step in the database and on the topic."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]
NewKeys = Callable[..., BrickLinkKeys]


async def test_the_whole_life(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys, refused: Refused
) -> None:
    first, second = new_keys(), new_keys()

    put = await gateway.put(seller, first, actor="user-1", shop_name=" bricks ", shop_is_empty=True)
    assert (put.marketplace, put.configured, put.key_version) == ("bricklink", True, 1)
    assert (put.shop_name, put.currency_code, put.shop_is_empty, put.updated_by) == ("bricks", "EUR", True, "user-1")
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (1, first)
    left = lease.expires_at.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)

    replaced = await gateway.put(seller, second, shop_name="bricks", currency_code="USD")
    assert (replaced.key_version, replaced.connected_at) == (2, put.connected_at)
    last_lease = await sync_bricklink.lease(seller)
    assert last_lease.bricklink == second

    revoked = await gateway.revoke(seller)
    assert (revoked.configured, revoked.key_version, revoked.updated_by) == (False, 2, "user-2")
    assert not revoked.HasField("connected_at")
    told = await gateway.status(seller)
    assert told.lease_expires_at == last_lease.expires_at, "a worker may hold on to destroyed keys until then"
    told.ClearField("lease_expires_at")
    assert told == revoked
    assert (await refused(sync_bricklink.lease(seller))).reason == "CREDENTIAL_NOT_FOUND"
    assert (await refused(gateway.revoke(seller))).reason == "CREDENTIAL_NOT_FOUND"
    (row,) = house.rows("SELECT * FROM credentials WHERE seller_id = %s", seller)
    assert [row[name] for name in ("kek_id", "wrapped_data_key", "nonce", "sealed_keys")] == [None] * 4

    again = await gateway.put(seller, first)
    assert again.key_version == 3
    assert again.connected_at.ToDatetime() > put.connected_at.ToDatetime()
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (3, first)

    life = house.rows("SELECT * FROM lifecycle WHERE seller_id = %s ORDER BY lifecycle_id", seller)
    assert [(row["kind"], row["key_version"], row["actor"]) for row in life] == [
        ("put", 1, "user-1"),
        ("put", 2, "user-1"),
        ("revoke", 2, "user-2"),
        ("put", 3, "user-1"),
    ]
    assert {row["correlation_id"] for row in life} == {f"correlation-{seller}"}


async def test_each_step_is_published(house: "House", gateway: "Calls", seller: str) -> None:
    statuses = [
        await gateway.put(seller, shop_is_empty=True),
        await gateway.put(seller, currency_code="USD"),
        await gateway.revoke(seller),
        await gateway.put(seller),
    ]
    records = await house.records(seller, 4)
    events = [ConnectionChanged.FromString(record.value or b"") for record in records]
    assert [(event.enabled, event.key_version, event.currency_code, event.shop_is_empty) for event in events] == [
        (True, 1, "EUR", True),
        (True, 2, "USD", False),
        (False, 2, "USD", False),
        (True, 3, "EUR", False),
    ]
    assert {(event.seller_id, event.marketplace, event.shop_name) for event in events} == {
        (seller, "bricklink", "bricks")
    }
    assert [event.connected_at for event in events] == [statuses[0].connected_at] * 3 + [statuses[3].connected_at]
    seqs = [event.seq for event in events]
    assert seqs == sorted(set(seqs))
    headers = dict(records[0].headers)
    assert headers["type"] == b"brickops.events.v1.ConnectionChanged"
    assert headers["source"] == b"credentials"
    assert headers["correlation-id"] == f"correlation-{seller}".encode()


async def test_a_repeat_gets_the_same_answer_and_does_nothing(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys
) -> None:
    keys = new_keys()
    put = await gateway.put(seller, keys, request_id="put-1")
    assert await gateway.put(seller, keys, request_id="put-1", actor="user-9") == put
    revoked = await gateway.revoke(seller, request_id="revoke-1")
    assert await gateway.revoke(seller, request_id="revoke-1") == revoked
    newer = await gateway.put(seller, new_keys(), request_id="put-2")
    assert await gateway.put(seller, keys, request_id="put-1") == put
    assert await gateway.revoke(seller, request_id="revoke-1") == revoked
    assert (await sync_bricklink.lease(seller)).key_version == newer.key_version == 2
    assert len(house.rows("SELECT 1 FROM lifecycle WHERE seller_id = %s", seller)) == 3


async def test_a_request_id_with_another_body_is_refused(
    gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys, refused: Refused
) -> None:
    keys = new_keys()
    await gateway.put(seller, keys, request_id="one")
    other_secret = new_keys()
    other_secret.MergeFrom(keys)
    other_secret.token_secret = "ANOTHER-SECRET"
    for call in (
        gateway.put(seller, other_secret, request_id="one"),
        gateway.put(seller, keys, request_id="one", shop_name="another"),
        gateway.put(seller, keys, request_id="one", shop_is_empty=True),
        gateway.revoke(seller, request_id="one"),
    ):
        problem = await refused(call)
        assert (problem.code, problem.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert (await sync_bricklink.lease(seller)).bricklink == keys
    assert (await gateway.put(f"{seller}-other", new_keys(), request_id="one")).key_version == 1


async def test_puts_at_once_in_two_processes_end_in_one_state(
    house: "House", sync_bricklink: "Calls", seller: str, new_keys: NewKeys
) -> None:
    """Each put has a version of its own, all on one connection, and the newest version's keys are the ones leased."""
    gateways = [house.calls("gateway", one) for one in await house.living(2)]
    given = [new_keys() for _ in range(8)]
    statuses = await asyncio.gather(*(gateways[i % 2].put(seller, keys) for i, keys in enumerate(given)))
    assert sorted(status.key_version for status in statuses) == list(range(1, 9))
    assert len({status.connected_at.ToNanoseconds() for status in statuses}) == 1
    newest = next(keys for keys, status in zip(given, statuses, strict=True) if status.key_version == 8)
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (8, newest)
    events = [ConnectionChanged.FromString(record.value or b"") for record in await house.records(seller, 8)]
    assert [event.key_version for event in sorted(events, key=lambda event: event.seq)] == list(range(1, 9))
    assert [event.seq for event in events] == sorted(event.seq for event in events)


async def test_the_same_put_at_once_in_two_processes_is_one(house: "House", seller: str, new_keys: NewKeys) -> None:
    gateways = [house.calls("gateway", one) for one in await house.living(2)]
    keys, request_id = new_keys(), uuid.uuid4().hex
    answers = await asyncio.gather(*(gateways[i % 2].put(seller, keys, request_id=request_id) for i in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].key_version == 1
    assert len(house.rows("SELECT 1 FROM lifecycle WHERE seller_id = %s", seller)) == 1


async def test_a_lease_waits_for_a_revoke_that_came_first(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    """Whichever has the row first wins; here the revoke has it, held up by the test in its last step."""
    await gateway.put(seller)
    with house.holding("LOCK TABLE lifecycle IN EXCLUSIVE MODE"):
        revoking = asyncio.ensure_future(gateway.revoke(seller))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lifecycle'::regclass")
        leasing = asyncio.ensure_future(refused(sync_bricklink.lease(seller)))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        assert not leasing.done()
    assert not (await revoking).configured
    assert (await leasing).reason == "CREDENTIAL_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "with space"}, "request_id"),
        ({"request_id": "r" * 101}, "request_id"),
        ({"shop_name": ""}, "shop_name"),
        ({"shop_name": "n" * 101}, "shop_name"),
        ({"shop_name": "nul\0"}, "shop_name"),
        ({"currency_code": "euro"}, "currency_code"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_stored(
    gateway: "Calls", seller: str, refused: Refused, fields: dict[str, Any], wrong: str
) -> None:
    problem = await refused(gateway.put(seller, **fields))
    assert (problem.code, problem.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [field for field, _ in problem.violations] == [wrong]
    assert (await refused(gateway.status(seller))).reason == "CREDENTIAL_NOT_FOUND"


async def test_bad_keys_change_nothing_of_good_ones(
    gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys, refused: Refused
) -> None:
    keys = new_keys()
    before = await gateway.put(seller, keys)
    bad = new_keys(consumer_secret="", token="with a space")
    problem = await refused(gateway.put(seller, bad))
    assert [field for field, _ in problem.violations] == ["bricklink.consumer_secret", "bricklink.token"]
    assert await gateway.status(seller) == before
    assert (await sync_bricklink.lease(seller)).bricklink == keys


async def test_a_key_typed_as_the_shops_name_is_refused_and_not_repeated(
    house: "House", gateway: "Calls", seller: str, new_keys: NewKeys, refused: Refused
) -> None:
    """The name is stored, published and shown in the clear."""
    keys = new_keys()
    problem = await refused(gateway.put(seller, keys, shop_name=f" {keys.token_secret} "))
    assert [field for field, _ in problem.violations] == ["shop_name"]
    assert keys.token_secret not in str(problem)
    assert house.rows("SELECT 1 FROM credentials WHERE seller_id = %s", seller) == []


@pytest.mark.parametrize("marketplace", ["", "ebay", "BrickLink", "brick\0link"])
async def test_an_unknown_marketplace_is_named(
    gateway: "Calls", seller: str, refused: Refused, marketplace: str
) -> None:
    for call in (gateway.status(seller, marketplace), gateway.revoke(seller, marketplace)):
        assert [field for field, _ in (await refused(call)).violations] == ["marketplace"]


async def test_what_was_never_put_is_not_found(gateway: "Calls", seller: str, refused: Refused) -> None:
    for call in (gateway.status(seller), gateway.status(seller, "brickowl"), gateway.revoke(seller, "brickowl")):
        problem = await refused(call)
        assert (problem.code, problem.reason) == (grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND")


async def test_the_last_test_of_the_keys_is_in_the_status(gateway: "Calls", seller: str, refused: Refused) -> None:
    await gateway.put(seller)
    assert not (await gateway.status(seller)).HasField("validated_at")
    await gateway.validate(seller, result="WRONG_KEY")
    assert (await gateway.status(seller)).validation == "WRONG_KEY"
    await gateway.validate(seller)
    status = await gateway.status(seller)
    assert (status.validation, status.HasField("validated_at")) == ("OK", True)
    await gateway.rotate(seller, token="ANOTHER-TOKEN")
    assert not (await gateway.status(seller)).validation, "of the keys of before"
    await gateway.validate(seller, key_version=2, result="SHOP_DOWN")
    await gateway.validate(seller, key_version=1)
    assert (await gateway.status(seller)).validation == "SHOP_DOWN", "what is known of newer keys stays"
    for fields, field in (({"result": "not ok"}, "result"), ({"key_version": 0}, "key_version")):
        assert [named for named, _ in (await refused(gateway.validate(seller, **fields))).violations] == [field]
    assert (await refused(gateway.validate(seller, role="editor"))).reason == "ROLE_NOT_ALLOWED"
