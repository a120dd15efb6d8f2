"""A shop some of whose calls fail, in the same way each time: what that does to sales is measured one way at a time."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from simulation.passing_time import Agenda
from syncengine.listing import ListingId
from syncengine.marketplace import TURNED_AWAY, Later, Outcome, ReadFailedError, Ticket, Unknown, Write
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.modelled_shop import ModelledShop

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


class FailingShop(ModelledShop):
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
        super().__init__(model, agenda.clock)
        self._agenda = agenda
        self._next_fault = next_fault
        self._land = land

    async def _write(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        fault = self._next_fault(writes[0])
        await self._agenda.sleep(CALL / 2)
        if fault is Fault.ERROR_BEFORE:
            return [Unknown(reason=TURNED_AWAY)] * len(writes)
        outcomes = self._land(writes)
        await self._agenda.sleep(ticket.deadline if fault is Fault.REPLY_NEVER_COMES else CALL / 2)
        if fault is Fault.ERROR_AFTER:
            return [Unknown(reason=TURNED_AWAY)] * len(writes)
        return outcomes if fault is None else [Unknown(reason="NO_REPLY")] * len(writes)

    async def _read(
        self, ticket: Ticket, look: Callable[[], T], *, listing_id: ListingId | None = None, things: int = 1
    ) -> T:
        fault = self._next_fault(listing_id)
        await self._agenda.sleep(CALL / 2)
        seen = look()
        await self._agenda.sleep(ticket.deadline if fault is Fault.REPLY_NEVER_COMES else CALL / 2)
        if fault is not None:
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return seen
