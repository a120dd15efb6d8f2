"""What the simulation asks of a marketplace's model: one shop's behaviour, without wire, faults or quota."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from syncengine.listing import Item, Listing, ListingId, OrderId, OrderLine, OrderRead, Value, Values
from syncengine.marketplace import Create, Facts, Outcome, Write


class ShopModel(Protocol):
    """One shop. Nothing here takes time."""

    facts: Facts

    # a lot's fields
    def fields(self, price: str, note: str, *, hidden: bool) -> Values:
        """All fields in the normal form, plain but for these."""
        ...

    def stockroom(self, *, hidden: bool) -> Values:
        """Those fields that say whether a lot is hidden."""
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

    def create_all(self, creates: Sequence[Create], now: datetime) -> tuple[Outcome, Sequence[ListingId | None]]:
        """Make several listings in one call: what the adapter makes of its answer, and which were made."""
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

    # what happens in the shop without us
    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        """A buyer orders; the order shows after the lag."""
        ...

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        """A buyer adds a batch to an order."""
        ...

    def file(self, order_id: OrderId) -> None:
        """The seller files an order away."""
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
