"""Both layers of the envelope rotate while a shop is kept in step: the shop, and the seller, notice nothing."""

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devstack.testing import Stack
from product.locks import locked
from product.lots import a_part
from product.seller import Seller
from product.waiting import until

_NOTE_TROUBLE = """
    CREATE TABLE trouble (seller_id text, halted text, waiting_for text);
    CREATE FUNCTION note_trouble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO trouble VALUES (NEW.seller_id, NEW.halted, NEW.waiting_for); RETURN NULL; END
    $$;
    CREATE TRIGGER note_trouble AFTER UPDATE ON connections FOR EACH ROW
        WHEN (NEW.halted <> '' OR NEW.waiting_for = 'KEYS_UNAVAILABLE') EXECUTE FUNCTION note_trouble()
"""
_NOTE_NO_MORE = "DROP FUNCTION note_trouble CASCADE; DROP TABLE trouble"


def keyring_of(stack: Stack) -> Path:
    return Path(stack.running["credentials"].program.environment["CREDENTIALS_KEYRING_FILE"])


def command(stack: Stack, name: str) -> subprocess.Popen[str]:
    """Start a command of credentials beside the one that serves."""
    environment = dict(stack.running["credentials"].program.environment)
    return subprocess.Popen(
        [sys.executable, "-m", "credentials", name], env=environment, stderr=subprocess.PIPE, text=True
    )


async def run(stack: Stack, name: str) -> None:
    """Run a command to its end, which must be a good one."""
    process = command(stack, name)
    try:
        _, said = await asyncio.to_thread(process.communicate, timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said


async def killed_half_way(stack: Stack, name: str, seller_id: str) -> None:
    """Kill a rotation while it waits for a record of this seller, which others may still lease."""
    row = "SELECT 1 FROM credentials WHERE seller_id = %s FOR SHARE"
    async with locked(stack.database("credentials").owner, row, seller_id) as lock:
        doomed = command(stack, name)
        try:
            await lock.awaited()
        finally:
            doomed.kill()
            doomed.communicate()


@asynccontextmanager
async def leases_at_each_turn(stack: Stack) -> AsyncIterator[None]:
    """Lend keys for so short a time that each turn of a worker asks for them again."""
    duration = stack.running["credentials"].program.environment.get("CREDENTIALS_LEASE_DURATION", "900")
    await asyncio.to_thread(stack.restart, "credentials", {"CREDENTIALS_LEASE_DURATION": "1"})
    try:
        yield
    finally:
        await asyncio.to_thread(stack.restart, "credentials", {"CREDENTIALS_LEASE_DURATION": duration})


@asynccontextmanager
async def trouble_noted(stack: Stack, seller_id: str) -> AsyncIterator[None]:
    """Fail at the end if the connection halted in between, or waited for keys, were it for a moment."""
    async with await psycopg.AsyncConnection.connect(
        stack.database("sync-bricklink").owner, autocommit=True
    ) as database:
        await database.execute(_NOTE_TROUBLE)
        try:
            yield
            noted = await database.execute("SELECT halted, waiting_for FROM trouble WHERE seller_id = %s", (seller_id,))
            assert await noted.fetchall() == []
        finally:
            await database.execute(_NOTE_NO_MORE)


class Sales:
    """A steady load: piece after piece is taken away, and each time the shop is waited for."""

    def __init__(self, seller: Seller, lot: Any) -> None:
        self.pieces: int = lot["quantity"]
        self._seller = seller
        self._lot_id = lot["lot_id"]
        self._news = asyncio.Condition()
        self._enough = False

    async def run(self) -> None:
        while not self._enough:
            await self._seller.adjust(self._lot_id, by=-1)
            await self._seller.with_quantity(self._lot_id, self.pieces - 1)
            async with self._news:
                self.pieces -= 1
                self._news.notify_all()

    async def go_on(self) -> None:
        """Wait until a sale that was begun from now on has reached the shop."""
        begun = self.pieces - 1  # of the one under way
        async with asyncio.timeout(90), self._news:
            await self._news.wait_for(lambda: self.pieces < begun)

    def stop(self) -> None:
        self._enough = True


@pytest.mark.timeout(240)
async def test_no_call_to_a_shop_fails_for_a_rotation(stack: Stack, seller: Seller) -> None:
    """Each turn leases its keys anew; both rotations are killed half-way and run again; then the old key retires."""
    async with leases_at_each_turn(stack):
        await seller.connect()
        lot = await seller.listed((await seller.create(a_part(quantity=10_000)))["lot_id"])
        connected = await seller.connection("ready")
        before = (await seller.shop.requests())[-1]["number"]
        sales = Sales(seller, lot)
        async with trouble_noted(stack, seller.seller_id), asyncio.TaskGroup() as group:
            group.create_task(sales.run())
            await rotate_everything(stack, sales, seller.seller_id)
            sales.stop()
        assert (await seller.listing(await seller.lot(lot["lot_id"])))["quantity"] == sales.pieces
        await run(stack, "verify-audit")

        connection = await seller.connection("ready")
        kept = ("key_version", "connected_at", "updated_at", "updated_by")
        assert {name: connection[name] for name in kept} == {name: connected[name] for name in kept}
        assert connection["sync"]["last_census_at"] == connected["sync"]["last_census_at"], "the keys are the same ones"
        requests = await seller.shop.requests(after=before)
        assert {request["auth"] for request in requests} == {"ok"}
        assert [request for request in requests if request["code"] not in (200, 201, None)] == []
        assert len([request for request in requests if request["method"] != "GET"]) == 10_000 - sales.pieces
        kinds = [event["kind"] for event in await seller.every("/v1/connections/bricklink/key-events")]
        assert kinds == ["reseal", "put"]
        leases = await seller.every("/v1/connections/bricklink/leases")
        assert [lease for lease in leases if not lease["granted"]] == []
        assert len(leases) > 10_000 - sales.pieces, "each sale was sent under a lease of its own"


async def rotate_everything(stack: Stack, sales: Sales, seller_id: str) -> None:
    """What an operator does, one step after the other; after each a shop is served as before."""
    keyring = keyring_of(stack)
    ring = json.loads(await asyncio.to_thread(keyring.read_text))
    old, new = ring["primary"], f"kek-{secrets.token_hex(4)}"
    ring["keys"][new] = {"key": base64.b64encode(secrets.token_bytes(32)).decode(), "state": "active"}

    async def put_in_use(primary: str) -> None:
        ring["primary"] = primary
        await asyncio.to_thread(keyring.write_text, json.dumps(ring))
        active = sorted(name for name, key in ring["keys"].items() if key["state"] == "active")
        facts = f'"primary": "{primary}", "active": {json.dumps(active)}'
        await until(lambda: asyncio.to_thread(lambda: facts in stack.log("credentials")), bool)
        await sales.go_on()

    await put_in_use(old)
    await put_in_use(new)
    for rotation in ("rotate-kek", "rotate-data"):
        await killed_half_way(stack, rotation, seller_id)
        await sales.go_on()
        await run(stack, rotation)
        await sales.go_on()
    ring["keys"][old]["state"] = "retired"
    await put_in_use(new)
