"""The shops that this process hosts, kept in one journal."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from sandbox.hosting.hosted import Clock, HostedShop, SettingsT
from sandbox.hosting.journal import Journal, StoredShop

IDS_PER_SHOP = 10_000_000
"""Ids are unique across the shops of a marketplace."""


class KeyTaken(Exception):
    """Another shop has this key, which must say which shop is meant."""


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
