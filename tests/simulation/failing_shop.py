"""A shop some of whose calls fail, in the same way each time: what that does to sales is measured one way at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from simulation.passing_time import Agenda
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
from syncengine.marketplace import (
    Create,
    Later,
    NoFurtherCalls,
    Outcome,
    ReadFailedError,
    Shop,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.testing.simulation.model import ShopModel

T = TypeVar("T")

CALL = timedelta(seconds=0.3)
"""How long a call takes."""


class Fault(StrEnum):
    """What may become of a call; a read brings nothing in any case."""

    REPLY_LOST = "reply lost"
    """It was done, and the connection ends at once."""
    REPLY_NEVER_COMES = "reply never comes"
    """It was done, and only the deadline ends the wait."""
    ERROR_BEFORE = "503 before"
    ERROR_AFTER = "503 after"


class FailingShop(NoFurtherCalls):
    """Implements `Marketplace`."""

    def __init__(
        self,
        model: ShopModel,
        *,
        agenda: Agenda,
        next_fault: Callable[[Write | ListingId | None], Fault | None],
        land: Callable[[Sequence[Write]], Sequence[Outcome]],
    ) -> None:
        """`next_fault` is asked at each call, with its first write or the one listing it reads; `land` does writes."""
        self.facts = model.facts
        self._model = model
        self._agenda = agenda
        self._next_fault = next_fault
        self._land = land

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        return (await self._write([write], ticket))[0]

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        return await self._write(creates, ticket)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        return await self._write(updates, ticket)

    async def _write(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        fault = self._next_fault(writes[0])
        await self._agenda.sleep(CALL / 2)
        if fault is Fault.ERROR_BEFORE:
            return [Unknown(reason="SERVER_ERROR")] * len(writes)
        outcomes = self._land(writes)
        await self._agenda.sleep(ticket.deadline if fault is Fault.REPLY_NEVER_COMES else CALL / 2)
        if fault is Fault.ERROR_AFTER:
            return [Unknown(reason="SERVER_ERROR")] * len(writes)
        return outcomes if fault is None else [Unknown(reason="NO_REPLY")] * len(writes)

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        def look() -> ListingRead:
            return ListingRead(listing=self._model.listings().get(listing_id), read_at=self._agenda.clock.now())

        return await self._read(ticket, look, listing_id)

    async def read_all(self, ticket: Ticket) -> ListRead:
        return await self._read(
            ticket, lambda: ListRead(listings=tuple(self._model.listings().values()), read_at=self._agenda.clock.now())
        )

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        return await self._read(ticket, lambda: self._model.orders(page, self._agenda.clock.now()))

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        return await self._read(ticket, lambda: self._model.order_lines(order_id, self._agenda.clock.now()))

    async def identify(self, ticket: Ticket) -> Shop:
        return await self._read(ticket, lambda: self._model.identify(self._agenda.clock.now()))

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        return await self._read(ticket, lambda: self._model.view_orders(orders, self._agenda.clock.now()))

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        return await self._read(ticket, lambda: self._model.look_up(entries, self._agenda.clock.now(), alone=alone))

    async def _read(self, ticket: Ticket, look: Callable[[], T], listing_id: ListingId | None = None) -> T:
        fault = self._next_fault(listing_id)
        await self._agenda.sleep(CALL / 2)
        seen = look()
        await self._agenda.sleep(ticket.deadline if fault is Fault.REPLY_NEVER_COMES else CALL / 2)
        if fault is not None:
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return seen
