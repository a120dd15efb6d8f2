"""BrickLink in the simulation: the sandbox's own model of a shop, spoken to by the adapter's own mappings.

Decoding is most of the work, so what was decoded is kept until the shop says that it changed.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.bricklink.entities import Order
from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.filters import OrderFilter
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog
from sandbox.model.orders import Wanted
from sync_bricklink.listing import create_body, facts, listing_of, update_body
from sync_bricklink.orders import order_lines_of, order_summary_of
from syncengine.listing import Item, Listing, ListingId, OrderId, OrderLine, OrderRead, OrderSummary, Value, Values
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    Limit,
    Outcome,
    ReadFailedError,
    Refused,
    Remove,
    Unknown,
    Update,
    Write,
)
from syncengine.testing.simulation.model import PlainShop

CATALOG = Catalog.shipped()
_OPEN, _FILED = OrderFilter(filed=False), OrderFilter(filed=True)


class BrickLinkModel(PlainShop):
    """Implements `ShopModel`."""

    def __init__(self, seller_name: str, limit: Limit, switches: Switches) -> None:
        self.facts: Facts = replace(facts(limit.calls), limit=limit)
        self._shop = Shop(seller_name=seller_name, currency="EUR", catalog=CATALOG, switches=switches)
        self._render = Renderer(self._shop)
        self._listings: dict[ListingId, Listing] = {}
        self._summaries: dict[int, tuple[Order, OrderSummary]] = {}

    # A lot's item and fields

    def item(self, color_id: int) -> Item:
        return Item(item_type="PART", number="3001", color_id=color_id, condition="NEW", completeness="")

    def fields(self, price: str, note: str, *, hidden: bool) -> Values:
        return {
            **self.stockroom(hidden=hidden),
            "unit_price": price,
            "sale_rate": 0,
            "tiers": "0:0.0000 0:0.0000 0:0.0000",
            "bulk": 1,
            "description": "",
            "remarks": note,
            "my_cost": "0.0000",
        }

    def stockroom(self, *, hidden: bool) -> Values:
        return {"stock_room_id": "A" if hidden else ""}

    def price(self, price: str) -> dict[str, Value]:
        return {"unit_price": price}

    def refused_price(self) -> Values:
        return {"tiers": "10:9.0000 0:0.0000 0:0.0000"}  # dearer by the ten

    def as_shown(self, fields: Values) -> Values:
        switches, remarks = self._shop.switches, str(fields["remarks"])
        if switches.markup == "strip":
            remarks = re.sub("<[^>]*>", "", remarks)
        if switches.long_text == "cut" and switches.text_limit is not None:
            remarks = remarks[: switches.text_limit]
        return {**fields, "remarks": remarks}

    # What the API does

    def write(self, write: Write, now: datetime) -> Outcome:
        try:
            match write:
                case Create():
                    return Applied(listing=listing_of(self._render.lot(self._shop.create_lot(create_body(write), now))))
                case Update():
                    lot = self._shop.update_lot(int(write.listing_id), update_body(write))
                    return Applied(listing=listing_of(self._render.lot(lot)))
                case Remove():
                    self._shop.delete_lot(int(write.listing_id))
                    return Applied()
        except ShopError as error:
            return Gone() if error.code == 404 else Refused(reason="REFUSED")

    def write_all(self, writes: Sequence[Write], now: datetime) -> tuple[Sequence[Outcome], Sequence[ListingId | None]]:
        creates = [write for write in writes if isinstance(write, Create)]
        before = self.listings().keys()
        try:
            self._shop.create_lots([create_body(create) for create in creates], now)
            answer: Outcome = Applied()
        except ShopError:
            answer = Unknown(reason="CALL_REFUSED", answered=True)
        made = {listing.item: listing_id for listing_id, listing in self.listings().items() if listing_id not in before}
        return [answer] * len(creates), [made.get(create.item) for create in creates]

    def listings(self) -> dict[ListingId, Listing]:
        for lot_id, change in self._shop.take_changes().lots.items():
            if change.after is None:
                self._listings.pop(ListingId(str(lot_id)), None)
            else:
                self._listings[ListingId(str(lot_id))] = listing_of(self._render.lot(change.after))
        return dict(self._listings)

    def orders(self, page: str, now: datetime) -> OrderRead:
        listed = self._shop.list_orders(_FILED if page == "filed" else _OPEN, now)
        return OrderRead(orders=tuple(self._summary(order) for order in listed), read_at=now)

    def _summary(self, order: Order) -> OrderSummary:
        kept = self._summaries.get(order.order_id)
        if kept is None or kept[0] is not order:
            kept = self._summaries[order.order_id] = order, order_summary_of(self._render.order_summary(order))
        return kept[1]

    def order_lines(self, order_id: OrderId, now: datetime) -> tuple[OrderLine, ...]:
        try:
            order = self._shop.get_order(int(order_id), now)
        except ShopError:
            raise ReadFailedError(Refused(reason="NOT_FOUND")) from None
        return order_lines_of(self._render.batches(order))

    # What happens in the shop without us

    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        order = self._shop.place_order([Wanted(int(listing_id), pieces)], now, lag_seconds=lag.total_seconds())
        return OrderId(str(order.order_id))

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        wanted = [Wanted(int(listing_id), pieces)]
        self._shop.add_to_order(int(order_id), wanted, now, lag_seconds=lag.total_seconds())

    def file(self, order_id: OrderId, now: datetime) -> None:
        self._shop.file_order(int(order_id), filed=True)

    def cancel(self, order_id: OrderId, now: datetime, *, restock: bool) -> None:
        self._shop.cancel_order(int(order_id), now, restock=restock)

    def reduce(self, order_id: OrderId, listing_id: ListingId, by: int, now: datetime, *, restock: bool) -> None:
        self._shop.reduce_line(int(order_id), int(listing_id), by, now, restock=restock)

    def put_up(self, item: Item, quantity: int, fields: Values, now: datetime) -> ListingId:
        body = create_body(Create(item=item, quantity=quantity, for_sale=True, retain=False, fields=fields))
        return ListingId(str(self._shop.put_up_lot(body, now).lot_id))

    def edit(self, listing_id: ListingId, quantity: int | None, fields: dict[str, Value]) -> None:
        self._shop.edit_lot(int(listing_id), {"quantity": quantity, **fields})

    def delete(self, listing_id: ListingId) -> None:
        self._shop.delete_lot(int(listing_id))
