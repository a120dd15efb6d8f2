"""Both layers of the envelope rotate while keys are leased; what was killed half-way goes on; old keys retire."""

import asyncio
import base64
import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from credentials.audit_verification import verify_audit
from credentials.key_rotation import rotate_data, rotate_kek
from credentials.published_heads import read_published
from servicekit.grpc_errors import RpcProblem
from servicekit.kafka import KafkaConfig

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]
Given = dict[str, BrickLinkKeys]

KEYS = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in ("old", "new", "third")}
WRAPPED = ("credentials", "audit_keys", "requests")
NAMES = ("consumer_key", "consumer_secret", "token", "token_secret")

HOUSE_OF_ITS_OWN = True
"""The keyring changes, and all keys are wrapped and sealed anew."""


def ring(house: "House", primary: str, **states: str) -> None:
    """Write the keyring that a process reads when it starts, and that a running one takes."""
    keys = {name: {"key": KEYS[name], "state": state} for name, state in states.items()}
    house.file("keyring.json", json.dumps({"primary": primary, "keys": keys}))


def wrapped_by(house: "House") -> dict[str, set[str]]:
    """Which key-encryption keys each table needs."""
    return {
        table: {row["kek_id"] for row in house.rows(f"SELECT kek_id FROM {table} WHERE kek_id IS NOT NULL")}
        for table in WRAPPED
    }


@pytest.fixture(scope="module")
async def running(house: "House") -> "Running":
    """A process that begins with the old key alone, and takes every keyring of this module without a restart."""
    ring(house, "old", old="active")
    return await house.serve()


async def took(running: "Running", primary: str, *active: str) -> None:
    """Wait until the process says that it uses this keyring."""
    await running.logged(f'"primary": "{primary}", "active": {json.dumps(sorted(active))}')


@pytest.fixture(scope="module")
async def sellers(house: "House", running: "Running") -> Given:
    """Twelve sellers whose keys the old key-encryption key wraps; from now on it opens only, and the new one wraps."""
    gateway = house.calls("gateway", running)
    keys = {
        f"seller-{number:02}": BrickLinkKeys(**{name: secrets.token_hex(16) for name in NAMES}) for number in range(12)
    }
    for seller, given in keys.items():
        await gateway.put(seller, given, request_id="put")
    ring(house, "old", old="active", new="active")
    await took(running, "old", "new", "old")
    ring(house, "new", old="active", new="active")
    await took(running, "new", "new", "old")
    return keys


@asynccontextmanager
async def leasing(calls: "Calls", sellers: Given) -> AsyncIterator[list[str]]:
    """Lease all the while; gives the sellers leased for. Every lease must be of the right keys."""
    leased: list[str] = []
    stop = asyncio.Event()

    async def lease_on() -> None:
        while not stop.is_set():
            for seller, keys in sellers.items():
                lease = await calls.lease(seller)
                assert (lease.key_version, lease.bricklink) == (1, keys)
                leased.append(seller)

    leases = asyncio.ensure_future(lease_on())
    try:
        yield leased
    finally:
        stop.set()
        await leases


async def run(house: "House", command: str, **others: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(house.run, command, **others)


async def killed_half_way(house: "House", command: str) -> None:
    """Kill a rotation while it waits for the eighth of the sellers."""
    with house.holding("SELECT 1 FROM credentials WHERE seller_id = 'seller-07' FOR SHARE") as holder:
        doomed = await house.start(command, ROTATION_BATCH="5")
        # Before that it may wait for a lease here and there, but for nobody else for long.
        await house.until(f"SELECT 1 FROM pg_stat_activity WHERE {holder} = ANY (pg_blocking_pids(pid))")
        doomed.kill()
        await doomed.wait()


async def test_a_rotation_of_the_outer_layer_goes_on_where_it_was_killed(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", sellers: Given
) -> None:
    """Keys are leased all the while, and not one lease fails."""
    async with leasing(sync_bricklink, sellers) as leased:
        await killed_half_way(house, "rotate-kek")
        assert wrapped_by(house) == {"credentials": {"old", "new"}, "audit_keys": {"old"}, "requests": {"old"}}
        resumed = await run(house, "rotate-kek", ROTATION_BATCH="5")
        assert resumed.returncode == 0, resumed.stderr
        assert '"left": 0' in resumed.stderr
    assert set(leased) == set(sellers)
    assert wrapped_by(house) == {table: {"new"} for table in WRAPPED}
    again = await gateway.put("seller-03", sellers["seller-03"], request_id="put")
    assert again.key_version == 1, "a repeat is known by a fingerprint whose key was wrapped anew"


async def test_a_rotation_of_the_inner_layer_goes_on_where_it_was_killed(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", sellers: Given
) -> None:
    """For whoever uses the keys nothing changes: the same version, and a connection that began when it did."""
    sealed = "SELECT seller_id, sealed_keys, wrapped_data_key, generation FROM credentials ORDER BY seller_id"
    before = house.rows(sealed)
    async with leasing(sync_bricklink, sellers) as leased:
        await killed_half_way(house, "rotate-data")
        assert [row["generation"] for row in house.rows(sealed)] == [1] * 7 + [0] * 5
        (begun,) = house.rows("SELECT started_at FROM data_rotations WHERE ended_at IS NULL")
        resumed = await run(house, "rotate-data")
        assert resumed.returncode == 0, resumed.stderr
        (told,) = [line for line in map(json.loads, resumed.stderr.splitlines()) if "begun" in line]
        assert told["message"].startswith("going on with a rotation that was begun before")
        assert (told["level"], told["begun"], told["left"]) == ("warning", begun["started_at"].isoformat(), 5)
        assert '"done": 5' in resumed.stderr, "it does the rest only"
    assert set(leased) == set(sellers)
    after = house.rows(sealed)
    assert [row["generation"] for row in after] == [1] * 12
    for old, new in zip(before, after, strict=True):
        assert old["sealed_keys"] != new["sealed_keys"]
        assert old["wrapped_data_key"] != new["wrapped_data_key"]
    put, resealed = [ConnectionChanged.FromString(one.value or b"") for one in await house.records("seller-03", 2)]
    assert resealed.seq > put.seq
    for told in ("connected_at", "key_version", "enabled", "shop_name"):
        assert getattr(resealed, told) == getattr(put, told)
    (row,) = house.rows("SELECT * FROM lifecycle WHERE seller_id = 'seller-03' AND kind = 'reseal'")
    assert (row["actor"], row["key_version"], row["generation"]) == ("credentials", 1, 1)
    status = await gateway.status("seller-03")
    assert (status.key_version, status.updated_by) == (1, "user-1")


async def test_a_record_from_before_it_was_sealed_anew_is_not_lent(
    house: "House", sync_bricklink: "Calls", sellers: Given, refused: Refused
) -> None:
    columns = "generation, kek_id, wrapped_data_key, nonce, sealed_keys"
    (older,) = house.rows(f"SELECT {columns} FROM credentials WHERE seller_id = 'seller-11'")
    another = await run(house, "rotate-data")
    assert another.returncode == 0
    assert '"message": "sealing every record anew"' in another.stderr
    (newer,) = house.rows(f"SELECT {columns} FROM credentials WHERE seller_id = 'seller-11'")
    assert newer["generation"] == older["generation"] + 1, "a rotation after one that ended begins anew"

    def bring_back(row: dict[str, Any]) -> None:
        house.execute(
            f"UPDATE credentials SET ({columns}) = (%s, %s, %s, %s, %s) WHERE seller_id = 'seller-11'", *row.values()
        )

    bring_back(older)
    assert (await refused(sync_bricklink.lease("seller-11"))).reason == "INTERNAL"
    assert house.lease_log("seller-11")[-1]["refusal"] == "outdated"
    bring_back(older | {"generation": newer["generation"]})
    assert (await refused(sync_bricklink.lease("seller-11"))).reason == "INTERNAL"
    assert house.lease_log("seller-11")[-1]["refusal"] == "unreadable"
    unreadable = await run(house, "rotate-data")
    assert unreadable.returncode == 1
    assert "credentials seller-11/bricklink: " in unreadable.stderr
    bring_back(newer)
    assert (await sync_bricklink.lease("seller-11")).bricklink == sellers["seller-11"]


async def test_a_key_that_cannot_be_opened_is_named_and_the_others_are_wrapped_anew(
    house: "House", sellers: Given
) -> None:
    ring(house, "third", old="active", new="active", third="active")
    (row,) = house.rows("SELECT wrapped_data_key FROM credentials WHERE seller_id = 'seller-05'")
    damaged = bytes([row["wrapped_data_key"][0] ^ 1]) + row["wrapped_data_key"][1:]
    damage = "UPDATE credentials SET wrapped_data_key = %s WHERE seller_id = 'seller-05'"
    house.execute(damage, damaged)
    ended = await run(house, "rotate-kek", ROTATION_BATCH="5")
    assert ended.returncode == 1
    assert "credentials seller-05/bricklink: " in ended.stderr
    assert wrapped_by(house) == {table: {"third"} for table in WRAPPED} | {"credentials": {"new", "third"}}
    house.execute(damage, row["wrapped_data_key"])
    assert (await run(house, "rotate-kek")).returncode == 0
    assert wrapped_by(house) == {table: {"third"} for table in WRAPPED}


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({"new": "active"}, "the keyring has no key third"),
        ({"new": "active", "third": "retired"}, "the key third is retired"),
    ],
)
async def test_a_key_that_is_still_needed_is_missed_at_start_and_while_it_runs(
    house: "House",
    running: "Running",
    sync_bricklink: "Calls",
    sellers: Given,
    states: dict[str, str],
    words: str,
) -> None:
    ring(house, "new", **states)
    ended = await run(house, "serve")
    assert ended.returncode == 1
    assert f"12 keys in the table credentials are wrapped by third, but {words}" in ended.stderr
    assert "Traceback" not in ended.stderr
    await running.logged("third wraps, so another must be primary before it retires")
    assert (await sync_bricklink.lease("seller-03")).bricklink == sellers["seller-03"], "it goes on with the one before"


async def test_another_key_under_a_known_id_is_found_at_start(house: "House", sellers: Given) -> None:
    impostor = {"third": {"key": KEYS["old"], "state": "active"}}
    house.file("keyring.json", json.dumps({"primary": "third", "keys": impostor}))
    ended = await run(house, "serve")
    assert ended.returncode == 1
    assert "wrapped by third, but the sealed bytes are not what this key sealed" in ended.stderr
    assert not [key for key in KEYS.values() if key in ended.stderr]


async def test_rotations_at_once_end_in_one_state(house: "House", running: "Running", sellers: Given) -> None:
    """Two of each layer, as when an impatient operator starts them again: what one did, another finds done."""
    ring(house, "new", new="active", third="active")
    async with house.vault() as vault:
        came_to = await asyncio.gather(*(rotate(vault, batch=2) for rotate in (rotate_kek, rotate_data) * 2))
        assert [(one.left, one.unreadable) for one in came_to] == [(0, [])] * 4
        assert wrapped_by(house) == {table: {"new"} for table in WRAPPED}
        heads = partial(read_published, KafkaConfig(bootstrap=house.kafka_bootstrap), house.topic)
        assert (await verify_audit(vault, heads)).problems == []
    await took(running, "new", "new", "third")  # what wraps there must not retire before that


async def test_rotated_away_a_key_retires(
    house: "House", running: "Running", sync_bricklink: "Calls", sellers: Given
) -> None:
    """In the process that began with it, and in one that starts."""
    ring(house, "new", old="retired", new="active", third="retired")
    await took(running, "new", "new")
    served = await house.serve()
    for seller, keys in sellers.items():
        for calls in (sync_bricklink, house.calls("sync-bricklink", served)):
            assert (await calls.lease(seller)).bricklink == keys


REFUSED: dict[str, str] = {
    '{"primary": "new", "keys": {"new": {"key": "': "keyring.json: is not JSON",
    "": "keyring.json: is not JSON",
    json.dumps({"primary": "another", "keys": {"another": {"key": KEYS["third"], "state": "active"}}}): (
        "keyring.json: new wraps, so another must be primary before it retires"
    ),
    json.dumps({"primary": "new", "keys": {"new": {"key": KEYS["old"], "state": "active"}}}): (
        "wrapped by new, but the sealed bytes are not what this key sealed"
    ),
}
"""What somebody may put in the place of a keyring while it is used, and what is said of it."""


@pytest.mark.parametrize("content", REFUSED, ids=["half of it", "nothing", "without the primary", "an impostor"])
async def test_a_keyring_that_does_not_do_is_not_taken(
    house: "House", running: "Running", sync_bricklink: "Calls", sellers: Given, content: str
) -> None:
    """The one before is used on, by the process that runs; the log names the file and the problem, once."""
    running.lines.clear()
    house.file("keyring.json", content)
    await running.logged(REFUSED[content])
    assert (await sync_bricklink.lease("seller-03")).bricklink == sellers["seller-03"]
    ring(house, "new", old="retired", new="active", third="retired")
    await running.logged("the keyring in the file is the one in use again")
    told = [line for line in running.lines if "the changed keyring is not taken" in line]
    assert len(told) == 1
    assert not [line for line in running.lines if any(key in line for key in KEYS.values())]
