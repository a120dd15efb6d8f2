"""One worker's way to the shop: each call may be lost, late, slow or refused on the way there or back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from syncengine.listing import ListingId, ListRead
from syncengine.marketplace import TURNED_AWAY, Halted, Later, Outcome, ReadFailedError, Ticket, Unknown, Write
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.modelled_shop import ModelledShop
from syncengine.testing.simulation.network import MOST_SHORT_LISTS, Accident, Kind, Network
from syncengine.testing.simulation.schedule import pause, until

T = TypeVar("T")

_RETRY_AFTER = timedelta(seconds=7)


def _server_error(ticket: Ticket) -> Unknown:
    """Every other one is a 503, which no more of a call lands after (ADR 28)."""
    return Unknown(reason=TURNED_AWAY if ticket.stamp.second % 2 else "SERVER_ERROR")


def _lacks_some(read: ListRead, true: ListRead) -> bool:
    return not {each.listing_id for each in true.listings} <= {each.listing_id for each in read.listings}


class FaultyShop(ModelledShop):
    """Implements `Marketplace` with the keys of one version."""

    def __init__(self, network: Network, model: ShopModel) -> None:
        super().__init__(model, network.clock)
        self._network = network

    async def _write(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        outcomes = await self._land(writes, ticket)
        return [outcomes] * len(writes) if not isinstance(outcomes, Sequence) else outcomes

    async def _land(self, writes: Sequence[Write], ticket: Ticket) -> Outcome | Sequence[Outcome]:
        network, clock = self._network, self._network.clock
        deadline = clock.now() + ticket.deadline
        for write in writes:
            network.intended(ticket, write)
        accident = network.next_accident(Kind.WRITE)
        await pause()
        if clock.now() > deadline:
            return Unknown(reason="NO_REPLY")  # slept through its own deadline, and gave up before a byte left
        if not network.take_call(ticket, self._model, write=True, things=len(writes)):
            return Later(reason="QUOTA")
        if network.key_is_wrong():
            return Halted(reason="WRONG_KEY")
        match accident:
            case Accident.BUSY:
                return Later(reason="QUOTA")
            case Accident.BUSY_UNTIL:
                return Later(reason="QUOTA", after=_RETRY_AFTER)
            case Accident.ERROR_BEFORE:
                return _server_error(ticket)
            case Accident.LOST_BEFORE:
                await until(clock, deadline)
                return Unknown(reason="NO_REPLY")
            case Accident.LATE | Accident.LATEST:
                latest = accident is Accident.LATEST
                network.land_late(writes, ticket, self._model, deadline=deadline, latest=latest)
                await until(clock, deadline)
                return Unknown(reason="NO_REPLY")
        outcomes = network.land(writes, ticket, self._model)
        if accident is Accident.ERROR_AFTER:
            return _server_error(ticket)
        if accident is Accident.LOST_AFTER:
            await until(clock, deadline)
            return Unknown(reason="NO_REPLY")
        if accident is Accident.SLOW:
            await until(clock, clock.now() + ticket.deadline / 2)
        if accident is Accident.CUT_SHORT and len(writes) > 1:
            answered = len(writes) // 2
            outcomes = [*outcomes[:answered], *[Unknown(reason="NO_REPLY")] * (len(writes) - answered)]
        await pause()
        answer = outcomes if clock.now() <= deadline else Unknown(reason="NO_REPLY")
        await pause()  # the process may also sleep with the answer in its hands
        return answer

    async def _read(
        self, ticket: Ticket, look: Callable[[], T], *, listing_id: ListingId | None = None, things: int = 1
    ) -> T:
        return await self._call(ticket, Kind.READ, lambda _: look(), things=things)

    async def read_all(self, ticket: Ticket) -> ListRead:
        return await self._call(ticket, Kind.LIST, self._list_after)

    def _list_after(self, accident: Accident | None) -> ListRead:
        network = self._network
        true = self._list()
        if network.is_closed():
            accident = Accident.EMPTY_LIST
        read = true
        if accident is Accident.STALE_LIST:
            read = replace(true, listings=network.earlier_list() or true.listings)
        elif accident is Accident.EMPTY_LIST:
            read = replace(true, listings=())
        elif accident is Accident.SHORT_LIST:
            read = replace(true, listings=true.listings[: len(true.listings) // 2])
        if accident in (Accident.STALE_LIST, Accident.SHORT_LIST) and _lacks_some(read, true):
            network.short_lists += 1
            read = read if network.short_lists <= MOST_SHORT_LISTS else true
        if read.listings == true.listings:
            network.short_lists = 0
        network.listed(accident if read.listings != true.listings else None, read)
        return read

    async def _call(self, ticket: Ticket, kind: Kind, look: Callable[[Accident | None], T], *, things: int = 1) -> T:
        network, clock = self._network, self._network.clock
        deadline = clock.now() + ticket.deadline
        accident = network.next_accident(kind)
        await pause()
        if clock.now() > deadline:
            raise ReadFailedError(Unknown(reason="NO_REPLY"))  # as above
        if not network.take_call(ticket, self._model, write=False, things=things):
            raise ReadFailedError(Later(reason="QUOTA"))
        if network.key_is_wrong():
            raise ReadFailedError(Halted(reason="WRONG_KEY"))
        match accident:
            case Accident.BUSY:
                raise ReadFailedError(Later(reason="QUOTA", after=_RETRY_AFTER))
            case Accident.LOST_BEFORE:
                await until(clock, deadline)
                raise ReadFailedError(Unknown(reason="NO_REPLY"))
            case Accident.ERROR_BEFORE:
                raise ReadFailedError(Later(reason="SHOP_DOWN"))
        seen = look(accident)
        await pause()
        if clock.now() > deadline:
            raise ReadFailedError(Unknown(reason="NO_REPLY"))
        await pause()
        return seen
