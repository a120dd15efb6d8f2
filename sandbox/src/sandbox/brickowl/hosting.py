"""Brick Owl's shops as this process hosts them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import urlencode

from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.entities import Lot, Order
from sandbox.brickowl.journal import NAME, Journal, Settings, StoredShop
from sandbox.brickowl.render import Renderer, shown
from sandbox.brickowl.rows import lot_row, order_row
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Switches
from sandbox.hosting import hosted, shops
from sandbox.hosting.hosted import Clock, Json
from sandbox.hosting.pushes import Push
from sandbox.hosting.rows import LotRow, OrderRow
from sandbox.model.orders import Notification
from sandbox.model.quota import Window

CALLS, BATCHES = "minute", "batches"
"""The names of the limits on all calls and on batches, each in a minute (section 1.2)."""

_MINUTE = Window(length=timedelta(minutes=1), step=timedelta(seconds=1))
_FIRST_STORE_ID = 5001
_NO_COLOR = "FFFFFF"


class HostedShop(hosted.HostedShop[Shop, Settings]):
    """One Brick Owl shop of this server."""

    lot_word = "lot_id"
    windows: ClassVar = {CALLS: _MINUTE, BATCHES: _MINUTE}

    def __init__(self, stored: StoredShop, catalog: Catalog, journal: Journal, clock: Clock) -> None:
        settings = stored.settings
        shop = Shop(
            seller_name=settings.seller_name,
            currency=settings.currency,
            catalog=catalog,
            switches=settings.switches,
            store_id=_FIRST_STORE_ID + stored.place,
            next_lot_id=stored.next_lot_id,
            next_order_id=stored.next_order_id,
            next_notification_id=stored.next_notification_id,
        )
        super().__init__(stored, shop, journal, clock)

    @property
    def switches(self) -> Switches:
        """The shop's switches as they are now."""
        return self.settings.switches

    @property
    def has_fixed_windows(self) -> bool:
        """Whether the minute starts with the clock's (9.7)."""
        return self.switches.quota_window == "fixed"

    def notify(self, ip: str) -> None:
        """Tell this host of new orders from now on; none if it is empty (section 4)."""
        self.configure(replace(self.settings, switches=replace(self.switches, notify_ip=ip or None)))

    def seconds_over(self, limit: str, allowed: int, at: datetime) -> int | None:
        """Return after how many seconds another call fits a limit that is exceeded; None if it is not."""
        counter, fixed = self.counters[limit], self.has_fixed_windows
        if counter.used(at, fixed=fixed) <= allowed:
            return None
        return counter.seconds_until(at, below=allowed, fixed=fixed)

    def push_of(self, notification: Notification) -> Push | None:
        """Return the ping of a new order: no signature, no data (section 4)."""
        switches = self.switches
        if switches.notify_ip is None:
            return None
        query = urlencode({"order_id": notification.resource_id, "store_id": self.shop.store_id})
        return Push(
            method="GET",
            url=f"http://{switches.notify_ip}:{switches.notify_port}/brick_owl_order_notify?{query}",
            drop_rate=switches.notify_drop_rate,
        )

    def lot_shown(self, lot: Lot) -> Json:
        """Return the API's lot, its weight always."""
        rendered: Json = shown(Renderer(self.shop).lot(lot) | {"lot_weight": lot.lot_weight})
        return rendered

    def order_shown(self, order: Order) -> Json:
        """Return the API's order, with its items."""
        render = Renderer(self.shop)
        rendered: Json = shown(render.order(order) | {"items": render.order_items(order)})
        return rendered

    def lot_row(self, lot: Lot) -> LotRow:
        """Return a lot for the page."""
        color = self.shop.catalog.colors.get(lot.color_id) if lot.color_id is not None else None
        return lot_row(lot, rgb=color.rgb if color is not None else _NO_COLOR, currency=self.settings.currency)

    def order_row(self, order: Order) -> OrderRow:
        """Return an order for the page."""
        return order_row(order)

    @property
    def oddities(self) -> Sequence[tuple[str, str]]:
        """Whether the seller has a store at all."""
        return [] if self.switches.has_store else [("none", "a store")]


class Shops(shops.Shops[HostedShop, Settings]):
    """All Brick Owl shops of this server."""

    marketplace = NAME
    first_lot_id = 70_000_001
    first_order_id = 8_000_001

    def __init__(self, journal: Journal, clock: Clock, catalog: Catalog) -> None:
        self._catalog = catalog
        self._own_journal = journal
        super().__init__(journal, clock)

    def _host(self, stored: StoredShop) -> HostedShop:
        return HostedShop(stored, self._catalog, self._own_journal, self._clock)

    def _key_of(self, settings: Settings) -> str:
        return settings.keys.key
