"""Pushes to the URL that a seller typed into the website."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .conftest import LOT, Shop


@asynccontextmanager
async def receiving(posts: "asyncio.Queue[Any]") -> AsyncIterator[str]:
    """Serve an address that puts each body posted to it into the queue."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        posts.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping"


@pytest.mark.parametrize("framing", ["list", "object"])
async def test_an_order_is_announced(shop: Shop, framing: str) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    posts: asyncio.Queue[Any] = asyncio.Queue()
    async with receiving(posts) as url:
        await shop.control.switch(callback_url=url, callback_body=framing)
        order_id = (await shop.control.order({lot_id: 1}))["order_id"]
        body = await asyncio.wait_for(posts.get(), 10)
    notification = body[0] if framing == "list" else body
    assert (notification["event_type"], notification["resource_id"]) == ("Order", order_id)


async def test_a_share_of_the_posts_is_lost(shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    posts: asyncio.Queue[Any] = asyncio.Queue()
    async with receiving(posts) as url:
        await shop.control.switch(callback_url=url, callback_drop_rate=0.5)
        ordered = [(await shop.control.order({lot_id: 1}))["order_id"] for _ in range(4)]
        came = {(await asyncio.wait_for(posts.get(), 10))[0]["resource_id"] for _ in range(2)}
    assert came == {ordered[0], ordered[2]}


async def test_a_url_nobody_answers_harms_no_order(shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    await shop.control.switch(callback_url="http://127.0.0.1:1/")
    assert (await shop.control.order({lot_id: 1}))["total_count"] == 1
