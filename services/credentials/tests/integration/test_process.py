"""How the process starts and ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import grpc
import pytest

from credentials.crypto.keyring import new_keyring
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import House

HOUSE_OF_ITS_OWN = True
"""It matters which process publishes."""


def test_help_says_what_there_is(house: "House") -> None:
    shown = house.run("--help")
    assert shown.returncode == 0
    assert "serve" in shown.stdout
    assert "migrate" in shown.stdout


def test_migrating_again_changes_nothing(house: "House") -> None:
    before = house.rows("SELECT * FROM alembic_version")
    assert house.run("migrate").returncode == 0
    assert house.rows("SELECT * FROM alembic_version") == before


@pytest.mark.parametrize("malformed", [None, "not JSON", '{"primary": "a", "keys": {}}'])
def test_without_a_sound_keyring_nothing_starts(house: "House", malformed: str | None) -> None:
    path = house.folder / "other-keyring.json"
    path.unlink(missing_ok=True)
    if malformed is not None:
        path.write_text(malformed)
    ended = house.run("serve", KEYRING_FILE=str(path))
    assert ended.returncode == 1
    assert f"keyring file {path}: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_keyrings_problem_shows_no_key(house: "House") -> None:
    ring = json.loads(new_keyring())
    (entry,) = ring["keys"].values()
    entry["state"] = "retired"
    path = house.file("retired-keyring.json", json.dumps(ring))
    ended = house.run("serve", KEYRING_FILE=path)
    assert ended.returncode == 1
    assert "is retired" in ended.stderr
    assert entry["key"] not in ended.stderr


def test_an_unknown_setting_is_refused(house: "House") -> None:
    ended = house.run("serve", KEYRING_FIEL="x")
    assert ended.returncode == 1
    assert "CREDENTIALS_KEYRING_FIEL" in ended.stderr


def test_migrate_needs_the_owner(house: "House") -> None:
    ended = house.run("migrate", without="CREDENTIALS_OWNER_DATABASE_URL_FILE")
    assert ended.returncode == 1
    assert "CREDENTIALS_OWNER_DATABASE_URL_FILE" in ended.stderr


async def test_a_signal_drains_and_ends_with_zero(house: "House", seller: str) -> None:
    """A put that waits for a lock when the signal comes is still answered; the next process publishes it."""
    running = await house.serve()
    gateway = house.calls("gateway", running)
    with house.holding("LOCK TABLE lifecycle IN EXCLUSIVE MODE"):
        putting = asyncio.ensure_future(gateway.put(seller))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lifecycle'::regclass")
        running.process.terminate()
        await running.logged('"stopping"')
    assert (await putting).configured
    assert await running.process.wait() == 0
    await house.serve()
    assert (await house.records(seller, 1))[0].key == f"{seller}/bricklink".encode()


async def test_killed_in_the_middle_of_a_put_the_repeat_is_the_only_one(
    house: "House", seller: str, refused: Callable[[Awaitable[object]], Awaitable[RpcProblem]]
) -> None:
    doomed, survivor = await house.serve(), await house.serve()
    with house.holding("LOCK TABLE lifecycle IN EXCLUSIVE MODE"):
        putting = asyncio.ensure_future(house.calls("gateway", doomed).put(seller, request_id="one"))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lifecycle'::regclass")
        doomed.process.kill()
        assert (await refused(putting)).code is grpc.StatusCode.UNAVAILABLE
    status = await house.calls("gateway", survivor).put(seller, request_id="one")
    assert status.key_version == 1
    assert len(house.rows("SELECT 1 FROM lifecycle WHERE seller_id = %s", seller)) == 1
    assert len(await house.records(seller, 1)) == 1
