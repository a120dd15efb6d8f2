"""The sandbox for tests: a real server on a free port, and a client for its control API."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from sandbox.bricklink.marketplace import BRICKLINK
from sandbox.hosting.marketplace import Marketplace
from sandbox.server import Server, system_clock

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx clients of a plain HTTP server: spares each of them the loading of the certificate authorities."""

_EVENT_WITHIN = 55
"""Seconds to wait for an event unless told otherwise: as long as a client that gives up after a minute can be told."""

Json = Any
"""A document that the sandbox's `/docs` describes."""


@dataclass(frozen=True)
class RunningSandbox:
    """A server's addresses."""

    url: str
    """`http://127.0.0.1:PORT`"""
    api_url: str
    """The root of the marketplace's API."""


@asynccontextmanager
async def running_sandbox(
    marketplace: Marketplace = BRICKLINK,
    *,
    state: Path | None = None,
    public_url: str | None = None,
    clock: Callable[[], datetime] = system_clock,
) -> AsyncIterator[RunningSandbox]:
    """Serve in this event loop, on a free port of 127.0.0.1, until the block ends."""
    with marketplace.open_shops(state, clock) as shops, socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(shops, public_url=public_url)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            # The listener's backlog takes connections from here on, so there is nothing to wait for.
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield RunningSandbox(url, url + marketplace.root)
        finally:
            server.stop()
            await serving


class AnyShopControl:
    """One shop of a sandbox, through the control API; every method raises httpx.HTTPStatusError when refused.

    Answers are the JSON documents that `/docs` of the sandbox describes.
    """

    lot_word: ClassVar[str]
    """What the marketplace's API calls a lot's id."""

    def __init__(self, client: httpx.AsyncClient, shop: str) -> None:
        self._client = client
        self._path = f"/sandbox/shops/{shop}"

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, shop: str) -> AsyncIterator[Self]:
        """Open a client for the sandbox at `url`."""
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, verify=NO_TLS) as client:
            yield cls(client, shop)

    async def put(self, *, keys: dict[str, str], switches: dict[str, object] | None = None, **settings: str) -> Json:
        """Make the shop, or set its keys, names (seller_name, currency) and switches."""
        return await self._call("PUT", "", {**keys, **settings, "switches": switches or {}})

    async def show(self) -> Json:
        """Return name, currency, clock, counts, calls by limit, and switches."""
        return await self._call("GET", "")

    async def switch(self, **switches: object) -> None:
        """Set switches."""
        await self._call("PATCH", "/switches", switches)

    async def charge_calls(self, count: int, *, limit: str | None = None) -> None:
        """Use up some of the quota: of the shop's first limit unless another is named."""
        await self._call("POST", "/calls", {"count": count, "limit": limit})

    async def lots(self) -> dict[int, Json]:
        """Return all lots by id, texts as stored."""
        lots: list[Json] = await self._call("GET", "/lots")
        return {lot[self.lot_word]: lot for lot in lots}

    async def add_lot(self, **fields: object) -> Json:
        """Add a lot as on the website."""
        return await self._call("POST", "/lots", fields)

    async def edit_lot(self, lot_id: int, **fields: object) -> Json:
        """Change a lot as on the website; quantity is absolute."""
        return await self._call("PATCH", f"/lots/{lot_id}", fields)

    async def delete_lot(self, lot_id: int) -> None:
        """Remove a lot as on the website."""
        await self._call("DELETE", f"/lots/{lot_id}")

    async def orders(self) -> dict[int, Json]:
        """Return all orders by id, with their lines."""
        orders: list[Json] = await self._call("GET", "/orders")
        return {order["order_id"]: order for order in orders}

    async def order(self, lines: dict[int, int], **more: object) -> Json:
        """Place an order: pieces by lot id; more: buyer_name, status, listed_after_seconds."""
        return await self._call("POST", "/orders", {"lines": _lines(lines), **more})

    async def set_status(self, order_id: int, status: str) -> Json:
        """Set an order's status."""
        return await self._call("POST", f"/orders/{order_id}/status", {"status": status})

    async def cancel_order(self, order_id: int, *, restock: bool | None = None) -> Json:
        """Cancel an order; None: its pieces go where the marketplace leaves them unasked."""
        return await self._call("POST", f"/orders/{order_id}/cancel", {"restock": restock})

    async def set_fault(self, effect: str, **fault: object) -> str:
        """Switch a fault on; returns its id."""
        made: Json = await self._call("POST", "/faults", {"effect": effect, **fault})
        return str(made["id"])

    async def faults(self) -> list[Json]:
        """Return the faults that are switched on, spent ones too."""
        faults: list[Json] = await self._call("GET", "/faults")
        return faults

    async def clear_faults(self) -> None:
        """Switch all faults off and release what they withhold."""
        await self._call("DELETE", "/faults")

    async def release(self, fault_id: str) -> int:
        """Let the withheld replies of a fault go; returns how many."""
        return int((await self._call("POST", f"/faults/{fault_id}/release"))["released"])

    async def wait_for_fault(self, fault_id: str, *, hits: int = 1, timeout: float = _EVENT_WITHIN) -> Json:
        """Wait until a fault has hit so many requests; returns the fault."""
        waited: Json = await self._call("GET", "/wait", query={"fault": fault_id, "count": hits, "timeout": timeout})
        return waited["fault"]

    async def wait_for_requests(self, count: int = 1, *, timeout: float = _EVENT_WITHIN, **asked: object) -> list[Json]:
        """Wait until the log holds so many requests that are meant: after, method, path, applied, reply."""
        waited: Json = await self._call("GET", "/wait", query={"count": count, "timeout": timeout, **asked})
        requests: list[Json] = waited["requests"]
        return requests

    async def requests(self, **asked: object) -> list[Json]:
        """Return the logged requests that are meant: after, method, path, applied, reply."""
        requests: list[Json] = await self._call("GET", "/requests", query=asked)
        return requests

    async def _call(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        response = await self._client.request(method, self._path + path, json=body, params=query)
        response.raise_for_status()
        return response.json() if response.content else None


class ShopControl(AnyShopControl):
    """One BrickLink shop. Its keys: consumer_key, consumer_secret, token, token_secret."""

    lot_word = "inventory_id"

    async def add_batch(self, order_id: int, lines: dict[int, int], **more: object) -> Json:
        """Add a batch to an order; more: listed_after_seconds."""
        return await self._call("POST", f"/orders/{order_id}/batches", {"lines": _lines(lines), **more})

    async def file_order(self, order_id: int, *, filed: bool = True) -> Json:
        """File an order away, or take it out again."""
        return await self._call("POST", f"/orders/{order_id}/file", {"filed": filed})

    async def reduce_line(self, order_id: int, lot_id: int, by: int, *, restock: bool = False) -> Json:
        """Take pieces of a lot out of an order."""
        body = {"lot_id": lot_id, "quantity": by, "restock": restock}
        return await self._call("POST", f"/orders/{order_id}/reduce", body)


class OwlShopControl(AnyShopControl):
    """One Brick Owl shop. Its keys: key."""

    lot_word = "lot_id"

    async def merge_orders(self, order_id: int, into: int, **more: object) -> Json:
        """Put an order's lines into another; more: listed_after_seconds."""
        return await self._call("POST", f"/orders/{order_id}/merge", {"into": into, **more})

    async def refund(self, order_id: int, lot_id: int, quantity: int, *, restock: bool = False) -> Json:
        """Refund pieces of a lot in an order."""
        body = {"lot_id": lot_id, "quantity": quantity, "restock": restock}
        return await self._call("POST", f"/orders/{order_id}/refund", body)


def _lines(pieces: dict[int, int]) -> list[Json]:
    return [{"lot_id": lot_id, "quantity": quantity} for lot_id, quantity in pieces.items()]
