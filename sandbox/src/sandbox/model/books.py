"""A shop's books, whatever the marketplace: its lots, its orders, the ids that it gives out, and what changed in them.

Pure, like the models built on it: no I/O, no clock (`now` is an argument), no randomness.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, Self, TypeVar

from sandbox.model.orders import Notification, VersionedOrder, Wanted
from sandbox.model.switches import AnySwitches

_UNREAD_KEPT = 500  # a shop nobody asks for notifications should not grow for ever


class BookedLot(Protocol):
    """A lot, as far as it is the same at every marketplace."""

    @property
    def lot_id(self) -> int:
        """The marketplace's number."""

    @property
    def quantity(self) -> int:
        """Pieces."""


LotT = TypeVar("LotT", bound=BookedLot)
OrderT = TypeVar("OrderT", bound=VersionedOrder)


@dataclass(frozen=True, slots=True)
class LotChange(Generic[LotT]):
    """What happened to one lot: `before` is None for a new one, `after` for one that is gone."""

    before: LotT | None
    after: LotT | None


@dataclass(slots=True)
class Changes(Generic[LotT, OrderT]):
    """Everything that changed since it was last asked; a write that left a lot as it was is here too."""

    lots: dict[int, LotChange[LotT]] = field(default_factory=dict)
    orders: dict[int, OrderT] = field(default_factory=dict)
    notifications: dict[int, Notification | None] = field(default_factory=dict)  # None: read, or forgotten


class Books(ABC, Generic[LotT, OrderT]):
    """The books of one shop, and what buyers and the seller on the website can do at any marketplace."""

    switches: AnySwitches

    def __init__(
        self, *, seller_name: str, currency: str, next_lot_id: int, next_order_id: int, next_notification_id: int
    ) -> None:
        self.seller_name = seller_name
        self.currency = currency
        self.lots: dict[int, LotT] = {}
        self.orders: dict[int, OrderT] = {}
        self.notifications: dict[int, Notification] = {}
        self.next_lot_id = next_lot_id
        self.next_order_id = next_order_id
        self.next_notification_id = next_notification_id
        self._changes: Changes[LotT, OrderT] = Changes()

    # ---- What each marketplace has its own rules for ----

    @abstractmethod
    def get_lot(self, lot_id: int) -> LotT:
        """Return one lot; raises Refusal when it is not there."""

    @abstractmethod
    def put_up_lot(self, body: object, now: datetime) -> LotT:
        """Create a lot as the seller would on the website; raises Refusal."""

    @abstractmethod
    def edit_lot(self, lot_id: int, body: object) -> LotT:
        """Change a lot as the seller would on the website, its quantity absolute; raises Refusal."""

    @abstractmethod
    def delete_lot(self, lot_id: int) -> None:
        """Remove a lot for good; raises Refusal when it is not there."""

    @abstractmethod
    def place_order(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        *,
        buyer_name: str = "demo_buyer",
        status: str | None = None,
        lag_seconds: float | None = None,
    ) -> OrderT:
        """Place an order: all lines' pieces leave the stock at once, or Refusal is raised and none does.

        The API shows it `lag_seconds` later (by default as the switch says).
        """

    @abstractmethod
    def cancel_order(self, order_id: int, now: datetime, *, restock: bool | None = None) -> OrderT:
        """Cancel an order; `restock` says whether its pieces come back, None: as the marketplace does unasked."""

    @abstractmethod
    def set_order_status(self, order_id: int, status: str, now: datetime) -> OrderT:
        """Set any status, as a buyer's payment, the website or time would."""

    @abstractmethod
    def find_order(self, order_id: int) -> OrderT:
        """Return the newest version of an order, listed or not; raises Refusal when there is none."""

    @abstractmethod
    def _check_sale(self, lot: LotT, pieces: int, available: int) -> None:
        """Raise Refusal if a buyer cannot have so many pieces of a lot that has `available`."""

    @abstractmethod
    def _sell(self, lot: LotT, left: int) -> None:
        """Keep a lot after a sale that left it so many pieces."""

    # ---- For whoever keeps the shop ----

    def take_changes(self) -> Changes[LotT, OrderT]:
        """Return what changed since the last time this was asked."""
        changes, self._changes = self._changes, Changes()
        return changes

    def copy(self) -> Self:
        """Return the shop as it is now, for answers out of the past."""
        twin = copy(self)
        twin.lots, twin.orders = dict(self.lots), dict(self.orders)
        twin.notifications = dict(self.notifications)
        twin._changes = Changes()
        return twin

    # ---- Keeping ----

    def _new_lot_id(self) -> int:
        """Return the next id, which no other lot ever had."""
        lot_id, self.next_lot_id = self.next_lot_id, self.next_lot_id + 1
        return lot_id

    def _new_order_id(self) -> int:
        order_id, self.next_order_id = self.next_order_id, self.next_order_id + 1
        return order_id

    def _keep(self, lot: LotT) -> LotT:
        """Keep the lot as it is now."""
        self._note(lot.lot_id, lot)
        self.lots[lot.lot_id] = lot
        return lot

    def _remove(self, lot: LotT) -> None:
        self._note(lot.lot_id, None)
        del self.lots[lot.lot_id]

    def _note(self, lot_id: int, after: LotT | None) -> None:
        known = self._changes.lots.get(lot_id)
        before = known.before if known is not None else self.lots.get(lot_id)
        self._changes.lots[lot_id] = LotChange(before, after)

    def _take(self, wanted: Iterable[Wanted]) -> list[tuple[LotT, int]]:
        """Take pieces out of the stock, all or none; returns each line's lot as it was before, and its pieces."""
        taken: list[tuple[LotT, int]] = []
        left: dict[int, int] = {}
        for line in wanted:
            lot = self.get_lot(line.lot_id)
            available = left.get(lot.lot_id, lot.quantity)
            self._check_sale(lot, line.quantity, available)
            left[lot.lot_id] = available - line.quantity
            taken.append((lot, line.quantity))
        for lot_id, quantity in left.items():
            self._sell(self.lots[lot_id], quantity)
        return taken

    def _follow(self, order_id: int, now: datetime, lag_seconds: float | None = None, **changes: Any) -> OrderT:
        """Keep a changed order, which the API shows once the lag has passed."""
        order = self.find_order(order_id)
        return self._keep_order(order.followed_by(replace(order, **changes), now, self._listed_from(now, lag_seconds)))

    def _keep_order(self, order: OrderT) -> OrderT:
        self.orders[order.order_id] = order
        self._changes.orders[order.order_id] = order
        return order

    def _listed_from(self, now: datetime, lag_seconds: float | None) -> datetime:
        return now + timedelta(seconds=self.switches.order_lag_seconds if lag_seconds is None else lag_seconds)

    def _notify(self, order_id: int, now: datetime) -> None:
        notification = Notification(event_type="Order", resource_id=order_id, timestamp=now)
        self.notifications[self.next_notification_id] = notification
        self._changes.notifications[self.next_notification_id] = notification
        self.next_notification_id += 1
        if len(self.notifications) > _UNREAD_KEPT:
            self._forget_notification(next(iter(self.notifications)))

    def _forget_notification(self, number: int) -> None:
        del self.notifications[number]
        self._changes.notifications[number] = None
