"""One breaker for a whole marketplace: when it is down, or our clock is wrong, no seller's calls find that out one by
one (rules O2, O3).
"""

import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
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
    SellerId,
)
from syncengine.marketplace import (
    TURNED_AWAY,
    Create,
    Later,
    Marketplace,
    Outcome,
    ReadFailedError,
    Shop,
    Ticket,
    Unknown,
    Update,
    Write,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FAILURES = 10
"""In a row, of at least two sellers: one seller's own trouble is no outage."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=2)
_CLOCK_SKEWED = "CLOCK_SKEWED"
_DOWN = frozenset({"SHOP_DOWN", "SERVER_ERROR", TURNED_AWAY, "NO_REPLY", "UNREADABLE_REPLY"})


class Breaker:
    """Closed: every connection is served. Open: none is. Half open: one at a time is, until a call comes through."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._sellers: set[SellerId] = set()
        self._pause = _FIRST_PAUSE
        self._open_until: datetime | None = None

    def may_serve(self) -> bool:
        """Tell whether a connection may be served now; half open, this lets one through and closes the door behind."""
        if self._open_until is None:
            return True
        now = self._clock.now()
        if now < self._open_until:
            return False
        self._open_until = now + self._pause
        return True

    def failed(self, seller_id: SellerId, reason: str) -> None:
        """Note a call that found the shop down, or our clock wrong."""
        self._failures += 1
        self._sellers.add(seller_id)
        is_outage = reason == _CLOCK_SKEWED or (self._failures >= _FAILURES and len(self._sellers) > 1)
        if not is_outage:
            return
        if self._open_until is not None:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._open_until = self._clock.now() + self._pause
        say = logger.error if reason == _CLOCK_SKEWED else logger.warning
        say("no shop is called for a while", extra={"because": reason, "seconds": self._pause.total_seconds()})

    def answered(self) -> None:
        """Note a call that the shop answered, whatever it said."""
        if self._open_until is not None:
            logger.info("shops are called again")
        self._failures, self._open_until, self._pause = 0, None, _FIRST_PAUSE
        self._sellers.clear()


class ReportingShop:
    """A shop whose calls tell the breaker how they went."""

    def __init__(self, shop: Marketplace, breaker: Breaker, seller_id: SellerId) -> None:
        self.facts = shop.facts
        self._shop = shop
        self._breaker = breaker
        self._seller_id = seller_id

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once."""
        outcome = await self._shop.send(write, ticket)
        self._report(outcome)
        return outcome

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings."""
        return self._reported_first(await self._shop.create_all(creates, ticket))

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Change several listings."""
        return self._reported_first(await self._shop.update_all(updates, ticket))

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing."""
        return await self._reported(self._shop.read(listing_id, ticket))

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing."""
        return await self._reported(self._shop.read_all(ticket))

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read one page of orders."""
        return await self._reported(self._shop.list_orders(page, ticket))

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order."""
        return await self._reported(self._shop.order_lines(order_id, ticket))

    async def identify(self, ticket: Ticket) -> Shop:
        """Say whose shop it is."""
        return await self._reported(self._shop.identify(ticket))

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Ask it to send pings to this address."""
        await self._reported(self._shop.send_pings(address, ticket))

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Complete what a list said of orders."""
        return await self._reported(self._shop.view_orders(orders, ticket))

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Find entries in the marketplace's catalogue."""
        return await self._reported(self._shop.look_up(entries, ticket, alone=alone))

    def _reported_first(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        for outcome in outcomes[:1]:
            self._report(outcome)
        return outcomes

    async def _reported(self, read: Awaitable[T]) -> T:
        try:
            answer = await read
        except ReadFailedError as failure:
            self._report(failure.outcome)
            raise
        self._breaker.answered()
        return answer

    def _report(self, outcome: Outcome) -> None:
        if isinstance(outcome, Later | Unknown) and (outcome.reason in _DOWN or outcome.reason == _CLOCK_SKEWED):
            self._breaker.failed(self._seller_id, outcome.reason)
        else:
            self._breaker.answered()
