"""A shop with accidents: what its model does, and what becomes of the call on the way there and back."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Protocol, TypeVar

from syncengine.listing import Item, Listing, ListingId, ListingRead, ListRead, OrderId, OrderLine, OrderRead, Values
from syncengine.marketplace import Create, Facts, Halted, Later, Outcome, ReadFailedError, Ticket, Unknown, Write
from syncengine.rows import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.simulation.schedule import pause, until

T = TypeVar("T")


class Accident(StrEnum):
    """What may become of one call."""

    LOST_BEFORE = "request lost"
    LOST_AFTER = "reply lost"
    LATE = "landed late"
    ERROR_BEFORE = "503 before"
    ERROR_AFTER = "503 after"
    BUSY = "429"
    BUSY_UNTIL = "429 with Retry-After"
    WRONG_KEY = "401"
    SLOW = "slow"
    EMPTY_LIST = "empty list"
    SHORT_LIST = "short list"
    STALE_LIST = "stale list"


class ShopModel(Protocol):
    """A marketplace's behaviour for one shop, without wire, faults or quota."""

    facts: Facts

    def fields(self, price: str, note: str) -> Values:
        """A lot's fields in the normal form, plain but for these two."""
        ...

    def write(self, write: Write, now: datetime) -> Outcome:
        """Do it, at once."""
        ...

    def listings(self) -> dict[ListingId, Listing]:
        """All that is listed, decoded."""
        ...

    def orders(self, page: str, now: datetime) -> OrderRead:
        """What one page of orders shows now."""
        ...

    def order_lines(self, order_id: OrderId, now: datetime) -> tuple[OrderLine, ...]:
        """What an order's lines show now."""
        ...

    # what happens in the shop without us
    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        """A buyer orders; the order shows after the lag."""
        ...

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        """A buyer adds a batch to an order."""
        ...

    def file(self, order_id: OrderId) -> None:
        """The seller files an order away."""
        ...

    def lines(self) -> dict[tuple[OrderId, ListingId], int]:
        """Every order line's pieces, shown or not."""
        ...

    def item_of(self, listing_id: ListingId) -> Item | None:
        """What a listing that ever was is of."""
        ...


@dataclass(slots=True)
class Landing:
    """A write that reached the shop."""

    write: Write
    stamp: datetime
    outcome: Outcome
    at: datetime
    before: int
    after: int
    listing_id: ListingId | None


@dataclass(slots=True)
class Network:
    """All calls to one shop: which accident strikes next, what has landed, what is still on its way."""

    model: ShopModel
    clock: HandClock
    settings: Settings
    random: Random
    landed: Callable[[Landing], None]
    accidents: list[tuple[Accident, bool]] = field(default_factory=list)
    """What strikes the next calls; true: a write, false: a read."""
    struck: Counter[str] = field(default_factory=Counter)
    late: list[tuple[datetime, Write, Ticket]] = field(default_factory=list)
    stamps: set[datetime] = field(default_factory=set)
    calls: int = 0
    stale: ListRead | None = None

    def next_accident(self, *, write: bool) -> Accident | None:
        """Take the first accident meant for such a call."""
        for place, (accident, for_write) in enumerate(self.accidents):
            if for_write == write:
                del self.accidents[place]
                self.struck[accident] += 1
                return accident
        return None

    def land(self, write: Write, ticket: Ticket) -> Outcome:
        """Let a write reach the shop."""
        before = self.model.listings()
        outcome = self.model.write(write, self.clock.now())
        after = self.model.listings()
        listing_id = next(iter(after.keys() - before.keys()), None) if isinstance(write, Create) else write.listing_id
        self.landed(
            Landing(
                write=write,
                stamp=ticket.stamp,
                outcome=outcome,
                at=self.clock.now(),
                before=before[listing_id].quantity if listing_id in before else 0,
                after=after[listing_id].quantity if listing_id in after else 0,
                listing_id=listing_id,
            )
        )
        return outcome

    def land_late_ones(self) -> None:
        """Let writes land whose time has come."""
        due = [each for each in self.late if each[0] <= self.clock.now()]
        self.late = [each for each in self.late if each[0] > self.clock.now()]
        for _, write, ticket in due:
            self.land(write, ticket)


class FaultyShop:
    """One worker's way to the shop; implements `Marketplace`."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.facts = network.model.facts

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        network, clock = self._network, self._network.clock
        deadline = clock.now() + ticket.deadline
        accident = network.next_accident(write=True)
        await pause()
        if clock.now() > deadline:
            return Unknown(reason="NO_REPLY")  # slept through its own deadline, and gave up before a byte left
        network.calls += 1
        if ticket.stamp in network.stamps:
            raise AssertionError("a stamp was used twice")
        network.stamps.add(ticket.stamp)
        match accident:
            case Accident.BUSY:
                return Later(reason="QUOTA")
            case Accident.BUSY_UNTIL:
                return Later(reason="QUOTA", after=timedelta(seconds=7))
            case Accident.WRONG_KEY:
                return Halted(reason="WRONG_KEY")
            case Accident.ERROR_BEFORE:
                return Unknown(reason="SERVER_ERROR")
            case Accident.LOST_BEFORE:
                await until(clock, deadline)
                return Unknown(reason="NO_REPLY")
            case Accident.LATE:
                landing = network.random.random() * (ticket.deadline + network.settings.late_window)
                network.late.append((clock.now() + landing, write, ticket))
                await until(clock, deadline)
                return Unknown(reason="NO_REPLY")
        outcome = network.land(write, ticket)
        if accident is Accident.ERROR_AFTER:
            return Unknown(reason="SERVER_ERROR")
        if accident is Accident.LOST_AFTER:
            await until(clock, deadline)
            return Unknown(reason="NO_REPLY")
        if accident is Accident.SLOW:
            await until(clock, clock.now() + ticket.deadline / 2)
        await pause()
        return outcome if clock.now() <= deadline else Unknown(reason="NO_REPLY")

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        now = self._network.clock.now
        return await self._read(
            ticket, lambda _: ListingRead(listing=self._network.model.listings().get(listing_id), read_at=now())
        )

    async def read_all(self, ticket: Ticket) -> ListRead:
        return await self._read(ticket, self._list)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        network = self._network
        return await self._read(ticket, lambda _: network.model.orders(page, network.clock.now()))

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        network = self._network
        return await self._read(ticket, lambda _: network.model.order_lines(order_id, network.clock.now()))

    def _list(self, accident: Accident | None) -> ListRead:
        network = self._network
        listings = tuple(network.model.listings().values())
        if accident is Accident.STALE_LIST and network.stale is not None:
            return network.stale
        if accident is Accident.EMPTY_LIST:
            listings = ()
        if accident is Accident.SHORT_LIST:
            listings = listings[: len(listings) // 2]
        read = ListRead(listings=listings, read_at=network.clock.now())
        if accident is None:
            network.stale = read
        return read

    async def _read(self, ticket: Ticket, look: Callable[[Accident | None], T]) -> T:
        network, clock = self._network, self._network.clock
        deadline = clock.now() + ticket.deadline
        accident = network.next_accident(write=False)
        await pause()
        network.calls += 1
        match accident:
            case Accident.WRONG_KEY:
                raise ReadFailedError(Halted(reason="WRONG_KEY"))
            case Accident.BUSY | Accident.BUSY_UNTIL:
                raise ReadFailedError(Later(reason="QUOTA", after=timedelta(seconds=7)))
            case Accident.LOST_BEFORE | Accident.LOST_AFTER | Accident.LATE:
                await until(clock, deadline)
                raise ReadFailedError(Unknown(reason="NO_REPLY"))
            case Accident.ERROR_BEFORE | Accident.ERROR_AFTER:
                raise ReadFailedError(Later(reason="SHOP_DOWN"))
        seen = look(accident)
        await pause()
        if clock.now() > deadline:
            raise ReadFailedError(Unknown(reason="NO_REPLY"))
        return seen
