"""What the simulation asks of a marketplace's model: one shop's behaviour, without wire, faults or quota."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from syncengine.listing import (
    CatalogEntry,
    Item,
    Listing,
    ListingId,
    Lot,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    Value,
    Values,
)
from syncengine.marketplace import Facts, Outcome, Shop, Write


class ShopModel(Protocol):
    """One shop. Nothing here takes time."""

    facts: Facts
    batch_limit: int | None
    """How many calls of several things it allows in the window of `facts.limit`; None: as many as any calls."""
    date_step: timedelta
    """How finely it dates orders."""
    merges_orders: bool
    """A buyer's orders may become one (rule S2); else a buyer adds to an order."""

    # a lot's item and fields
    def item(self, color_id: int) -> Item:
        """What lots are of: the same in some colour of inventory's, in the shop's own terms."""
        ...

    def told(self, lot: Lot) -> Lot:
        """A lot whose item is in the shop's terms, as inventory tells of it before it was looked up in a catalogue."""
        ...

    def fields(self, price: str, note: str, *, hidden: bool) -> Values:
        """All fields in the normal form, plain but for these."""
        ...

    def stockroom(self, *, hidden: bool) -> Values:
        """Those fields that say whether a lot is hidden."""
        ...

    def price(self, price: str) -> dict[str, Value]:
        """Those fields that say what it costs."""
        ...

    def refused_price(self) -> Values:
        """Fields of the price group that the shop refuses."""
        ...

    def as_shown(self, fields: Values) -> Values:
        """What the shop shows once it holds these: rounded, cut, sanitised."""
        ...

    # what the API does
    def write(self, write: Write, now: datetime) -> Outcome:
        """Do it, at once."""
        ...

    def write_all(self, writes: Sequence[Write], now: datetime) -> tuple[Sequence[Outcome], Sequence[ListingId | None]]:
        """Do several in one call: what the adapter makes of its answer, and which listings were made or changed."""
        ...

    def counts(self, things: int) -> int:
        """As how many calls the shop counts one that asks for so many things."""
        ...

    def listings(self) -> dict[ListingId, Listing]:
        """All that is listed, decoded; the caller's own copy."""
        ...

    def orders(self, page: str, now: datetime) -> OrderRead:
        """What one page of orders shows now."""
        ...

    def order_lines(self, order_id: OrderId, now: datetime) -> tuple[OrderLine, ...]:
        """What an order's lines show now."""
        ...

    # where the facts say that there is such a call
    def identify(self, now: datetime) -> Shop:
        """Say whose shop it is."""
        ...

    def view_orders(self, orders: Sequence[OrderSummary], now: datetime) -> Sequence[OrderSummary]:
        """Complete what a list said of orders."""
        ...

    def look_up(
        self, entries: Sequence[CatalogEntry], now: datetime, *, alone: bool
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Find entries of inventory's catalogue in the shop's own."""
        ...

    # what happens in the shop without us
    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        """A buyer orders; the order shows after the lag."""
        ...

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        """A buyer adds a batch to an order."""
        ...

    def merge(self, order_id: OrderId, into: OrderId, now: datetime, *, lag: timedelta) -> None:
        """An order's lines go into another order; no piece moves. That shows after the lag."""
        ...

    def file(self, order_id: OrderId, now: datetime) -> None:
        """The seller files an order away, or sends what is in it: its pieces stay sold."""
        ...

    def cancel(self, order_id: OrderId, now: datetime, *, restock: bool) -> None:
        """The seller cancels an order; the box says whether its pieces come back."""
        ...

    def reduce(self, order_id: OrderId, listing_id: ListingId, by: int, now: datetime, *, restock: bool) -> None:
        """The seller takes pieces out of an order."""
        ...

    def put_up(self, item: Item, quantity: int, fields: Values, now: datetime) -> ListingId:
        """The seller makes a listing on the website."""
        ...

    def edit(self, listing_id: ListingId, quantity: int | None, fields: dict[str, Value]) -> None:
        """The seller changes a listing on the website; the quantity is absolute."""
        ...

    def delete(self, listing_id: ListingId) -> None:
        """The seller removes a listing on the website."""
        ...


class PlainShop:
    """What only some marketplaces have, for one that lacks it."""

    batch_limit: int | None = None
    date_step = timedelta(0)
    merges_orders = False

    def told(self, lot: Lot) -> Lot:
        """Its items are inventory's."""
        return lot

    def counts(self, things: int) -> int:
        """A call is a call."""
        return 1

    def identify(self, now: datetime) -> Shop:
        """Never called. Raises TypeError."""
        raise TypeError("this shop does not say whose it is")

    def view_orders(self, orders: Sequence[OrderSummary], now: datetime) -> Sequence[OrderSummary]:
        """Never called. Raises TypeError."""
        raise TypeError("the lists of this shop say all of an order")

    def look_up(
        self, entries: Sequence[CatalogEntry], now: datetime, *, alone: bool
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Never called. Raises TypeError."""
        raise TypeError("this shop has no catalogue of its own")

    def merge(self, order_id: OrderId, into: OrderId, now: datetime, *, lag: timedelta) -> None:
        """Never called. Raises TypeError."""
        raise TypeError("this shop merges no orders")
