"""Which sales count, and by how many pieces: the decision of rules S3 and C3, without I/O.

A sync service tells the *total* of an order line. Inventory keeps one line per seller, marketplace, order and listing
and takes the difference in totals from the lot.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class SaleKind(StrEnum):
    """Why an order line is told."""

    SALE = "SALE"
    BASELINE = "BASELINE"
    RECOUNT = "RECOUNT"
    RETURN = "RETURN"


class LineKey(NamedTuple):
    """What names an order line."""

    seller_id: str
    marketplace: str
    order_id: str
    listing_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """An order line as a sync service tells it."""

    key: LineKey
    lot_id: str
    total: int
    kind: SaleKind
    seq: int
    ordered_at: datetime
    """By the shop's clock."""
    cut: bool = False
    """Whether the line is cut, cancelled or refunded."""
    listing_is_ours: bool = False
    """Whether we made the listing for this very lot: its orders are later than the lot's count, whatever clocks say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """An order line as inventory keeps it."""

    key: LineKey
    lot_id: str
    total: int
    """Pieces of it that are no longer in the lot's quantity."""
    told_total: int
    """The total that was told last; it may differ where a total was kept instead of lowered (rule C3)."""
    seq: int
    kind: SaleKind
    ordered_at: datetime
    cut: bool


class Counted(NamedTuple):
    """What becomes of a told line."""

    line: KeptLine
    sold: int
    """Pieces to take from the lot, never below 0."""


def count(told: ToldLine, kept: KeptLine | None, *, baseline_at: datetime | None, counted_at: datetime) -> Counted:
    """Decide what a told line changes.

    `baseline_at` is the baseline of the seller's connection, None if it is not known; `counted_at` says when the lot's
    quantity was counted. Both are compared with the moment of the order (rule C3).
    """
    if kept is not None and told.seq <= kept.seq:
        return Counted(kept, 0)  # an older message, or this one again (rule S3)
    total, sold = (
        _of_unknown(told, baseline_at=baseline_at, counted_at=counted_at)
        if kept is None
        else _of_known(told, kept.total)
    )
    line = KeptLine(
        key=told.key,
        lot_id=told.lot_id,
        total=total,
        told_total=told.total,
        seq=told.seq,
        kind=told.kind,
        ordered_at=told.ordered_at,
        cut=told.cut,
    )
    return Counted(line, sold)


def _of_unknown(told: ToldLine, *, baseline_at: datetime | None, counted_at: datetime) -> tuple[int, int]:
    """Total to keep and pieces sold, for a line that inventory does not know."""
    start = max(baseline_at, counted_at) if baseline_at is not None else counted_at
    is_later = told.listing_is_ours or told.ordered_at > start
    if told.kind is SaleKind.BASELINE or not is_later:
        return told.total, 0  # its pieces were gone when the lot was counted (rule C3)
    if told.kind is SaleKind.RECOUNT and told.cut:
        return 0, 0  # a recount raises a total only where the line is not cut (rule C3)
    return told.total, told.total


def _of_known(told: ToldLine, total: int) -> tuple[int, int]:
    """Total to keep and pieces sold, for a line that inventory has counted up to `total`."""
    raised = max(total, told.total)  # nothing in this version lowers a total; `told_total` remembers what was said
    match told.kind:
        case SaleKind.BASELINE:
            return raised, 0
        case SaleKind.SALE:
            return raised, raised - total
        case SaleKind.RECOUNT if not told.cut:
            return raised, raised - total
        case _:
            return total, 0
