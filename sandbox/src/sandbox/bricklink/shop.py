"""A BrickLink shop's behaviour, as `marketplaces/bricklink.md` describes it, without HTTP.

Pure: no I/O, no clock (`now` is an argument), no randomness; the same calls give the same answers, so a simulation can
run it. Answers are frozen values (`entities.py`); what BrickLink would refuse raises `ShopError` with its code,
message and description. Two kinds of callers: the Store API (first part), buyers and the seller on the website (second
part); whoever keeps the shop finds what changed in its `Books`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sandbox.bricklink.bodies import LotFields, an_object, difference, pieces, read_lot
from sandbox.bricklink.entities import NO_TIERS, Lot, Order, OrderLine, Tier
from sandbox.bricklink.errors import ShopError, invalid, missing, not_found, unparseable
from sandbox.bricklink.filters import LotFilter, OrderFilter
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog
from sandbox.model.books import Books
from sandbox.model.errors import refuse
from sandbox.model.orders import Notification, Wanted

T = TypeVar("T")

ORDER_STATUSES = (
    *("PENDING", "UPDATED", "PROCESSING", "READY", "PAID", "PAID-PENDING", "PACKED", "SHIPPED", "RECEIVED"),
    *("COMPLETED", "OCR", "NPB", "NPX", "NRS", "NSS", "CANCELLED", "PURGED"),
)
CLOSED_STATUSES = frozenset({"CANCELLED", "PURGED", "NPX", "NRS", "NSS"})
"""An order in one of these cannot be changed by the seller, nor can a buyer add to it."""

_SET_WITH_VARIANT = re.compile(r".+-\d+")


class Shop(Books[Lot, Order]):
    """One shop: its lots, its orders, its unread notifications, and the rules they follow."""

    def __init__(
        self,
        *,
        seller_name: str,
        currency: str,
        catalog: Catalog,
        switches: Switches | None = None,
        next_lot_id: int = 50_001_001,
        next_order_id: int = 9_000_001,
        next_notification_id: int = 1,
    ) -> None:
        super().__init__(
            seller_name=seller_name,
            currency=currency,
            next_lot_id=next_lot_id,
            next_order_id=next_order_id,
            next_notification_id=next_notification_id,
        )
        self.switches: Switches = switches or Switches()
        self._catalog = catalog

    # ---- What the Store API can do ----

    def list_lots(self, asked: LotFilter) -> list[Lot]:
        """Return the lots that pass the filter, by id; a closed store lists none (3.2)."""
        if self.switches.store_closed:
            return []
        return [lot for lot in self.lots.values() if asked.admits(lot, self.switches)]

    def get_lot(self, lot_id: int) -> Lot:
        """Return one lot; raises ShopError (404) when it is sold out without retain, deleted, or never was."""
        return self.lots.get(lot_id) or refuse(not_found(f"No such inventory: {lot_id}"))

    def create_lot(self, body: object, now: datetime) -> Lot:
        """Create a lot, live at once and never merged with an equal one (3.4)."""
        return self._put_up(self._new_lot(body, now))

    def create_lots(self, bodies: Sequence[object], now: datetime) -> list[Lot]:
        """Create lots from an array; what a bad element does to the others is a switch (3.4)."""
        limit, on_failure = self.switches.array_limit, self.switches.array_failure
        if limit is not None and len(bodies) > limit:
            raise invalid("body", f"has more than {limit} elements")
        if on_failure == "refuse_all":
            return [self._put_up(lot) for lot in [self._new_lot(body, now) for body in bodies]]
        created = []
        for body in bodies:
            try:
                created.append(self.create_lot(body, now))
            except ShopError:
                if on_failure == "stop_at_first":
                    raise
        return created

    def update_lot(self, lot_id: int, body: object) -> Lot:
        """Change what may be changed; `quantity` is a difference (3.5). Answers the lot, also one that went at zero."""
        lot = self.get_lot(lot_id)
        fields = read_lot(body, quantity=difference(self.switches), switches=self.switches)
        self._require_description(fields)
        changed = self._with(lot, fields)
        quantity = lot.quantity + (fields.quantity or 0)
        if quantity < 0:
            if self.switches.below_zero == "refuse":
                raise invalid("quantity", "would go below zero")
            quantity = 0
        if quantity == 0 and fields.quantity and self.switches.reaching_zero == "refuse":
            raise invalid("quantity", "would reach zero")
        keep_empty = changed.is_retain or not fields.quantity or self.switches.reaching_zero == "keep"
        return self._store_lot(replace(changed, quantity=quantity), keep_empty=keep_empty)

    def delete_lot(self, lot_id: int) -> None:
        """Remove a lot for good; a second time raises ShopError (404) (3.6)."""
        self._remove(self.get_lot(lot_id))

    def list_orders(self, asked: OrderFilter, now: datetime) -> list[Order]:
        """Return the orders that pass the filter and are listed by now, by id (4.1)."""
        shown = (order.shown(now) for order in self.orders.values())
        return [order for order in shown if order is not None and asked.admits(order, self.switches)]

    def get_order(self, order_id: int, now: datetime) -> Order:
        """Return one order as it shows now; raises ShopError (404)."""
        order = self.orders.get(order_id)
        return (order and order.shown(now)) or refuse(not_found(f"No such order: {order_id}"))

    def update_order(self, order_id: int, body: object, now: datetime) -> Order:
        """Set `is_filed` and `remarks`; every other field is ignored (4.1)."""
        self.get_order(order_id, now)
        fields = an_object(body)
        is_filed, remarks = fields.get("is_filed"), fields.get("remarks")
        order = self.orders[order_id]
        if is_filed is not None:
            order = replace(order, is_filed=is_filed if isinstance(is_filed, bool) else refuse(unparseable("is_filed")))
        if remarks is not None:
            order = replace(order, remarks=remarks if isinstance(remarks, str) else refuse(unparseable("remarks")))
        return self._keep_order(order)

    def update_order_status(self, order_id: int, body: object, now: datetime) -> Order:
        """Set the status from `{"field": "status", "value": "PACKED"}`; 422 for an order that is closed (4.1)."""
        order = self.get_order(order_id, now)
        fields = an_object(body)
        if fields.get("field") != "status":
            raise missing("field") if fields.get("field") is None else invalid("field")
        status = _known_status(fields.get("value"))
        if order.status in CLOSED_STATUSES:
            raise ShopError(422, "RESOURCE_UPDATE_NOT_ALLOWED", "NOT_IN_UPDATABLE_STATUS")
        return self._follow(order_id, now, status=status, date_status_changed=now)

    def read_notifications(self) -> list[Notification]:
        """Return what is unread, oldest first; reading marks it read unless the switch says otherwise (5)."""
        unread = list(self.notifications.values())
        if self.switches.notifications_read_once:
            for number in list(self.notifications):
                self._forget_notification(number)
        return unread

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
        """Place an order, PENDING unless told otherwise (4.6)."""
        known = _known_status(status or "PENDING")
        batch = self._batch(wanted)
        order = Order(
            order_id=self._new_order_id(),
            date_ordered=now,
            date_status_changed=now,
            buyer_name=buyer_name,
            status=known,
            payment_status="None",
            batches=(batch,),
            listed_from=self._listed_from(now, lag_seconds),
        )
        self._notify(order.order_id, now)
        return self._keep_order(order)

    def add_to_order(
        self, order_id: int, wanted: Iterable[Wanted], now: datetime, *, lag_seconds: float | None = None
    ) -> Order:
        """Add a batch to an open order, which becomes UPDATED; the pieces leave at once (4.6)."""
        order = self.find_order(order_id)
        if order.status in CLOSED_STATUSES:
            raise ShopError(422, "RESOURCE_UPDATE_NOT_ALLOWED", "NOT_IN_UPDATABLE_STATUS")
        batch = self._batch(wanted)
        self._notify(order_id, now)
        return self._follow(
            order_id,
            now,
            lag_seconds,
            batches=(*order.batches, batch),
            status="UPDATED",
            date_status_changed=now,
        )

    def reduce_line(self, order_id: int, lot_id: int, by: int, now: datetime, *, restock: bool) -> Order:
        """Take pieces of a lot out of an order, last batch first; `restock` says whether they come back (4.6)."""
        order = self.find_order(order_id)
        if by < 1 or by > sum(line.quantity for line in order.lines if line.lot.lot_id == lot_id):
            raise invalid("quantity", "is not a number of pieces that the order has of this lot")
        left, batches = by, []
        for batch in reversed(order.batches):
            lines = []
            for line in reversed(batch):
                taken = min(left, line.quantity) if line.lot.lot_id == lot_id else 0
                left -= taken
                if taken and restock:
                    self._restock(line.lot, taken, now)
                if taken < line.quantity:
                    lines.append(replace(line, quantity=line.quantity - taken))
            batches.append(tuple(reversed(lines)))
        self._notify(order_id, now)
        return self._follow(order_id, now, batches=tuple(reversed(batches)), date_status_changed=now)

    def cancel_order(self, order_id: int, now: datetime, *, restock: bool | None = None) -> Order:
        """Cancel an order; pieces come back only with `restock`, the box that the website offers (4.6)."""
        order = self.find_order(order_id)
        if order.status == "CANCELLED":
            raise ShopError(422, "RESOURCE_UPDATE_NOT_ALLOWED", "NOT_IN_UPDATABLE_STATUS")
        if restock:
            for line in order.lines:
                self._restock(line.lot, line.quantity, now)
        self._notify(order_id, now)
        return self._follow(order_id, now, status="CANCELLED", date_status_changed=now)

    def find_order(self, order_id: int) -> Order:
        """Return the newest version of an order, listed or not; raises ShopError (404)."""
        return self.orders.get(order_id) or refuse(not_found(f"No such order: {order_id}"))

    def set_order_status(self, order_id: int, status: str, now: datetime) -> Order:
        """Set any status, as a buyer's payment, the website or time would."""
        known = _known_status(status)
        paid = "Received" if known == "PAID" else self.find_order(order_id).payment_status
        order = self._follow(order_id, now, status=known, payment_status=paid, date_status_changed=now)
        self._notify(order_id, now)
        return order

    def file_order(self, order_id: int, *, filed: bool) -> Order:
        """File an order away, or take it out again."""
        return self._keep_order(replace(self.find_order(order_id), is_filed=filed))

    def put_up_lot(self, body: object, now: datetime) -> Lot:
        """Create a lot as the seller would on the website, whose form knows the fields that the API insists on."""
        defaults = {"description": "", "is_retain": False, "is_stock_room": False}
        return self.create_lot({**defaults, **an_object(body)}, now)

    def edit_lot(self, lot_id: int, body: object) -> Lot:
        """Change a lot as the seller would on the website: absolute quantity, also condition, colour, completeness.

        `reserved_for` (a buyer's name, "" to free it) is known here only. Zero pieces leave an empty lot standing.
        """
        fields = dict(an_object(body))
        reserved_for = fields.pop("reserved_for", None)
        read = read_lot(fields, quantity=pieces, switches=self.switches)
        lot = self._with(self.get_lot(lot_id), read)
        if read.color_id is not None:
            lot = replace(lot, color_id=read.color_id, color_name=self._color_name(read.color_id))
        if reserved_for is not None:
            lot = replace(lot, reserved_for=str(reserved_for))
        lot = replace(
            lot,
            quantity=lot.quantity if read.quantity is None else read.quantity,
            condition=read.condition or lot.condition,
            completeness=read.completeness or lot.completeness,
        )
        return self._store_lot(lot, keep_empty=True)

    # ---- Rules shared by the above ----

    def _new_lot(self, body: object, now: datetime) -> Lot:
        """Check a create's body (3.4) and return the lot; its id is given when it is put up."""
        fields = read_lot(body, quantity=pieces, switches=self.switches)
        item_type = _required("item.type", fields.item_type)
        item_no = _required("item.no", fields.item_no)
        if item_type == "SET" and not _SET_WITH_VARIANT.fullmatch(item_no):
            raise ShopError(400, "PARAMETER_MISSING_OR_INVALID", "Invalid item sequence number: null")
        color_id = _required("color_id", fields.color_id)
        quantity = _required("quantity", fields.quantity)
        if quantity == 0 and self.switches.create_with_zero == "refuse":
            raise invalid("quantity")
        unit_price = _required("unit_price", fields.unit_price)
        condition = _required("new_or_used", fields.condition)
        if item_type == "SET":
            _required("completeness", fields.completeness)
        self._require_description(fields)
        is_retain = _required("is_retain", fields.is_retain)
        _required("is_stock_room", fields.is_stock_room)
        blank = Lot(
            lot_id=0,
            item=self._catalog.item(item_type, item_no),
            color_id=color_id,
            color_name=self._color_name(color_id),
            quantity=quantity,
            condition=condition,
            completeness=fields.completeness if item_type == "SET" else None,
            unit_price=unit_price,
            description="",
            remarks="",
            bulk=1,
            is_retain=is_retain,
            stock_room=None,
            date_created=now,
        )
        return self._with(blank, fields)

    def _with(self, lot: Lot, fields: LotFields) -> Lot:
        """Return the lot with the updatable fields that the body has, all but the quantity (3.5)."""
        stock_room = lot.stock_room
        if fields.is_stock_room is not None:
            stock_room = (stock_room or "A") if fields.is_stock_room else None
        if stock_room is not None and fields.stock_room_id is not None:
            stock_room = fields.stock_room_id
        lot = replace(
            lot,
            unit_price=_either(fields.unit_price, lot.unit_price),
            description=_either(fields.description, lot.description),
            remarks=_either(fields.remarks, lot.remarks),
            bulk=_either(fields.bulk, lot.bulk),
            is_retain=_either(fields.is_retain, lot.is_retain),
            stock_room=stock_room,
            my_cost=_either(fields.my_cost, lot.my_cost),
            sale_rate=_either(fields.sale_rate, lot.sale_rate),
            tiers=_either(fields.tiers, lot.tiers),
        )
        _check_tiers(lot.tiers, lot.unit_price)
        return lot

    def _require_description(self, fields: LotFields) -> None:
        if fields.description is None and self.switches.description_required:
            raise ShopError(400, "PARAMETER_MISSING_OR_INVALID", "String input must not be null")

    def _color_name(self, color_id: int) -> str:
        color = self._catalog.colors.get(color_id)
        return color.name if color is not None else refuse(invalid("color_id"))

    def _put_up(self, lot: Lot) -> Lot:
        return self._keep(replace(lot, lot_id=self._new_lot_id()))

    def _store_lot(self, lot: Lot, *, keep_empty: bool) -> Lot:
        """Keep the lot as it is now; an empty one that is not to be kept disappears."""
        if lot.quantity or keep_empty:
            return self._keep(lot)
        self._remove(self.lots[lot.lot_id])
        return lot

    def _batch(self, wanted: Iterable[Wanted]) -> tuple[OrderLine, ...]:
        """Take the pieces of a batch out of the stock, all or none."""
        taken = self._take(wanted)
        if not taken:
            raise missing("lines")
        return tuple(
            OrderLine(lot=lot, quantity=quantity, unit_price_final=lot.price_for(quantity)) for lot, quantity in taken
        )

    def _check_sale(self, lot: Lot, pieces: int, available: int) -> None:
        if lot.stock_room is not None or lot.reserved_for:
            raise invalid("inventory_id", f"{lot.lot_id} is not for sale")
        if pieces < 1 or pieces % lot.bulk:
            raise invalid("quantity", f"of {lot.lot_id} must be a multiple of {lot.bulk}")
        if pieces > available:
            raise invalid("quantity", f"of {lot.lot_id} is only {available}")

    def _sell(self, lot: Lot, left: int) -> None:
        self._store_lot(replace(lot, quantity=left), keep_empty=lot.is_retain)

    def _restock(self, as_ordered: Lot, returned: int, now: datetime) -> None:
        """Give pieces back to their lot; one that vanished is made again, under a new id (4.6)."""
        lot = self.lots.get(as_ordered.lot_id)
        if lot is None:
            self._put_up(replace(as_ordered, quantity=returned, date_created=now))
        else:
            self._store_lot(replace(lot, quantity=lot.quantity + returned), keep_empty=True)


def _required(parameter: str, value: T | None) -> T:
    if value is None:
        raise missing(parameter)
    return value


def _either(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _known_status(status: object) -> str:
    if not isinstance(status, str) or status.upper() not in ORDER_STATUSES:
        raise invalid("value")
    return status.upper()


def _check_tiers(tiers: tuple[Tier, Tier, Tier], unit_price: Decimal) -> None:
    """Quantities rise, prices fall, the first is below the lot's own, and no tier follows an empty one (3.1)."""
    if tiers == NO_TIERS:
        return
    quantity, price, ended = 1, unit_price, False
    for place, (tier_quantity, tier_price) in enumerate(tiers, start=1):
        if tier_quantity == 0:
            ended = True
        elif ended or tier_quantity <= quantity:
            raise invalid(f"tier_quantity{place}")
        elif tier_price >= price:
            raise invalid(f"tier_price{place}")
        else:
            quantity, price = tier_quantity, tier_price
