"""BrickLink's shops as this process hosts them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from sandbox.bricklink.entities import Lot, Order
from sandbox.bricklink.filters import status_letter
from sandbox.bricklink.journal import NAME, Journal, Settings, StoredShop
from sandbox.bricklink.oauth import Authorization, Door
from sandbox.bricklink.render import Renderer, plain
from sandbox.bricklink.rows import lot_row, order_row
from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog
from sandbox.hosting import hosted, shops
from sandbox.hosting.hosted import Clock, Json
from sandbox.hosting.pushes import Push
from sandbox.hosting.request_log import LoggedRequest
from sandbox.hosting.rows import LotRow, OrderRow
from sandbox.model.orders import Notification
from sandbox.model.quota import Window

DAY = "day"
"""The name of the one limit on calls."""


class HostedShop(hosted.HostedShop[Shop, Settings]):
    """One BrickLink shop of this server."""

    lot_word = "inventory_id"
    windows: ClassVar = {DAY: Window(length=timedelta(days=1), step=timedelta(minutes=1))}

    def __init__(self, stored: StoredShop, catalog: Catalog, journal: Journal, clock: Clock) -> None:
        settings = stored.settings
        shop = Shop(
            seller_name=settings.seller_name,
            currency=settings.currency,
            catalog=catalog,
            switches=settings.switches,
            next_lot_id=stored.next_lot_id,
            next_order_id=stored.next_order_id,
            next_notification_id=stored.next_notification_id,
        )
        super().__init__(stored, shop, journal, clock)
        self.door = Door(settings.keys, journal.load_uses(stored.name))
        self._uses = journal
        self._catalog = catalog

    @property
    def switches(self) -> Switches:
        """The shop's switches as they are now."""
        return self.settings.switches

    @property
    def has_fixed_windows(self) -> bool:
        """Whether the day starts at midnight UTC (10.6)."""
        return self.switches.quota_window == "calendar_day"

    def configure(self, settings: Settings) -> None:
        """Set keys, names and switches; new keys have used nothing up."""
        if settings.keys != self.settings.keys:
            self.door = Door(settings.keys)
        super().configure(settings)

    def admit(self, authorization: Authorization, request: LoggedRequest, *, caller_ip: str) -> None:
        """Let a request in and count the call, durably; raises ShopError (401) when it is not signed as it must be."""
        use = self.door.admit(authorization, caller_ip=caller_ip, now=request.time, switches=self.switches)
        with self._journal.transaction():
            self._uses.save_use(self.name, use)
            self._journal.save_calls(self.name, DAY, *self.counters[DAY].charge(request.time))

    def push_of(self, notification: Notification) -> Push | None:
        """Return the post to the URL that the seller typed into the website (section 5)."""
        if self.switches.callback_url is None:
            return None
        rendered = Renderer(self.shop).notification(notification)
        return Push(
            method="POST",
            url=self.switches.callback_url,
            body=rendered if self.switches.callback_body == "object" else [rendered],
            drop_rate=self.switches.callback_drop_rate,
        )

    def lot_shown(self, lot: Lot) -> Json:
        """Return the Store API's lot, with its status letter and who it is reserved for."""
        shown = Renderer(self.shop, plain).lot(lot)
        return shown | {"status": status_letter(lot, self.switches), "reserved_for": lot.reserved_for}

    def order_shown(self, order: Order) -> Json:
        """Return the Store API's order, with its batches."""
        render = Renderer(self.shop, plain)
        return render.order(order) | {"batches": render.batches(order)}

    def lot_row(self, lot: Lot) -> LotRow:
        """Return a lot for the page."""
        rgb = self._catalog.colors[lot.color_id].rgb
        return lot_row(lot, rgb=rgb, status=status_letter(lot, self.switches), currency=self.settings.currency)

    def order_row(self, order: Order) -> OrderRow:
        """Return an order for the page."""
        return order_row(order)

    @property
    def oddities(self) -> Sequence[tuple[str, str]]:
        """Whether the store is closed."""
        return [("closed", "the store")] if self.switches.store_closed else []


class Shops(shops.Shops[HostedShop, Settings]):
    """All BrickLink shops of this server."""

    marketplace = NAME
    first_lot_id = 50_001_001
    first_order_id = 9_000_001

    def __init__(self, journal: Journal, clock: Clock, catalog: Catalog) -> None:
        self._catalog = catalog
        self._uses = journal
        super().__init__(journal, clock)

    def find_owner(self, lot_id: int) -> HostedShop | None:
        """Return the shop that has this lot."""
        return next((host for host in self if lot_id in host.shop.lots), None)

    def _host(self, stored: StoredShop) -> HostedShop:
        return HostedShop(stored, self._catalog, self._uses, self._clock)

    def _key_of(self, settings: Settings) -> str:
        return settings.keys.consumer_key
