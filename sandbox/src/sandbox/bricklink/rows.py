"""BrickLink's lots and orders as the page shows them."""

from sandbox.bricklink.entities import Lot, Order
from sandbox.hosting.rows import LineRow, LotRow, OrderRow

_STATUS_WORDS = {
    "Y": "for sale",
    "S": "stockroom A",
    "B": "stockroom B",
    "C": "stockroom C",
    "N": "sold out",
    "R": "reserved",
}
_COMPLETENESS = {"C": "complete", "B": "incomplete", "S": "sealed"}


def lot_row(lot: Lot, *, rgb: str, status: str, currency: str) -> LotRow:
    """Return a lot for the page; `status` is its letter."""
    condition = "new" if lot.condition == "N" else "used"
    sale = (f"{lot.sale_rate} % off",) if lot.sale_rate else ()
    return LotRow(
        lot_id=lot.lot_id,
        number=lot.item.number,
        name=lot.item.name,
        color=lot.color_name,
        rgb=rgb,
        condition=f"{condition}, {_COMPLETENESS[lot.completeness]}" if lot.completeness else condition,
        pieces=lot.quantity,
        bulk=lot.bulk,
        price=f"{lot.unit_price:.4f} {currency}",
        price_notes=(*sale, *(f"{quantity}+ {price:.4f}" for quantity, price in lot.tiers if quantity)),
        public_note=lot.description,
        private_note=lot.remarks,
        status=_STATUS_WORDS[status],
        is_for_sale=status == "Y",
        badges=("retained",) if lot.is_retain else (),
    )


def order_row(order: Order) -> OrderRow:
    """Return an order for the page."""
    return OrderRow(
        order_id=order.order_id,
        ordered=f"{order.date_ordered:%Y-%m-%d %H:%M:%S}",
        buyer=order.buyer_name,
        lines=tuple(
            LineRow(
                pieces=line.quantity,
                what=f"{line.lot.item.number} {line.lot.color_name}",
                lot_id=line.lot.lot_id,
            )
            for line in order.lines
        ),
        badges=(order.status, "filed") if order.is_filed else (order.status,),
    )
