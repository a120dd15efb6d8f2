"""A Brick Owl shop's behaviour, as `marketplaces/brickowl.md` describes it, without HTTP.

Pure: no I/O, no clock (`now` is an argument), no randomness; the same calls give the same answers, so a simulation can
run it. Answers are frozen values (`entities.py`); what Brick Owl would refuse raises `ShopError`. Two kinds of callers:
the API, whose parameters are texts, and buyers and the seller on the website; whoever keeps the shop finds what changed
in its `Books`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.entities import CANCELLED, Lot, Order, OrderLine
from sandbox.brickowl.errors import ShopError, invalid, missing, not_found
from sandbox.brickowl.fields import Params, number_of
from sandbox.brickowl.filters import OrderFilter, known_status
from sandbox.brickowl.stock import Stock
from sandbox.brickowl.switches import Switches
from sandbox.model.errors import refuse
from sandbox.model.orders import Wanted

NO_STORE = "Store not found, you may need to set list_type=customer"

_SETTABLE = range(1, CANCELLED)
_LINES_PER_ORDER = 1000
_PAYMENT_SUBMITTED = 1


class Shop(Stock):
    """One shop: its lots, its orders, and the rules they follow."""

    def __init__(
        self,
        *,
        seller_name: str,
        currency: str,
        catalog: Catalog,
        switches: Switches | None = None,
        store_id: int = 5001,
        next_lot_id: int = 70_000_001,
        next_order_id: int = 8_000_001,
        next_notification_id: int = 1,
    ) -> None:
        super().__init__(
            seller_name=seller_name,
            currency=currency,
            next_lot_id=next_lot_id,
            next_order_id=next_order_id,
            next_notification_id=next_notification_id,
        )
        self.catalog = catalog
        self.switches = switches or Switches()
        self.store_id = store_id

    # ---- What the API can do ----

    def list_orders(self, asked: OrderFilter, now: datetime) -> list[Order]:
        """Return the orders that are asked for and listed by now (section 4)."""
        if asked.list_type == "customer":
            return []  # this seller bought nothing
        if not self.switches.has_store:
            raise ShopError(400, NO_STORE)
        shown = (order.shown(now) for order in self.orders.values())
        return asked.of_shown([order for order in shown if order and self._is_there(order)], self.switches)

    def get_order(self, order_id: int, now: datetime) -> Order:
        """Return one order as it shows now; raises ShopError."""
        kept = self.orders.get(order_id)
        order = kept and kept.shown(now)
        if not order or not self._is_there(order):
            raise not_found(self.switches.unknown_id_code, "Order")
        return order

    def update_order_status(self, params: Params, now: datetime) -> Order:
        """Set `status_id` 1 to 7; what going back does is a switch."""
        order = self.get_order(number_of(params, "order_id"), now)
        status_id = number_of(params, "status_id")
        if status_id not in _SETTABLE:
            raise invalid("status_id")
        if order.status_id == CANCELLED or status_id <= order.status_id:
            if self.switches.status_backwards == "refuse":
                raise invalid("status_id", f"the order is {order.status}")
            return order
        return self._follow(order.order_id, now, status_id=status_id, updated=now)

    def update_order(self, params: Params, now: datetime, **changes: Any) -> Order:
        """Set a note, a tracking number or that there is feedback."""
        order = self.get_order(number_of(params, "order_id"), now)
        return self._follow(order.order_id, now, updated=now, **changes)

    # ---- What buyers, and the seller on the website, can do ----

    def place_order(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        *,
        buyer_name: str = "demo_buyer",
        status: str | None = None,
        lag_seconds: float | None = None,
    ) -> Order:
        """Place an order, its payment submitted unless told otherwise; the shop's address is told at once."""
        status_id = known_status(status) if status else _PAYMENT_SUBMITTED
        taken = self._take(wanted)
        if not taken:
            raise missing("lines")
        order_id = self._new_order_id()
        order = Order(
            order_id=order_id,
            ordered=now,
            updated=now,
            buyer_name=buyer_name,
            status_id=status_id,
            lines=tuple(
                OrderLine(
                    order_item_id=order_id * _LINES_PER_ORDER + place,
                    lot=lot,
                    quantity=quantity,
                    price=lot.price_for(quantity),
                )
                for place, (lot, quantity) in enumerate(taken)
            ),
            listed_from=self._listed_from(now, lag_seconds),
        )
        self._notify(order_id, now)
        return self._keep_order(order)

    def merge_orders(self, order_id: int, into: int, now: datetime, *, lag_seconds: float | None = None) -> Order:
        """Put an order's lines into another order of the same buyer, which is returned; no piece moves."""
        order, other = self.find_order(order_id), self.find_order(into)
        if order_id == into or order.combine_with is not None or CANCELLED in {order.status_id, other.status_id}:
            raise invalid("into", "these orders cannot be combined")
        kept = () if self.switches.merged_order == "emptied" else order.lines
        self._follow(order_id, now, lag_seconds, lines=kept, combine_with=into, updated=now)
        lines = self._joined(other.lines, order.lines)
        return self._follow(into, now, lag_seconds, lines=lines, updated=now)

    def refund(self, order_id: int, lot_id: int, pieces: int, now: datetime, *, restock: bool) -> Order:
        """Refund pieces of a lot in an order; `restock` says whether they come back."""
        order = self.find_order(order_id)
        left, lines = pieces, []
        for line in order.lines:
            refunded = min(left, line.quantity - line.refunded) if line.lot.lot_id == lot_id else 0
            left -= refunded
            lines.append(replace(line, refunded=line.refunded + refunded))
        if pieces < 1 or left:
            raise invalid("quantity", "not a number of pieces that the order has of this lot")
        if restock:
            self._restock(next(line.lot for line in order.lines if line.lot.lot_id == lot_id), pieces)
        return self._follow(order_id, now, lines=tuple(lines), updated=now)

    def cancel_order(self, order_id: int, now: datetime, *, restock: bool | None = None) -> Order:
        """Cancel an order; whether pieces that were not refunded come back is told, or a switch."""
        order = self.find_order(order_id)
        if order.status_id == CANCELLED:
            raise invalid("status_id", "the order is Cancelled")
        if self.switches.restock_on_cancel if restock is None else restock:
            for line in order.lines:
                self._restock(line.lot, line.quantity - line.refunded)
        return self._follow(order_id, now, status_id=CANCELLED, updated=now)

    def set_order_status(self, order_id: int, status: str, now: datetime) -> Order:
        """Set any status, by its name or number."""
        return self._follow(order_id, now, status_id=known_status(status), updated=now)

    def find_order(self, order_id: int) -> Order:
        """Return the newest version of an order, listed or not; raises ShopError."""
        return self.orders.get(order_id) or refuse(not_found(404, "Order"))

    # ---- Rules shared by the above ----

    def _is_there(self, order: Order) -> bool:
        return order.combine_with is None or self.switches.merged_order != "unlisted"

    def _joined(self, lines: Sequence[OrderLine], more: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
        joined = list(lines)
        for line in more:
            places = [place for place, other in enumerate(joined) if other.lot.lot_id == line.lot.lot_id]
            if self.switches.merged_lines == "apart" or not places:
                joined.append(line)
            else:
                there = joined[places[0]]
                quantity, refunded = there.quantity + line.quantity, there.refunded + line.refunded
                joined[places[0]] = replace(there, quantity=quantity, refunded=refunded)
        return tuple(joined)

    def _check_sale(self, lot: Lot, pieces: int, available: int) -> None:
        if not lot.for_sale or lot.reserve_uid is not None:
            raise invalid("lot_id", f"{lot.lot_id} is not for sale")
        if pieces < 1 or pieces % lot.bulk_qty:
            raise invalid("quantity", f"of {lot.lot_id} must be a multiple of {lot.bulk_qty}")
        if pieces > available:
            raise invalid("quantity", f"of {lot.lot_id} is only {available}")

    def _sell(self, lot: Lot, left: int) -> None:
        if left or self.switches.sold_out == "keep":
            self._keep(replace(lot, quantity=left))
        else:
            self._remove(lot)

    def _restock(self, as_ordered: Lot, returned: int) -> None:
        """Give pieces back to their lot; one that is gone is made again, under a new id."""
        lot = self.lots.get(as_ordered.lot_id)
        if lot is not None:
            self._keep(replace(lot, quantity=lot.quantity + returned))
        elif returned:
            self._put_up(replace(as_ordered, quantity=returned))
