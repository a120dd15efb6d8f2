"""How a worker gets at a seller's shop, and how its calls end when the process stops."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from syncengine.listing import (
    CatalogEntry,
    ListingId,
    ListingRead,
    ListRead,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    SellerId,
)
from syncengine.marketplace import Create, Marketplace, Outcome, Shop, Ticket, Update, Write

T = TypeVar("T")


class Shops(Protocol):
    """A marketplace's shops; each service brings its own."""

    async def open(self, seller_id: SellerId, key_version: int) -> Marketplace:
        """Open a seller's shop with this set of keys; makes no call to it, and is asked anew for each turn.

        Raises `ReadFailedError`, with `Halted` or `Later`, if there are no keys.
        """
        ...


class StoppingError(Exception):
    """The process stops: this call was not made, or given up, and changed nothing."""


class InterruptibleShop:
    """A shop whose reads end as soon as the process stops.

    A write that was begun is finished, and so are the reads after it in the same turn: they say what it came to.
    """

    def __init__(self, shop: Marketplace, stopping: asyncio.Event) -> None:
        self.facts = shop.facts
        self._shop = shop
        self._stopping = stopping
        self._has_written = False

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once."""
        self._has_written = True
        return await self._shop.send(write, ticket)

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings."""
        self._has_written = True
        return await self._shop.create_all(creates, ticket)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Change several listings."""
        self._has_written = True
        return await self._shop.update_all(updates, ticket)

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing. Raises StoppingError."""
        return await self._unless_stopping(self._shop.read(listing_id, ticket))

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing. Raises StoppingError."""
        return await self._unless_stopping(self._shop.read_all(ticket))

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read one page of orders. Raises StoppingError."""
        return await self._unless_stopping(self._shop.list_orders(page, ticket))

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order. Raises StoppingError."""
        return await self._unless_stopping(self._shop.order_lines(order_id, ticket))

    async def identify(self, ticket: Ticket) -> Shop:
        """Say whose shop it is. Raises StoppingError."""
        return await self._unless_stopping(self._shop.identify(ticket))

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Ask it to send pings to this address."""
        await self._unless_stopping(self._shop.send_pings(address, ticket))

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Complete what a list said of orders. Raises StoppingError."""
        return await self._unless_stopping(self._shop.view_orders(orders, ticket))

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Find entries in the marketplace's catalogue. Raises StoppingError."""
        return await self._unless_stopping(self._shop.look_up(entries, ticket, alone=alone))

    async def _unless_stopping(self, read: Coroutine[Any, Any, T]) -> T:
        if self._has_written:
            return await read
        reading, stopping = asyncio.ensure_future(read), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise StoppingError
            return reading.result()
        finally:
            reading.cancel()
            stopping.cancel()
