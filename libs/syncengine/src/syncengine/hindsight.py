"""How many pieces had left the shop at a moment of its clock, by all orders known later: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncengine.listing import OrderId
from syncengine.rows.order import LineRow, OrderRow


def sold_after(
    lines: Sequence[LineRow], moment: datetime, doubt: timedelta, *, booked: int | None = None
) -> frozenset[int]:
    """Add up the pieces of lines later than `moment`.

    An order shows when it was placed and when it last changed, not when each piece left, and clocks are coarse: so
    several sums are possible. `booked`: pieces that came into our books since, if that is known; no more left since.
    """
    surely = sum(line.total for line in lines if line.ordered_at > moment + doubt)
    sums = {surely}
    for line in lines:
        if line.ordered_at > moment + doubt or line.grown_at < moment - doubt:
            continue
        parts = (0, line.total) if line.grown_at == line.ordered_at else range(line.total + 1)
        sums = {each + part for each in sums for part in parts}
    return frozenset(sums if booked is None else [each for each in sums if each <= max(booked, surely)])


def dated_by_order(
    lines: Sequence[LineRow], orders: Mapping[OrderId, OrderRow], *, merges: bool = False
) -> list[LineRow]:
    """Date lines as early as their pieces may have left.

    One that was added to an order is dated by the order's last change when it was first read, which may have been
    another, long after; one that came with another order may be older than this one. `merges`: so may one of any order
    that changed since it was placed, with others that were never read (rule S2).
    """
    return [replace(line, ordered_at=_earliest(line, orders[line.order_id], merges=merges)) for line in lines]


def _earliest(line: LineRow, order: OrderRow, *, merges: bool) -> datetime:
    if merges and line.grown_at > order.ordered_at:
        return datetime.min.replace(tzinfo=UTC)
    return min(line.ordered_at, order.ordered_at)
