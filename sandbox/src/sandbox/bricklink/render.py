"""A shop's values as the JSON that BrickLink answers: money as strings, dates in UTC, texts HTML-escaped."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape as escape_markup
from typing import Any

from sandbox.bricklink.entities import Lot, Order, OrderLine
from sandbox.bricklink.shop import Shop
from sandbox.model.orders import Notification

Json = dict[str, Any]

_ESCAPED_ALSO = str.maketrans({'"': "&quot;", "'": "&#39;", "(": "&#40;", ")": "&#41;", "\N{NO-BREAK SPACE}": "&nbsp;"})


def escaped(text: str) -> str:
    """Return the text as BrickLink shows it in answers."""
    return escape_markup(text, quote=False).translate(_ESCAPED_ALSO)


def plain(text: str) -> str:
    """Return the text as it is stored, for the control API."""
    return text


def timestamp(moment: datetime) -> str:
    """Return `2026-02-01T10:15:00.000Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def money(amount: Decimal) -> str:
    """Return a fixed point number with four places."""
    return f"{amount:.4f}"


class Renderer:
    """Renders one shop's values; `text` decides how texts look: as the shop's switches say unless given."""

    def __init__(self, shop: Shop, text: Callable[[str], str] | None = None) -> None:
        self._shop = shop
        self._text = text or (escaped if shop.switches.escaped_texts else plain)

    def lot(self, lot: Lot) -> Json:
        """Return the full lot object (3.1)."""
        rendered: Json = {
            "inventory_id": lot.lot_id,
            "item": self._item(lot),
            "color_id": lot.color_id,
            "color_name": self._text(lot.color_name),
            "quantity": lot.quantity,
            "new_or_used": lot.condition,
            "completeness": lot.completeness,
            "unit_price": money(lot.unit_price),
            "unit_price_final": money(lot.price_for(1)) if lot.sale_rate else None,
            "bind_id": 0,
            "description": self._text(lot.description),
            "remarks": self._text(lot.remarks),
            "bulk": lot.bulk,
            "is_retain": lot.is_retain,
            "is_stock_room": lot.stock_room is not None,
            "stock_room_id": lot.stock_room,
            "date_created": timestamp(lot.date_created),
            "my_cost": money(lot.my_cost),
            "sale_rate": lot.sale_rate,
        }
        for place, (quantity, price) in enumerate(lot.tiers, start=1):
            rendered |= {f"tier_quantity{place}": quantity, f"tier_price{place}": money(price)}
        rendered["my_weight"] = money(Decimal(0))
        if self._shop.switches.show_is_reserved:
            rendered["is_reserved"] = bool(lot.reserved_for)
        return self._with_optional(rendered)

    def order_summary(self, order: Order) -> Json:
        """Return the object of the list of orders (4.3)."""
        subtotal = sum((line.unit_price_final * line.quantity for line in order.lines), Decimal(0))
        cost = {
            "currency_code": self._shop.currency,
            "subtotal": money(subtotal),
            "grand_total": money(subtotal),
        }
        return {
            "order_id": order.order_id,
            "date_ordered": timestamp(order.date_ordered),
            "date_status_changed": timestamp(order.date_status_changed),
            "seller_name": self._text(self._shop.seller_name),
            "store_name": self._text(f"{self._shop.seller_name} Store"),
            "buyer_name": self._text(order.buyer_name),
            "status": order.status,
            "is_filed": order.is_filed,
            "total_count": sum(line.quantity for line in order.lines),
            "unique_count": len({line.lot.lot_id for line in order.lines}),
            "payment": {
                "method": "PayPal",
                "currency_code": self._shop.currency,
                "status": order.payment_status,
            },
            "cost": cost,
            "disp_cost": cost,
        }

    def order(self, order: Order) -> Json:
        """Return the full order object (4.4)."""
        summary = self.order_summary(order)
        nothing = dict.fromkeys(("etc1", "etc2", "insurance", "shipping", "credit", "coupon", "vat_amount"), "0.0000")
        return self._with_optional(
            summary
            | {
                "buyer_email": "buyer@example.org",
                "buyer_order_count": 1,
                "require_insurance": False,
                "is_invoiced": False,
                "drive_thru_sent": False,
                "salesTax_collected_by_bl": False,
                "remarks": self._text(order.remarks) or None,
                "total_weight": "0",
                "shipping": {
                    "method": "Letter",
                    "method_id": 101,
                    "address": {
                        "name": {"full": "Demo Buyer"},
                        "full": "1 Sample Road",
                        "country_code": "DE",
                    },
                },
                "cost": summary["cost"] | nothing | {"vat_rate": "0.00"},
                "disp_cost": summary["disp_cost"] | nothing,
            }
        )

    def batches(self, order: Order) -> list[list[Json]]:
        """Return the lines, an array for each batch (4.5)."""
        return [[self._line(line) for line in batch] for batch in order.batches]

    def notifications(self, unread: Sequence[Notification]) -> list[Json]:
        """Return the list of notifications (5)."""
        return [self.notification(notification) for notification in unread]

    def notification(self, notification: Notification) -> Json:
        """Return one notification, as listed and as posted to a callback."""
        return {
            "event_type": notification.event_type,
            "resource_id": notification.resource_id,
            "timestamp": timestamp(notification.timestamp),
        }

    def _line(self, line: OrderLine) -> Json:
        unit_price, final = money(line.lot.unit_price), money(line.unit_price_final)
        return self._with_optional(
            {
                "inventory_id": line.lot.lot_id,
                "item": self._item(line.lot),
                "color_id": line.lot.color_id,
                "color_name": self._text(line.lot.color_name),
                "quantity": line.quantity,
                "new_or_used": line.lot.condition,
                "completeness": line.lot.completeness,
                "unit_price": unit_price,
                "unit_price_final": final,
                "disp_unit_price": unit_price,
                "disp_unit_price_final": final,
                "currency_code": self._shop.currency,
                "disp_currency_code": self._shop.currency,
                "remarks": self._text(line.lot.remarks),
                "description": self._text(line.lot.description),
                "weight": "0",
            }
        )

    def _item(self, lot: Lot) -> Json:
        return {
            "no": lot.item.number,
            "name": self._text(lot.item.name),
            "type": lot.item.item_type,
            "category_id": lot.item.category_id,
        }

    def _with_optional(self, rendered: Json) -> Json:
        """Leave optional fields without a value out, unless the switch shows them as null."""
        if self._shop.switches.absent_optional == "null":
            return rendered
        return {name: value for name, value in rendered.items() if value is not None}
