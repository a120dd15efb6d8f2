"""Brick Owl's sandbox as a process of its own, beside BrickLink's in one folder; its state survives kill -9."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.testing import OwlShopControl, ShopControl

from .conftest import LOT, BrickOwl


@asynccontextmanager
async def started(marketplace: str, state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "serve", "--marketplace", marketplace),
        *("--listen", "127.0.0.1:0", "--state", str(state)),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        listening = re.search(r"http://[\d.]+:\d+", (await process.stderr.readline()).decode())
        assert listening is not None
        yield process, listening.group()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    async with started("bricklink", tmp_path) as (_, bricklink_url):
        async with ShopControl.open(bricklink_url, "demo") as bricklink:
            keys = dict.fromkeys(("consumer_key", "consumer_secret", "token", "token_secret"), "k")
            await bricklink.put(keys=keys)
        async with started("brickowl", tmp_path) as (first, url), OwlShopControl.open(url, "demo") as control:
            await control.put(keys={"key": "k"})
            api = BrickOwl(f"{url}/v1", "k")
            async with api.http:
                lot_id = int((await api.post("/inventory/create", **LOT))["lot_id"])
                await api.post("/order/notify", ip="127.0.0.1")
            await control.order({lot_id: 4})
            before = (await control.lots(), await control.orders(), await control.requests())
            first.send_signal(signal.SIGKILL)
            await first.wait()
        async with started("brickowl", tmp_path) as (second, url), OwlShopControl.open(url, "demo") as control:
            assert (await control.lots(), await control.orders(), await control.requests()) == before
            shown = await control.show()
            assert (shown["switches"]["notify_ip"], shown["calls"]["minute"]) == ("127.0.0.1", 2)
            second.send_signal(signal.SIGTERM)
            assert await second.wait() == 0
