"""Brick Owl's lots and orders as the page shows them."""

from sandbox.brickowl.catalog import CONDITIONS
from sandbox.brickowl.entities import Lot, Order
from sandbox.hosting.rows import LineRow, LotRow, OrderRow


def lot_row(lot: Lot, *, rgb: str, currency: str) -> LotRow:
    """Return a lot for the page."""
    sale = (f"{lot.sale_percent} % off",) if lot.sale_percent else ()
    if lot.reserve_uid is not None:
        status = "reserved"
    elif not lot.for_sale:
        status = "not for sale"
    else:
        status = "for sale" if lot.quantity else "sold out"
    return LotRow(
        lot_id=lot.lot_id,
        number=lot.boid,
        name=lot.item.name,
        color=lot.color_name,
        rgb=rgb,
        condition=CONDITIONS[lot.condition],
        pieces=lot.quantity,
        bulk=lot.bulk_qty,
        price=f"{lot.base_price:.3f} {currency}",
        price_notes=(*sale, *(f"{quantity}+ {price:.3f}" for quantity, price in lot.tiers)),
        public_note=lot.public_note,
        private_note=lot.personal_note,
        status=status,
        is_for_sale=status == "for sale",
        badges=(lot.external_id,) if lot.external_id else (),
    )


def order_row(order: Order) -> OrderRow:
    """Return an order for the page."""
    refunded = sum(line.refunded for line in order.lines)
    combined = (f"combined with {order.combine_with}",) if order.combine_with is not None else ()
    return OrderRow(
        order_id=order.order_id,
        ordered=f"{order.ordered:%Y-%m-%d %H:%M:%S}",
        buyer=order.buyer_name,
        lines=tuple(
            LineRow(pieces=line.quantity, what=f"{line.lot.item.name} {line.lot.color_name}", lot_id=line.lot.lot_id)
            for line in order.lines
        ),
        badges=(order.status, *((f"{refunded} refunded",) if refunded else ()), *combined),
    )
