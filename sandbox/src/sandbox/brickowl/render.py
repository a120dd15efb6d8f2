"""A shop's values as Brick Owl answers them; natural here, turned into texts on the way out (section 1)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.brickowl.catalog import Item, boid_with_color
from sandbox.brickowl.entities import Lot, Order, OrderLine
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Switches

Json = dict[str, Any]

_NO_TIME = "1970-01-01T00:00:00+00:00"
_ADDRESS = {
    "first_name": "Demo",
    "last_name": "Buyer",
    "country_code": "DE",
    "country": "Germany",
    "post_code": "10115",
    "street_1": "1 Sample Road",
    "street_2": "",
    "city": "Berlin",
    "region": "",
    "phone": "",
    "tax": None,
}
_ADDRESSES: Json = {f"{kind}_{name}": value for kind in ("ship", "billing") for name, value in _ADDRESS.items()}
_UNSET = (
    *("ship_method_id", "coupon_discount", "payment_method_note", "payment_transaction_id", "tax_rate", "tax_amount"),
    *("tax_scheme_id", "tracking_advice", "refund_shipping", "refund_adjustment", "refund_note", "my_cost_total"),
    *("utm_source", "utm_medium"),
)


def answered(value: Any, switches: Switches) -> Any:
    """Return a value as it looks in an answer: texts for most scalars, an empty list for an empty map."""
    match value:
        case str() | None:  # as most are
            return value
        case bool():
            return value if switches.scalars == "natural" else str(int(value))
        case int():
            return value if switches.scalars == "natural" else str(value)
        case Decimal():
            return float(value) if switches.scalars == "natural" else f"{value:.3f}"
        case datetime():
            return answered(int(value.timestamp()), switches)
        case dict():
            if not value and switches.empty_map == "list":
                return []
            return {name: answered(inner, switches) for name, inner in value.items()}
        case list() | tuple():
            return [answered(inner, switches) for inner in value]
    return value


def shown(value: Any) -> Any:
    """Return a value for the control API: numbers as they are, money with three places."""
    match value:
        case dict():
            return {name: shown(inner) for name, inner in value.items()}
        case list() | tuple():
            return [shown(inner) for inner in value]
        case Decimal():
            return f"{value:.3f}"
    return value


class Renderer:
    """Renders one shop's values."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._switches = shop.switches

    def lot(self, lot: Lot) -> Json:
        """Return an element of `inventory/list` (3.1)."""
        rendered = {
            "con": coarse(lot.condition),
            "full_con": lot.condition,
            "qty": lot.quantity,
            "lot_id": lot.lot_id,
            "price": lot.final_price,
            "base_price": lot.base_price,
            "final_price": lot.final_price,
            "sale_percent": lot.sale_percent,
            "bulk_qty": lot.bulk_qty,
            "for_sale": lot.for_sale,
            "public_note": self._note(lot.public_note),
            "personal_note": self._note(lot.personal_note),
            "my_cost": lot.my_cost,
            "lot_weight": lot.lot_weight,
            "tier_price": self._tiers(lot),
            "reserve_uid": lot.reserve_uid,
            "url": f"http://{self._shop.seller_name}.example/store/{lot.item.boid}",
            "owl_id": _owl_id(lot.item),
            "boid": lot.boid,
            "external_lot_ids": {"other": lot.external_id} if lot.external_id else {},
            "type": lot.item.item_type,
            "ids": _ids(lot.item, lot.color_id),
        }
        if not self._switches.show_lot_weight:
            del rendered["lot_weight"]
        return rendered

    def order_summary(self, order: Order) -> Json:
        """Return an element of `order/list` (4)."""
        return {
            "order_id": order.order_id,
            "order_date": order.ordered,
            "total_quantity": sum(line.quantity for line in order.lines),
            "total_lots": len({line.lot.lot_id for line in order.lines}),
            "base_order_total": _total(order),
            "status": order.status,
            "status_id": order.status_id,
        }

    def order(self, order: Order) -> Json:
        """Return the object of `order/view` (4)."""
        summary = self.order_summary(order)
        total = summary["base_order_total"]
        refunded = sum((line.price * line.refunded for line in order.lines), Decimal(0))
        return {
            "order_id": order.order_id,
            "order_time": order.ordered,
            "processed_time": None,
            "iso_order_time": _iso(order.ordered),
            "iso_processed_time": _NO_TIME,
            "updated_time": order.updated,
            "store_id": self._shop.store_id,
            "ship_method_name": "Letter",
            "status": order.status,
            "status_id": order.status_id,
            "weight": Decimal(0),
            "ship_total": Decimal(0),
            "buyer_note": "",
            "total_quantity": summary["total_quantity"],
            "total_lots": summary["total_lots"],
            "base_currency": self._shop.currency,
            "payment_method_type": "paypal_standard",
            "payment_currency": self._shop.currency,
            "payment_total": total,
            "base_order_total": total,
            "sub_total": total,
            "tracking_number": order.tracking_number or None,
            "buyer_name": order.buyer_name,
            "combine_with": order.combine_with,
            "refund_subtotal": refunded,
            "refund_total": refunded,
            "customer_feedback_left": False,
            "store_feedback_left": order.has_feedback,
            "affiliate_fee": 0.0,
            "brickowl_fee": round(float(total) * 0.025, 2),
            "seller_note": order.seller_note or None,
            "customer_email": "buyer@example.org",
            "customer_user_id": 4001,
            "customer_username": order.buyer_name,
            "message_count": 0,
            **dict.fromkeys(_UNSET),
            **_ADDRESSES,
        }

    def order_items(self, order: Order) -> list[Json]:
        """Return the array of `order/items` (4)."""
        return [self._line(line) for line in order.lines]

    def _line(self, line: OrderLine) -> Json:
        lot, now = line.lot, self._shop.lots.get(line.lot.lot_id)
        return {
            "image_small": "//img.example/small.png",
            "name": f"LEGO {lot.color_name} {lot.item.name}".replace("  ", " "),
            "type": lot.item.item_type,
            "color_name": lot.color_name,
            "color_id": lot.color_id or 0,
            "boid": lot.boid,
            "lot_id": lot.lot_id,
            "condition": coarse(lot.condition).capitalize(),
            "full_con": lot.condition,
            "ordered_quantity": line.quantity,
            "refunded_quantity": line.refunded,
            "remaining_quantity": now.quantity if now is not None else 0,
            "personal_note": self._note(lot.personal_note),
            "public_note": self._note(lot.public_note),
            "bl_lot_id": lot.external_id or None,
            "external_lot_ids": {"other": lot.external_id} if lot.external_id else {},
            "weight": Decimal(0),
            "order_item_id": line.order_item_id,
            "base_price": line.price,
            "ids": _ids(lot.item, lot.color_id),
        }

    def _note(self, text: str) -> str | None:
        return None if not text and self._switches.empty_text == "null" else text

    def _tiers(self, lot: Lot) -> list[list[int | Decimal]] | str | None:
        if not lot.tiers:
            return [] if self._switches.no_tiers == "list" else None
        if self._switches.tier_form == "text":
            return ",".join(f"{quantity}:{price:.3f}" for quantity, price in lot.tiers)
        return [[quantity, price] for quantity, price in lot.tiers]


def coarse(condition: str) -> str:
    """Return `new`, `used` or `other`."""
    return next((word for word in ("new", "used") if condition.startswith(word)), condition)


def _ids(item: Item, color_id: int | None) -> list[Json]:
    return [
        {"id": boid_with_color(number, color_id) if id_type == "boid" else number, "type": id_type}
        for number, id_type in item.ids
    ]


def _owl_id(item: Item) -> int:
    return sum(ord(character) * place for place, character in enumerate(item.boid, start=1000))


def _total(order: Order) -> Decimal:
    return sum((line.price * line.quantity for line in order.lines), Decimal(0))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
