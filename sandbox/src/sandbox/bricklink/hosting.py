"""The shops that this process hosts: each the model, plus what a server needs around it, kept in one journal."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sandbox.bricklink.callbacks import Callbacks
from sandbox.bricklink.faults import Faults
from sandbox.bricklink.journal import Journal, Settings, StoredShop
from sandbox.bricklink.oauth import Authorization, Door
from sandbox.bricklink.quota import CallCounter
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.request_log import LoggedRequest, LotEffect, RequestLog
from sandbox.bricklink.shop import Changes, Shop
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog

_FIRST_LOT_ID = 50_001_001
_FIRST_ORDER_ID = 9_000_001
_IDS_PER_SHOP = 10_000_000  # ids are unique across shops, as at BrickLink


class ConsumerKeyTaken(Exception):
    """Another shop has this consumer key, which must say which shop is meant."""


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


class HostedShop:
    """One shop of this server."""

    def __init__(self, stored: StoredShop, catalog: Catalog, journal: Journal, clock: Callable[[], datetime]) -> None:
        self.name = stored.name
        self.settings = stored.settings
        self.bell = Bell()
        self.shop = Shop(
            seller_name=stored.settings.seller_name,
            currency=stored.settings.currency,
            catalog=catalog,
            switches=stored.settings.switches,
            next_lot_id=stored.next_lot_id,
            next_order_id=stored.next_order_id,
            next_notification_id=stored.next_notification_id,
        )
        self.shop.lots, self.shop.orders = stored.lots, stored.orders
        self.shop.notifications = stored.notifications
        self.door = Door(stored.settings.keys, stored.uses)
        self.log = RequestLog(self.bell.ring, stored.requests)
        self.faults = Faults(self.bell.ring)
        self.calls = CallCounter(stored.calls)
        self.calls_in_progress = 0
        self.is_stopping = False
        self.callbacks = Callbacks()
        self._place = stored.place
        self._journal = journal
        self._clock = clock

    @property
    def switches(self) -> Switches:
        """The shop's switches as they are now."""
        return self.settings.switches

    def now(self) -> datetime:
        """Return the time by the shop's clock, in whole milliseconds as BrickLink shows it."""
        now = self._clock() + timedelta(seconds=self.switches.clock_offset_seconds)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def configure(self, settings: Settings) -> None:
        """Set keys, names and switches; stock and orders stay."""
        if settings.keys != self.settings.keys:
            self.door = Door(settings.keys)
        self.settings = settings
        self.shop.seller_name, self.shop.currency = settings.seller_name, settings.currency
        self.shop.switches = settings.switches
        with self._journal.transaction():
            self._journal.save_shop(self.name, self._place, settings, self.shop)

    def admit(self, authorization: Authorization, request: LoggedRequest, *, caller_ip: str) -> None:
        """Let a request in and count the call, durably; raises ShopError (401) when it is not signed as it must be."""
        use = self.door.admit(authorization, caller_ip=caller_ip, now=request.time, switches=self.switches)
        with self._journal.transaction():
            self._journal.save_use(self.name, use)
            self._journal.save_calls(self.name, *self.calls.charge(request.time))

    def charge(self, calls: int) -> None:
        """Count calls that other programs made."""
        with self._journal.transaction():
            self._journal.save_calls(self.name, *self.calls.charge(self.now(), calls))

    @contextmanager
    def recorded(self, request: LoggedRequest | None = None) -> Iterator[None]:
        """Make durable what the shop does inside, and the request with it, before anybody hears of it."""
        try:
            yield
        finally:  # also when the shop refused: an array may have landed in part
            changes = self.shop.take_changes()
            if request is not None:
                _note_effects(request, changes)
            with self._journal.transaction():
                self._journal.save_changes(self.name, changes, self.shop)
                if request is not None:
                    self._journal.save_request(self.name, request)
            made = [notification for notification in changes.notifications.values() if notification is not None]
            self.callbacks.announce(made, Renderer(self.shop), self.switches)
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
        await self.callbacks.stop()


def _note_effects(request: LoggedRequest, changes: Changes) -> None:
    if changes.lots or changes.orders:
        request.applied = True
    request.lots += [
        LotEffect(
            inventory_id=lot_id,
            quantity_before=change.before.quantity if change.before is not None else None,
            quantity_after=change.after.quantity if change.after is not None else None,
        )
        for lot_id, change in changes.lots.items()
    ]


class Shops:
    """All shops of this server, by name and by consumer key."""

    def __init__(self, journal: Journal, clock: Callable[[], datetime], catalog: Catalog) -> None:
        self._journal = journal
        self._clock = clock
        self.catalog = catalog
        self._shops: dict[str, HostedShop] = {}
        self._places = 0
        for stored in journal.load():
            self._open(stored)

    def __iter__(self) -> Iterator[HostedShop]:
        return iter(self._shops.values())

    def now(self) -> datetime:
        """Return the time by the machine's clock."""
        return self._clock()

    def find(self, name: str) -> HostedShop | None:
        """Return the shop with this name."""
        return self._shops.get(name)

    def find_by_consumer_key(self, consumer_key: str) -> HostedShop | None:
        """Return the shop that this key opens."""
        return next((host for host in self if host.settings.keys.consumer_key == consumer_key), None)

    def find_owner(self, lot_id: int) -> HostedShop | None:
        """Return the shop that has this lot."""
        return next((host for host in self if lot_id in host.shop.lots), None)

    def put(self, name: str, settings: Settings) -> HostedShop:
        """Make a shop, or give an existing one new settings; raises ConsumerKeyTaken."""
        keyed = self.find_by_consumer_key(settings.keys.consumer_key)
        if keyed is not None and keyed.name != name:
            raise ConsumerKeyTaken(f"Shop {keyed.name} has this consumer key")
        host = self.find(name) or self._open(_empty(name, self._places, settings))
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
        """End everything that waits: withheld replies are dropped unapplied, posts are given up."""
        for host in self:
            await host.stop()

    def _open(self, stored: StoredShop) -> HostedShop:
        host = HostedShop(stored, self.catalog, self._journal, self._clock)
        self._shops[stored.name] = host
        self._places = max(self._places, stored.place + 1)
        with self._journal.transaction():
            self._journal.prune(stored.name, host.now())
        return host


def _empty(name: str, place: int, settings: Settings) -> StoredShop:
    return StoredShop(
        name=name,
        place=place,
        settings=settings,
        next_lot_id=_FIRST_LOT_ID + place * _IDS_PER_SHOP,
        next_order_id=_FIRST_ORDER_ID + place * _IDS_PER_SHOP,
        next_notification_id=1,
        lots={},
        orders={},
        notifications={},
        requests=[],
        calls={},
        uses=[],
    )
