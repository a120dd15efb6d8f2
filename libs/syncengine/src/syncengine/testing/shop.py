"""A small faithful shop in memory: quantities by difference, listings that vanish at zero, orders, lost replies."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from syncengine.clock import Clock
from syncengine.listing import (
    Group,
    Item,
    Listing,
    ListingId,
    ListingRead,
    ListRead,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    Value,
)
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    Halted,
    Later,
    Limit,
    NoFurtherCalls,
    Outcome,
    ReadFailedError,
    Refused,
    Remove,
    Ticket,
    Unknown,
    Update,
    Write,
)

FACTS = Facts(
    marketplace="testshop",
    groups={"price": Group.PRICE, "note": Group.TEXT, "cost": Group.REST},
    repeated_fields=frozenset({"note"}),
    order_pages=("open", "filed"),
    limit=Limit(name="calls", calls=100_000, window=timedelta(days=1)),
)


class Fault(StrEnum):
    """What may go wrong with one call."""

    DROP_BEFORE = "drop before applying"
    DROP_AFTER = "drop after applying"
    DOWN = "down"
    WRONG_KEY = "wrong key"
    REFUSE = "refuse"


@dataclass(slots=True, kw_only=True)
class Order:
    """One order as the shop keeps it."""

    order_id: OrderId
    ordered_at: datetime
    changed_at: datetime
    lines: dict[ListingId, int] = field(default_factory=dict)
    bought: dict[ListingId, Listing] = field(default_factory=dict)
    """Each line's listing as it was when it was ordered."""
    cancelled: bool = False
    merged_into: OrderId | None = None


@dataclass(slots=True, kw_only=True)
class LoggedWrite:
    """A write that reached the shop."""

    write: Write
    applied: bool
    at: datetime


class MemoryShop(NoFurtherCalls):
    """Implements `Marketplace`; faults strike the next writes and reads, in order, None letting one pass."""

    def __init__(self, clock: Clock) -> None:
        self.facts = FACTS
        self.clock = clock
        self.listings: dict[ListingId, Listing] = {}
        self.orders: dict[OrderId, Order] = {}
        self.write_faults: deque[Fault | None] = deque()
        self.read_faults: deque[Fault | None] = deque()
        self.writes: list[LoggedWrite] = []
        self.unknown_items: set[Item] = set()
        """Of which it makes no listing."""
        self.purged: set[OrderId] = set()
        """Orders still listed, whose lines are gone."""
        self.calls = 0
        self.seller_name = "testers"
        self._next_listing_id = 1000
        self._next_order_id = 1

    # What the seller and buyers do

    def add(self, listing: Listing) -> ListingId:
        """Make a listing as the seller would on the website; its id is replaced by a fresh one."""
        self._next_listing_id += 1
        listing_id = ListingId(str(self._next_listing_id))
        self.listings[listing_id] = replace(listing, listing_id=listing_id)
        return listing_id

    def buy(self, listing_id: ListingId, pieces: int, order_id: OrderId | None = None) -> OrderId:
        """Order pieces, at most what is there; into an order already placed if one is named."""
        listing = self.listings[listing_id]
        if pieces > listing.quantity:
            raise ValueError("not so many there")
        if order_id is None:
            order_id = OrderId(str(self._next_order_id))
            self._next_order_id += 1
            now = self.clock.now()
            self.orders[order_id] = Order(order_id=order_id, ordered_at=now, changed_at=now)
        order = self.orders[order_id]
        order.changed_at = self.clock.now()
        order.lines[listing_id] = order.lines.get(listing_id, 0) + pieces
        order.bought[listing_id] = listing
        self._set_quantity(listing_id, listing.quantity - pieces)
        return order_id

    def cancel(self, order_id: OrderId, *, restock: bool) -> None:
        """Cancel an order; `restock` is the box that a website offers for its pieces."""
        order = self.orders[order_id]
        order.cancelled, order.changed_at = True, self.clock.now()
        if restock:
            self.restock(order_id)

    def restock(self, order_id: OrderId) -> None:
        """Put all of an order's pieces back, as a seller may also do later."""
        order = self.orders[order_id]
        for listing_id, pieces in order.lines.items():
            self._put_back(order, listing_id, pieces)

    def reduce(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        """Take pieces out of an order."""
        order = self.orders[order_id]
        order.lines[listing_id] -= pieces
        order.changed_at = self.clock.now()
        if restock:
            self._put_back(order, listing_id, pieces)

    def merge(self, order_id: OrderId, into: OrderId) -> None:
        """Put an order's lines into another order, which shows them with its own; it still shows them itself."""
        order, root = self.orders[order_id], self.orders[into]
        order.merged_into = into
        order.changed_at = root.changed_at = self.clock.now()
        for listing_id, pieces in order.lines.items():
            root.lines[listing_id] = root.lines.get(listing_id, 0) + pieces
        root.bought |= order.bought

    def edit(self, listing_id: ListingId, **changes: Value) -> None:
        """Change fields of a listing as the seller would on the website."""
        listing = self.listings[listing_id]
        self.listings[listing_id] = replace(listing, fields={**listing.fields, **changes})

    def _put_back(self, order: Order, listing_id: ListingId, pieces: int) -> None:
        """A listing that vanished is made again, under a new id (marketplaces/bricklink.md#4.6)."""
        if listing_id in self.listings:
            self._set_quantity(listing_id, self.listings[listing_id].quantity + pieces)
        else:
            self.add(replace(order.bought[listing_id], quantity=pieces))

    def _set_quantity(self, listing_id: ListingId, quantity: int) -> None:
        if quantity <= 0 and not self.listings[listing_id].retain:
            del self.listings[listing_id]
        else:
            self.listings[listing_id] = replace(self.listings[listing_id], quantity=max(0, quantity))

    # Marketplace

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        return self._write(lambda: self._apply(write))

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        outcome = self._write(lambda: self._create_all(creates))
        if isinstance(outcome, Refused):
            outcome = Unknown(reason="CALL_REFUSED", answered=True)
        return [outcome] * len(creates)

    def _write(self, do: Callable[[], Outcome]) -> Outcome:
        self.calls += 1
        match self.write_faults.popleft() if self.write_faults else None:
            case Fault.DROP_BEFORE:
                return Unknown(reason="NO_REPLY")
            case Fault.DROP_AFTER:
                do()
                return Unknown(reason="NO_REPLY")
            case Fault.DOWN:
                return Later(reason="SHOP_DOWN")
            case Fault.WRONG_KEY:
                return Halted(reason="WRONG_KEY")
            case Fault.REFUSE:
                return Refused(reason="REFUSED")
        return do()

    def _create_all(self, creates: Sequence[Create]) -> Outcome:
        """Make them up to the first that is refused, and say nothing of them."""
        for create in creates:
            if isinstance(outcome := self._apply(create), Refused):
                return outcome
        return Applied()

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        self._answer()
        return ListingRead(listing=self.listings.get(listing_id), read_at=self.clock.now())

    async def read_all(self, ticket: Ticket) -> ListRead:
        self._answer()
        return ListRead(listings=tuple(self.listings.values()), read_at=self.clock.now())

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        self._answer()
        orders = tuple(self._summary(order) for order in self.orders.values()) if page == "open" else ()
        return OrderRead(orders=orders, read_at=self.clock.now())

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        self._answer()
        if order_id in self.purged:
            raise ReadFailedError(Refused(reason="NOT_FOUND"))
        order = self.orders[order_id]
        return tuple(
            OrderLine(listing_id=listing_id, item=order.bought[listing_id].item, quantity=pieces)
            for listing_id, pieces in order.lines.items()
        )

    def _answer(self) -> None:
        self.calls += 1
        match self.read_faults.popleft() if self.read_faults else None:
            case None | Fault.REFUSE:
                return
            case Fault.WRONG_KEY:
                raise ReadFailedError(Halted(reason="WRONG_KEY"))
            case _:
                raise ReadFailedError(Later(reason="SHOP_DOWN"))

    def _apply(self, write: Write) -> Outcome:
        outcome = self._applied(write)
        self.writes.append(LoggedWrite(write=write, applied=isinstance(outcome, Applied), at=self.clock.now()))
        return outcome

    def _applied(self, write: Write) -> Outcome:
        match write:
            case Create() if write.item in self.unknown_items:
                return Refused(reason="NO_SUCH_ITEM")
            case Create():
                listing_id = self.add(
                    Listing(
                        listing_id=ListingId(""),
                        item=write.item,
                        quantity=write.quantity,
                        for_sale=write.for_sale,
                        retain=write.retain,
                        fields=dict(write.fields),
                        external_id=write.external_id,
                    )
                )
                return Applied(listing=self.listings[listing_id])
            case Remove():
                return Applied() if self.listings.pop(write.listing_id, None) is not None else Gone()
            case Update():
                return self._updated(write)

    def _updated(self, write: Update) -> Outcome:
        listing = self.listings.get(write.listing_id)
        if listing is None:
            return Gone()
        if listing.quantity + write.delta < 0:
            return Refused(reason="BELOW_ZERO")
        listing = replace(
            listing,
            fields={**listing.fields, **write.fields},
            for_sale=listing.for_sale if write.for_sale is None else write.for_sale,
            retain=listing.retain if write.retain is None else write.retain,
        )
        self.listings[write.listing_id] = listing
        if write.delta:
            self._set_quantity(write.listing_id, listing.quantity + write.delta)
        return Applied(listing=self.listings.get(write.listing_id, replace(listing, quantity=0)))

    def _summary(self, order: Order) -> OrderSummary:
        return OrderSummary(
            order_id=order.order_id,
            ordered_at=order.ordered_at,
            changed_at=order.changed_at,
            fingerprint=f"{order.changed_at.isoformat()}/{sum(order.lines.values())}/{order.cancelled}",
            cut=order.cancelled,
            shop_name=self.seller_name,
            currency_code="EUR",
            pieces=sum(order.lines.values()),
            merged_into=order.merged_into,
        )
