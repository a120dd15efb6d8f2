"""The sandbox as a process of its own: state survives kill -9, SIGTERM ends it cleanly, problems are one line."""

import asyncio
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sandbox.testing import ShopControl

from .conftest import LOT, BrickLink, make_keys


@dataclass
class Process:
    """A started sandbox and its address."""

    process: asyncio.subprocess.Process
    url: str

    async def end(self, how: signal.Signals) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(how)
        return await self.process.wait()


@asynccontextmanager
async def started(state: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "serve", "--listen", "127.0.0.1:0", "--state", str(state)),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        listening = re.search(r"http://[\d.]+:\d+", line)
        assert listening is not None, line
        yield Process(process, listening.group())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_kill_9_loses_nothing_that_was_answered_and_forgets_no_nonce(tmp_path: Path) -> None:
    keys = make_keys()
    async with started(tmp_path) as first, ShopControl.open(first.url, "demo") as control:
        await control.put(keys=keys, switches={"daily_limit": 77})
        api = BrickLink(f"{first.url}/api/store/v1", keys)
        async with api.http:
            for _ in range(3):
                await api.call("POST", "/inventories", LOT)
            kept, ordered, deleted = sorted(await control.lots())
            await api.call("DELETE", f"/inventories/{deleted}")
            await control.order({ordered: 4})
            await control.set_fault("withhold", when="after", method="PUT")
            held = asyncio.create_task(api.call("PUT", f"/inventories/{kept}", {"quantity": "-1", "description": ""}))
            (landed,) = await control.wait_for_requests(reply="withheld")
            authorization = api.signer.authorization("GET", f"{first.url}/api/store/v1/orders")
            headers = {"Authorization": authorization}
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(f"{first.url}/api/store/v1/orders", headers=headers)).json()["data"]
            before = (await control.lots(), await control.orders(), await control.requests())
            assert await first.end(signal.SIGKILL) == -signal.SIGKILL
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await held

    async with started(tmp_path) as second, ShopControl.open(second.url, "demo") as control:
        assert (await control.lots(), await control.orders()) == before[:2]
        requests = await control.requests()
        assert requests == before[2]
        assert landed in requests
        shown = await control.show()
        assert (shown["switches"]["daily_limit"], shown["calls"]) == (77, {"day": 6})
        assert (await control.add_lot(**LOT))["inventory_id"] == deleted + 1
        assert (await control.order({kept: 1}))["order_id"] == max(before[1]) + 1
        again = BrickLink(f"{second.url}/api/store/v1", keys)
        async with again.http:
            again.signer.client.timestamps = api.signer.client.timestamps
            assert len(await again.get("/notifications")) == 2
        assert await second.end(signal.SIGTERM) == 0


async def test_a_used_nonce_is_refused_after_a_restart(tmp_path: Path) -> None:
    keys = make_keys()
    async with started(tmp_path) as first:
        port = int(first.url.rpartition(":")[2])
        async with ShopControl.open(first.url, "demo") as control:
            await control.put(keys=keys)
        api = BrickLink(f"{first.url}/api/store/v1", keys)
        async with api.http:
            used = api.signer.authorization("GET", f"{first.url}/api/store/v1/orders")
            headers = {"Authorization": used, "Host": f"127.0.0.1:{port}"}
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{first.url}/api/store/v1/orders", headers=headers)
                assert answer.json()["meta"]["code"] == 200
        await first.end(signal.SIGKILL)
    async with started(tmp_path) as second, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{second.url}/api/store/v1/orders", headers=headers)
        assert answer.json()["meta"]["description"] == "NONCE_USED"


async def test_sigterm_ends_with_0_though_replies_are_withheld_and_somebody_waits(tmp_path: Path) -> None:
    keys = make_keys()
    async with started(tmp_path) as running, ShopControl.open(running.url, "demo") as control:
        await control.put(keys=keys)
        lot_id = (await control.add_lot(**LOT))["inventory_id"]
        await control.set_fault("withhold", when="before", method="PUT")
        api = BrickLink(f"{running.url}/api/store/v1", keys)
        async with api.http:
            held = asyncio.create_task(api.call("PUT", f"/inventories/{lot_id}", {"quantity": "-1", "description": ""}))
            await control.wait_for_requests(reply="withheld")
            waiting = asyncio.create_task(control.wait_for_requests(99))
            await control.show()
            assert await asyncio.wait_for(running.end(signal.SIGTERM), 20) == 0
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await held
            with pytest.raises(httpx.HTTPError):
                await waiting
    async with started(tmp_path) as again, ShopControl.open(again.url, "demo") as control:
        assert (await control.lots())[lot_id]["quantity"] == 40
        (logged,) = await control.requests()
        assert (logged["reply"], logged["applied"]) == ("dropped", False)


async def run_to_its_end(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", *arguments), stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    return process.returncode, stderr.decode()


async def test_a_port_or_a_state_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = await run_to_its_end("serve", "--listen", address)
    assert (code, said) == (1, f"sandbox: cannot listen on {address}: Address already in use\n")
    async with started(tmp_path):
        code, said = await run_to_its_end("serve", "--listen", "127.0.0.1:0", "--state", str(tmp_path))
    assert code == 1
    assert re.fullmatch(r"sandbox: The state in \S+ cannot be opened: database is locked\n", said)


async def test_an_address_to_sign_is_refused_where_nobody_signs() -> None:
    code, said = await run_to_its_end("serve", "--marketplace", "brickowl", "--public-url", "https://shop.example")
    assert code == 2
    assert "only BrickLink's clients sign one" in said


async def test_an_address_that_is_none_is_refused() -> None:
    code, said = await run_to_its_end("serve", "--listen", "somewhere")
    assert code == 2
    assert "'somewhere' is not HOST:PORT" in said
