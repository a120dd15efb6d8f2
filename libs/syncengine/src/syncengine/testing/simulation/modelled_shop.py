"""Every call of `Marketplace`, answered by a shop's model; what befalls a call on its way is a subclass's."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from syncengine.clock import Clock
from syncengine.listing import (
    CatalogEntry,
    ListingId,
    ListingRead,
    ListRead,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
)
from syncengine.marketplace import Create, NoFurtherCalls, Outcome, Shop, Ticket, Update, Write
from syncengine.testing.simulation.model import ShopModel

T = TypeVar("T")


class ModelledShop(NoFurtherCalls, ABC):
    """Implements `Marketplace`."""

    def __init__(self, model: ShopModel, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self.facts = model.facts

    @abstractmethod
    async def _write(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        """One call that does them all."""

    @abstractmethod
    async def _read(
        self, ticket: Ticket, look: Callable[[], T], *, listing_id: ListingId | None = None, things: int = 1
    ) -> T:
        """One call that brings what `look` sees, of one listing or of so many things."""

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        return (await self._write([write], ticket))[0]

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        return await self._write(creates, ticket)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        return await self._write(updates, ticket)

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        now, model = self._clock.now, self._model
        return await self._read(
            ticket,
            lambda: ListingRead(listing=model.listings().get(listing_id), read_at=now()),
            listing_id=listing_id,
        )

    async def read_all(self, ticket: Ticket) -> ListRead:
        return await self._read(ticket, self._list)

    def _list(self) -> ListRead:
        return ListRead(listings=tuple(self._model.listings().values()), read_at=self._clock.now())

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        return await self._read(ticket, lambda: self._model.orders(page, self._clock.now()))

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        return await self._read(ticket, lambda: self._model.order_lines(order_id, self._clock.now()))

    async def identify(self, ticket: Ticket) -> Shop:
        return await self._read(ticket, lambda: self._model.identify(self._clock.now()))

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        return await self._read(ticket, lambda: self._model.view_orders(orders, self._clock.now()), things=len(orders))

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        things = 1 if alone else len(entries) * self.facts.look_up_costs
        return await self._read(
            ticket, lambda: self._model.look_up(entries, self._clock.now(), alone=alone), things=things
        )
