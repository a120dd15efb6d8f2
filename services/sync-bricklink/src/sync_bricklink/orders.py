"""BrickLink's orders: what the engine needs of them, and nothing about buyers."""

from collections.abc import Mapping

from sync_bricklink.listing import item_of, listing_id_of
from sync_bricklink.values import several, shown_text
from syncengine.listing import OrderId, OrderLine, OrderSummary
from syncengine.service.order_reading import fingerprint_of, summed
from syncengine.service.reading import number_or, shown_moment, shown_number, shown_object

_CUT = frozenset({"CANCELLED", "NPX"})
"""Nothing is sold by these any more.

NPX: the buyer was expelled, or chose to cancel and take the penalty. Not OCR, NPB, NRS, NSS: requests and alerts that
can be withdrawn, which puts the order back to PENDING (BrickLink help 110, 2148). Not PURGED: finished orders are
purged like cancelled ones, so the word says nothing about the pieces.
"""


def order_summary_of(raw: object) -> OrderSummary:
    """Read one order of a list. Unknown status words are tolerated: there are new ones every few years."""
    shown = shown_object(raw, "order")
    ordered_at = shown_moment(shown.get("date_ordered"), "date_ordered")
    changed = shown.get("date_status_changed")
    cost = shown.get("cost")
    cost = cost if isinstance(cost, Mapping) else {}
    return OrderSummary(
        order_id=OrderId(str(shown_number(shown.get("order_id"), "order_id"))),
        ordered_at=ordered_at,
        changed_at=shown_moment(changed, "date_status_changed") if changed else ordered_at,
        fingerprint=_fingerprint(shown, cost),
        cut=shown_text(shown.get("status")).upper() in _CUT,
        shop_name=shown_text(shown.get("seller_name")),
        currency_code=shown_text(cost.get("currency_code")),
        pieces=number_or(None, shown.get("total_count"), "total_count"),
    )


def _fingerprint(shown: Mapping[str, object], cost: Mapping[str, object]) -> str:
    telling = [shown.get(name) for name in ("status", "date_status_changed", "total_count", "unique_count")]
    telling.append(cost.get("subtotal"))  # two lines changed against each other leave the counts alone
    return fingerprint_of(telling)


def order_lines_of(raw: object) -> tuple[OrderLine, ...]:
    """Read the lines of an order, summed by listing: it is an array of batches, and a listing can be in several."""
    batches = several(several(_line_of, "batch"), "batches")(raw)
    return summed(line for batch in batches for line in batch if line is not None)


def _line_of(raw: object) -> OrderLine | None:
    shown = shown_object(raw, "order line")
    if not shown.get("inventory_id"):
        return None  # of no listing, so no listing lost pieces to it; one such line must not stop the poll
    quantity = shown_number(shown.get("quantity"), "quantity")
    return OrderLine(listing_id=listing_id_of(shown), item=item_of(shown), quantity=quantity)
