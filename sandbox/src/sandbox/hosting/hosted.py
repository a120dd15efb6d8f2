"""One shop that this process hosts: the model, plus what a server needs around it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sandbox.hosting.faults import Faults
from sandbox.hosting.journal import Journal, StoredShop
from sandbox.hosting.pushes import Push, Pushes
from sandbox.hosting.request_log import LoggedRequest, RequestLog
from sandbox.hosting.rows import LotRow, OrderRow
from sandbox.model.books import Books, Changes
from sandbox.model.orders import Notification
from sandbox.model.quota import CallCounter, Window
from sandbox.model.switches import AnySwitches

Json = dict[str, Any]
Clock = Callable[[], datetime]


class AnyKeys(Protocol):
    """The secrets of one shop's API access."""

    def redact(self, text: str) -> str:
        """Return the text with every one of them taken out."""


class AnySettings(Protocol):
    """What a shop was made with."""

    @property
    def keys(self) -> AnyKeys:
        """Which shop is meant, and by right."""

    @property
    def seller_name(self) -> str:
        """The seller's name at the marketplace."""

    @property
    def currency(self) -> str:
        """Three letters."""

    @property
    def switches(self) -> AnySwitches:
        """The shop's answers to what is unknown about its marketplace."""


class Bell:
    """Wakes whoever waits for something to happen in a shop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next ring."""
        await self._rung.wait()


ShopT = TypeVar("ShopT", bound=Books[Any, Any])
SettingsT = TypeVar("SettingsT", bound=AnySettings)


class HostedShop(ABC, Generic[ShopT, SettingsT]):
    """One shop of this server."""

    lot_word: ClassVar[str]
    """What the API calls a lot's id."""
    windows: ClassVar[Mapping[str, Window]]
    """The shop's limits on calls, by name."""

    def __init__(
        self,
        stored: StoredShop[SettingsT, Any, Any],
        shop: ShopT,
        journal: Journal[SettingsT, Any, Any],
        clock: Clock,
    ) -> None:
        self.name = stored.name
        self.place = stored.place
        self.settings = stored.settings
        self.bell = Bell()
        self.shop = shop
        shop.lots, shop.orders, shop.notifications = stored.lots, stored.orders, stored.notifications
        self.log = RequestLog(self.bell.ring, stored.requests)
        self.faults: Faults[ShopT] = Faults(self.bell.ring)
        self.counters = {name: CallCounter(window, stored.calls.get(name, {})) for name, window in self.windows.items()}
        self.calls_in_progress = 0
        self.is_stopping = False
        self.pushes = Pushes()
        self._journal = journal
        self._clock = clock

    # ---- What each marketplace has its own way of ----

    @property
    @abstractmethod
    def has_fixed_windows(self) -> bool:
        """Whether limits count from fixed moments; else over the time before now."""

    @abstractmethod
    def push_of(self, notification: Notification) -> Push | None:
        """Return what tells the seller's address of it; None where there is no address."""

    @abstractmethod
    def lot_shown(self, lot: Any) -> Json:
        """Return a lot for the control API: the API's own object, texts as stored."""

    @abstractmethod
    def order_shown(self, order: Any) -> Json:
        """Return an order with its lines for the control API."""

    @abstractmethod
    def lot_row(self, lot: Any) -> LotRow:
        """Return a lot for the page."""

    @abstractmethod
    def order_row(self, order: Any) -> OrderRow:
        """Return an order for the page."""

    @property
    @abstractmethod
    def oddities(self) -> Sequence[tuple[str, str]]:
        """What the page says of the shop beside its counts: a word, and what it is said of."""

    # ---- The same for all ----

    @property
    def switches(self) -> AnySwitches:
        """The shop's switches as they are now."""
        return self.settings.switches

    def now(self) -> datetime:
        """Return the time by the shop's clock, in whole milliseconds."""
        now = self._clock() + timedelta(seconds=self.switches.clock_offset_seconds)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def used_calls(self) -> dict[str, int]:
        """Return what each limit has counted in its window."""
        now, fixed = self.now(), self.has_fixed_windows
        return {name: counter.used(now, fixed=fixed) for name, counter in self.counters.items()}

    def configure(self, settings: SettingsT) -> None:
        """Set keys, names and switches; stock and orders stay."""
        self.settings = settings
        self.shop.seller_name, self.shop.currency = settings.seller_name, settings.currency
        self.shop.switches = settings.switches
        with self._journal.transaction():
            self._journal.save_shop(self.name, self.place, settings, self.shop)

    def charge(self, calls: Mapping[str, int], at: datetime) -> None:
        """Count calls by limit, durably."""
        with self._journal.transaction():
            for name, count in calls.items():
                self._journal.save_calls(self.name, name, *self.counters[name].charge(at, count))

    @contextmanager
    def recorded(self, request: LoggedRequest | None = None) -> Iterator[None]:
        """Make durable what the shop does inside, and the request with it, before anybody hears of it."""
        try:
            yield
        finally:  # also when the shop refused: an array may have landed in part
            changes = self.shop.take_changes()
            if request is not None:
                self._note_effects(request, changes)
            with self._journal.transaction():
                self._journal.save_changes(self.name, changes, self.shop)
                if request is not None:
                    self._journal.save_request(self.name, request)
            for notification in changes.notifications.values():
                push = self.push_of(notification) if notification is not None else None
                if push is not None:
                    self.pushes.send(push)
            self.bell.ring()

    def save_request(self, request: LoggedRequest) -> None:
        """Make durable what became of a reply."""
        with self._journal.transaction():
            self._journal.save_request(self.name, request)
        self.bell.ring()

    async def stop(self) -> None:
        """End everything that waits."""
        self.is_stopping = True
        self.bell.ring()
        self.faults.stop()
        await self.pushes.stop()

    def _note_effects(self, request: LoggedRequest, changes: Changes[Any, Any]) -> None:
        if changes.lots or changes.orders:
            request.applied = True
        request.lots += [
            {
                self.lot_word: lot_id,
                "quantity_before": change.before.quantity if change.before is not None else None,
                "quantity_after": change.after.quantity if change.after is not None else None,
            }
            for lot_id, change in changes.lots.items()
        ]
