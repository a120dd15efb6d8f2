"""The shops that this process hosts: each the model, plus what a server needs around it, kept in one journal."""

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

IDS_PER_SHOP = 10_000_000
"""Ids are unique across the shops of a marketplace."""


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


class KeyTaken(Exception):
    """Another shop has this key, which must say which shop is meant."""


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


HostT = TypeVar("HostT", bound=HostedShop[Any, Any])


class Shops(ABC, Generic[HostT, SettingsT]):
    """All shops of this server, by name and by the key that says which one is meant."""

    marketplace: ClassVar[str]
    """The marketplace's name, as on the command line."""
    first_lot_id: ClassVar[int]
    first_order_id: ClassVar[int]

    def __init__(self, journal: Journal[SettingsT, Any, Any], clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._shops: dict[str, HostT] = {}
        self._places = 0
        for stored in journal.load():
            self._open(stored)

    @abstractmethod
    def _host(self, stored: StoredShop[SettingsT, Any, Any]) -> HostT:
        """Return the shop that was stored."""

    @abstractmethod
    def _key_of(self, settings: SettingsT) -> str:
        """Return the key that says which shop is meant."""

    def __iter__(self) -> Iterator[HostT]:
        return iter(self._shops.values())

    def now(self) -> datetime:
        """Return the time by the machine's clock."""
        return self._clock()

    def find(self, name: str) -> HostT | None:
        """Return the shop with this name."""
        return self._shops.get(name)

    def find_by_key(self, key: str) -> HostT | None:
        """Return the shop that this key opens."""
        return next((host for host in self if self._key_of(host.settings) == key), None)

    def put(self, name: str, settings: SettingsT) -> HostT:
        """Make a shop, or give an existing one new settings; raises KeyTaken."""
        keyed = self.find_by_key(self._key_of(settings))
        if keyed is not None and keyed.name != name:
            raise KeyTaken(f"Shop {keyed.name} has this key")
        host = self.find(name) or self._open(self._empty(name, settings))
        host.configure(settings)
        return host

    async def remove(self, name: str) -> None:
        """Close a shop for good."""
        host = self._shops.pop(name)
        await host.stop()
        while host.calls_in_progress:
            await host.bell.wait()
        with self._journal.transaction():
            self._journal.remove_shop(name)

    async def stop(self) -> None:
        """End everything that waits: withheld replies are dropped unapplied, pushes are given up."""
        for host in self:
            await host.stop()

    def _open(self, stored: StoredShop[SettingsT, Any, Any]) -> HostT:
        host = self._host(stored)
        self._shops[stored.name] = host
        self._places = max(self._places, stored.place + 1)
        with self._journal.transaction():
            self._journal.prune(stored.name, host.now())
        return host

    def _empty(self, name: str, settings: SettingsT) -> StoredShop[SettingsT, Any, Any]:
        return StoredShop(
            name=name,
            place=self._places,
            settings=settings,
            next_lot_id=self.first_lot_id + self._places * IDS_PER_SHOP,
            next_order_id=self.first_order_id + self._places * IDS_PER_SHOP,
            next_notification_id=1,
            lots={},
            orders={},
            notifications={},
            requests=[],
            calls={},
        )
