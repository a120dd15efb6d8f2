"""Both layers of the envelope rotate while a shop is kept in step: the shop, and the seller, notice nothing."""

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.testing import Stack
from product.seller import Seller


def keyring_of(stack: Stack) -> Path:
    return Path(stack.running["credentials"].program.environment["CREDENTIALS_KEYRING_FILE"])


def with_keyring(stack: Stack, ring: dict[str, Any]) -> None:
    """Start credentials again with this keyring."""
    keyring_of(stack).write_text(json.dumps(ring))
    stack.restart("credentials")


def run(stack: Stack, command: str) -> None:
    """Run a command of credentials beside the one that serves."""
    environment = stack.running["credentials"].program.environment
    ended = subprocess.run(
        [sys.executable, "-m", "credentials", command],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.timeout(180)
async def test_no_call_to_a_shop_fails_for_a_rotation(stack: Stack, trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    connected = await trader.connection("ready")
    before = (await trader.shop.requests())[-1]["number"]
    ring = json.loads(await asyncio.to_thread(keyring_of(stack).read_text))
    old = ring["primary"]
    sold = asyncio.Event()

    async def keep_selling() -> int:
        pieces = 10
        while not sold.is_set() and pieces > 1:
            await trader.adjust(lot["lot_id"], by=-1)
            pieces -= 1
            await trader.with_quantity(lot["lot_id"], pieces)
        return pieces

    selling = asyncio.ensure_future(keep_selling())
    ring["keys"]["another"] = {"key": base64.b64encode(secrets.token_bytes(32)).decode(), "state": "active"}
    for primary, state, commands in (
        (old, "active", ()),
        ("another", "active", ("rotate-kek", "rotate-data")),
        ("another", "retired", ()),
    ):
        ring["primary"], ring["keys"][old]["state"] = primary, state
        await asyncio.to_thread(with_keyring, stack, ring)
        for command in commands:
            await asyncio.to_thread(run, stack, command)
    sold.set()
    pieces = await selling
    await asyncio.to_thread(stack.restart, "sync-bricklink")  # which leases anew
    await trader.adjust(lot["lot_id"], by=5)
    lot = await trader.with_quantity(lot["lot_id"], pieces + 5)
    assert (await trader.listing(lot))["quantity"] == pieces + 5
    await asyncio.to_thread(run, stack, "verify-audit")

    connection = await trader.connection("ready")
    assert {name: connection[name] for name in ("key_version", "connected_at", "updated_at", "updated_by")} == {
        name: connected[name] for name in ("key_version", "connected_at", "updated_at", "updated_by")
    }
    assert connection["sync"]["last_census_at"] == connected["sync"]["last_census_at"], "the keys are the same ones"
    requests = await trader.shop.requests(after=before)
    assert {request["auth"] for request in requests} == {"ok"}
    assert [request for request in requests if request["code"] not in (200, 201, None)] == []
    assert len([request for request in requests if request["method"] != "GET"]) == 10 - pieces + 1
    kinds = [event["kind"] for event in await trader.every("/v1/connections/bricklink/key-events")]
    assert kinds == ["reseal", "put"]
    leases = await trader.every("/v1/connections/bricklink/leases")
    assert [lease for lease in leases if not lease["granted"]] == []
