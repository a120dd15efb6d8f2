"""BrickLink in the simulation: the sandbox's own model of a shop, spoken to by the adapter's own mappings."""

from datetime import datetime, timedelta

from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.filters import OrderFilter
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.shop import Shop, Wanted
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog
from sync_bricklink.listing import create_body, facts, listing_of, update_body
from sync_bricklink.orders import order_lines_of, order_summary_of
from syncengine.listing import Item, Listing, ListingId, OrderId, OrderLine, OrderRead, Values
from syncengine.marketplace import Applied, Create, Gone, Outcome, ReadFailedError, Refused, Remove, Update, Write

CATALOG = Catalog.shipped()
CALLS_PER_DAY = 100_000


class BrickLinkModel:
    """Implements `ShopModel`."""

    def __init__(self, switches: Switches | None = None) -> None:
        self.facts = facts(CALLS_PER_DAY)
        self._shop = Shop(seller_name="demo_seller", currency="EUR", catalog=CATALOG, switches=switches)
        self._render = Renderer(self._shop)
        self._items: dict[ListingId, Item] = {}

    def fields(self, price: str, note: str) -> Values:
        return {
            "stock_room_id": "",
            "unit_price": price,
            "sale_rate": 0,
            "tiers": "0:0.0000 0:0.0000 0:0.0000",
            "bulk": 1,
            "description": "",
            "remarks": note,
            "my_cost": "0.0000",
        }

    def write(self, write: Write, now: datetime) -> Outcome:
        try:
            match write:
                case Create():
                    listing = listing_of(self._render.lot(self._shop.create_lot(create_body(write), now)))
                    self._items[listing.listing_id] = listing.item
                    return Applied(listing=listing)
                case Update():
                    lot = self._shop.update_lot(int(write.listing_id), update_body(write))
                    return Applied(listing=listing_of(self._render.lot(lot)))
                case Remove():
                    self._shop.delete_lot(int(write.listing_id))
                    return Applied()
        except ShopError as error:
            return Gone() if error.code == 404 else Refused(reason="REFUSED")

    def listings(self) -> dict[ListingId, Listing]:
        read = [listing_of(self._render.lot(lot)) for lot in self._shop.lots.values()]
        return {listing.listing_id: listing for listing in read}

    def orders(self, page: str, now: datetime) -> OrderRead:
        asked = OrderFilter.of({"filed": "true" if page == "filed" else "false"})
        shown = [order_summary_of(self._render.order_summary(order)) for order in self._shop.list_orders(asked, now)]
        return OrderRead(orders=tuple(shown), read_at=now)

    def order_lines(self, order_id: OrderId, now: datetime) -> tuple[OrderLine, ...]:
        try:
            order = self._shop.get_order(int(order_id), now)
        except ShopError:
            raise ReadFailedError(Refused(reason="NOT_FOUND")) from None
        return order_lines_of(self._render.batches(order))

    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        order = self._shop.place_order([Wanted(int(listing_id), pieces)], now, lag_seconds=lag.total_seconds())
        return OrderId(str(order.order_id))

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        wanted = [Wanted(int(listing_id), pieces)]
        self._shop.add_to_order(int(order_id), wanted, now, lag_seconds=lag.total_seconds())

    def file(self, order_id: OrderId) -> None:
        self._shop.file_order(int(order_id), filed=True)

    def lines(self) -> dict[tuple[OrderId, ListingId], int]:
        lines: dict[tuple[OrderId, ListingId], int] = {}
        for order in self._shop.orders.values():
            for line in order.lines:
                key = OrderId(str(order.order_id)), ListingId(str(line.lot.lot_id))
                lines[key] = lines.get(key, 0) + line.quantity
        return lines

    def item_of(self, listing_id: ListingId) -> Item | None:
        return self._items.get(listing_id)
