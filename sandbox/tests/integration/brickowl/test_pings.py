"""The ping that tells the seller's host of a new order (`marketplaces/brickowl.md` section 4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .conftest import Shop


@asynccontextmanager
async def pinged(paths: "asyncio.Queue[str]") -> AsyncIterator[int]:
    """Serve a port that puts the request line's path of each ping into the queue."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        paths.put_nowait(f"{method} {path}")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_new_order_is_announced_to_the_host_that_the_api_was_told(shop: Shop, lot_id: int) -> None:
    store_id = (await shop.api.get("/token/details"))["store_details"]["store_id"]
    paths: asyncio.Queue[str] = asyncio.Queue()
    async with pinged(paths) as port:
        await shop.control.switch(notify_port=port)
        assert await shop.api.post("/order/notify", ip="127.0.0.1") == {"status": "success"}
        order_id = (await shop.control.order({lot_id: 1}))["order_id"]
        said = await asyncio.wait_for(paths.get(), 10)
        assert said == f"GET /brick_owl_order_notify?order_id={order_id}&store_id={store_id}"
        await shop.control.set_status(order_id, "Shipped")
        await shop.control.cancel_order(order_id)
        await shop.api.post("/order/notify", ip="")
        await shop.control.order({lot_id: 1})
        await shop.control.switch(notify_ip="localhost")
        order_id = (await shop.control.order({lot_id: 1}))["order_id"]
        assert f"order_id={order_id}&" in await asyncio.wait_for(paths.get(), 10)


async def test_a_share_of_the_pings_is_lost(shop: Shop, lot_id: int) -> None:
    paths: asyncio.Queue[str] = asyncio.Queue()
    async with pinged(paths) as port:
        await shop.control.switch(notify_ip="127.0.0.1", notify_port=port, notify_drop_rate=0.5)
        ordered = [(await shop.control.order({lot_id: 1}))["order_id"] for _ in range(4)]
        came = {
            int((await asyncio.wait_for(paths.get(), 10)).partition("order_id=")[2].partition("&")[0]) for _ in range(2)
        }
    assert came == {ordered[0], ordered[2]}
