"""Brick Owl's orders: what the engine needs of them, and nothing about buyers (marketplaces/brickowl.md#4)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from sync_brickowl.listing import item_of, listing_id_of
from sync_brickowl.values import shown_array
from syncengine.listing import OrderId, OrderLine, OrderSummary
from syncengine.service.order_reading import fingerprint_of, summed
from syncengine.service.reading import number_or, shown_amount, shown_number, shown_object, shown_unix_time

_CANCELLED = 8


def order_summaries_of(raw: object) -> tuple[OrderSummary, ...]:
    """Read a list of orders sorted by their last change, and put those that changed last first.

    Which end the shop puts first is not documented, and a summary does not say when it changed; but on the whole orders
    change in the order in which they were placed.
    """
    listed = [order_summary_of(entry) for entry in shown_array(raw, "orders")]
    falls = sum(
        (first.ordered_at > second.ordered_at) - (first.ordered_at < second.ordered_at)
        for first, second in pairwise(listed)
    )
    return tuple(listed if falls >= 0 else reversed(listed))


def order_summary_of(raw: object) -> OrderSummary:
    """Read one order of a list. It says nothing of refunds, nor when it last changed."""
    shown = shown_object(raw, "order")
    ordered_at = shown_unix_time(shown.get("order_date"), "order_date")
    return OrderSummary(
        order_id=OrderId(str(shown_number(shown.get("order_id"), "order_id"))),
        ordered_at=ordered_at,
        changed_at=ordered_at,
        fingerprint=_fingerprint(shown),
        cut=_is_cut(shown),
        shop_name="",
        currency_code="",
        pieces=number_or(None, shown.get("total_quantity"), "total_quantity"),
        is_whole=False,
    )


def viewed(order: OrderSummary, raw: object) -> OrderSummary:
    """Complete an order with what `order/view` says of it: when it changed, whether it went into another one or pieces
    were refunded.
    """
    shown = shown_object(raw, "order")
    changed = shown.get("updated_time")
    refunded = shown_amount(shown.get("refund_total")) or Decimal(0)
    root = number_or(0, shown.get("combine_with") or 0, "combine_with")
    return replace(
        order,
        changed_at=max(order.ordered_at, shown_unix_time(changed, "updated_time")) if changed else order.changed_at,
        cut=_is_cut(shown),
        pieces=None if refunded else order.pieces,
        merged_into=OrderId(str(root)) if root else None,
        is_whole=True,
    )


def order_lines_of(raw: object) -> tuple[OrderLine, ...]:
    """Read the lines of an order, summed by lot: what was ordered less what was refunded."""
    return summed(line for line in map(_line_of, shown_array(raw, "items")) if line is not None)


def _line_of(raw: object) -> OrderLine | None:
    shown = shown_object(raw, "order line")
    if not shown.get("lot_id"):
        return None  # of no lot, so no lot lost pieces to it; one such line must not stop the poll
    ordered = shown_number(shown.get("ordered_quantity"), "ordered_quantity")
    refunded = number_or(0, shown.get("refunded_quantity"), "refunded_quantity")
    item, _ = item_of(shown)
    return OrderLine(listing_id=listing_id_of(shown), item=item, quantity=max(0, ordered - refunded))


def _is_cut(shown: Mapping[str, object]) -> bool:
    return number_or(0, shown.get("status_id"), "status_id") == _CANCELLED


def _fingerprint(shown: Mapping[str, object]) -> str:
    names = ("status_id", "total_quantity", "total_lots", "base_order_total")
    return fingerprint_of([str(shown.get(name)) for name in names])
