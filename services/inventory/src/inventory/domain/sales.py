"""Which sales count, and by how many pieces: the decision of rules S3, S4 and C3, without I/O.

A sync service tells the *total* of an order line. Inventory keeps one line per seller, marketplace, order and listing
and takes the difference in totals from the lot, or gives it back to the lot. Pieces of a line that were cancelled,
refunded or taken out of the order, and of which nobody has said where they are, are an *open return*.
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
    listing_is_ours: bool = False
    """Whether we made the listing for this very lot: its orders are later than the lot's count, whatever clocks say."""
    returned: int = 0
    """Pieces of the total that left the order since, and of which the sync service cannot say where they are (S4)."""

    @property
    def is_cut(self) -> bool:
        """Whether the line, or some of it, is cut, cancelled or refunded (rule C3)."""
        return self.returned > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """An order line as inventory keeps it."""

    key: LineKey
    lot_id: str
    total: int
    """Pieces of it that are no longer in the lot's quantity."""
    told_total: int
    """The total that was told last; it may differ where a total was kept instead of lowered (rule C3)."""
    told_returned: int = 0
    """The pieces of `told_total` that were told as returned."""
    sold: int = 0
    """Pieces of `total` that were taken from the lot; the others were gone when the lot was counted."""
    seq: int
    kind: SaleKind
    ordered_at: datetime

    @property
    def open_return(self) -> int:
        """Pieces that are not in the lot's quantity although the order no longer has them (rules S4, C3)."""
        return max(0, self.total - (self.told_total - self.told_returned))


class Counted(NamedTuple):
    """What becomes of a told line."""

    line: KeptLine
    sold: int
    """Pieces to take from the lot, never below 0."""
    came_back: int = 0
    """Pieces to give back to the lot, never below 0; one of the two is 0."""
    unsold: int = 0
    """How many of those that came back were sold before: no order from before the lot's count is in its `sold`."""


def count(told: ToldLine, kept: KeptLine | None, *, baseline_at: datetime | None, counted_at: datetime) -> Counted:
    """Decide what a told line changes.

    `baseline_at` is the baseline of the seller's connection, None if it is not known; `counted_at` says when the lot's
    quantity was counted. Both are compared with the moment of the order (rule C3).
    """
    if kept is not None and told.seq <= kept.seq:
        return Counted(kept, 0)  # an older message, or this one again (rule S3)
    if kept is None:
        total, sold = _of_unknown(told, baseline_at=baseline_at, counted_at=counted_at)
        return Counted(_line(told, total=total, sold=sold), sold)
    if told.kind is SaleKind.RETURN:
        came_back = max(0, kept.total - told.total)
        unsold = min(came_back, kept.sold)  # the pieces that were counted last go first
        line = _line(told, total=kept.total - came_back, sold=kept.sold - unsold)
        return Counted(line, 0, came_back, unsold)
    total, sold = _of_known(told, kept.total)
    return Counted(_line(told, total=total, sold=kept.sold + sold), sold)


def _line(told: ToldLine, *, total: int, sold: int) -> KeptLine:
    return KeptLine(
        key=told.key,
        lot_id=told.lot_id,
        total=total,
        told_total=told.total,
        told_returned=told.returned,
        sold=sold,
        seq=told.seq,
        kind=told.kind,
        ordered_at=told.ordered_at,
    )


def _of_unknown(told: ToldLine, *, baseline_at: datetime | None, counted_at: datetime) -> tuple[int, int]:
    """Total to keep and pieces sold, for a line that inventory does not know."""
    start = max(baseline_at, counted_at) if baseline_at is not None else counted_at
    is_later = told.listing_is_ours or told.ordered_at > start
    if told.kind is SaleKind.BASELINE or not is_later:
        return told.total, 0  # its pieces were gone when the lot was counted (rule C3)
    if told.kind is SaleKind.RECOUNT and told.is_cut:
        return 0, 0  # a recount raises a total only where the line is not cut (rule C3)
    return told.total, told.total  # also for a return: what is left of its order was sold (C3, "whatever the kind")


def _of_known(told: ToldLine, total: int) -> tuple[int, int]:
    """Total to keep and pieces sold, for a line that inventory has counted up to `total`. Only a return lowers it."""
    raised = max(total, told.total)
    match told.kind:
        case SaleKind.BASELINE:
            return raised, 0
        case SaleKind.RECOUNT if told.is_cut:
            return total, 0
        case _:
            return raised, raised - total
