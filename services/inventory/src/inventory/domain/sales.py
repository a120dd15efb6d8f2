"""Which sales count, and by how many pieces: the decision of rules S3, S4 and C3, without I/O.

A sync service tells the *total* of an order line. Inventory keeps one line per seller, marketplace, order and listing
and takes the difference in totals from the lot, or gives it back to the lot. Pieces of a line that were cancelled,
refunded or taken out of the order, and of which nobody has said where they are, are an *open return*. A person may say:
the sync service does not learn of it, and goes on telling these pieces as returned.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class SaleKind(StrEnum):
    """Why an order line is told."""

    SALE = "SALE"
    BASELINE = "BASELINE"
    RECOUNT = "RECOUNT"
    RETURN = "RETURN"


class ReturnAnswer(StrEnum):
    """What a person says of an open return."""

    PUT_BACK = "PUT_BACK"
    """Its pieces are in the stock again."""
    NOT_COMING_BACK = "NOT_COMING_BACK"


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
    put_back: int = 0
    """Pieces of `told_returned` that a person put back into the lot: they are in no total of ours any more."""
    written_off: int = 0
    """Pieces of `total` that left the order and of which a person said that they do not come back."""
    seq: int
    kind: SaleKind
    ordered_at: datetime

    @property
    def held(self) -> int:
        """Pieces that the order still holds."""
        return self.told_total - self.told_returned

    @property
    def open_return(self) -> int:
        """Pieces that are not in the lot's quantity although the order no longer has them (rules S4, C3)."""
        return max(0, self.total - self.held - self.written_off)


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
    kept = _rebased(kept, told)
    put_back = min(kept.put_back, told.returned)  # the others are in the order again, or no longer told
    told_total = told.total - put_back
    if told.kind is SaleKind.RETURN:
        came_back = max(0, kept.total - told_total)
        unsold = min(came_back, kept.sold)  # the pieces that were counted last go first
        line = _line(told, total=kept.total - came_back, sold=kept.sold - unsold, kept=kept)
        return Counted(line, 0, came_back, unsold)
    total, sold = _of_known(told, kept.total, told_total)
    return Counted(_line(told, total=total, sold=kept.sold + sold, kept=kept), sold)


def answered(kept: KeptLine, answer: ReturnAnswer) -> Counted:
    """Decide what a person's word about the open return of a line changes (rule S4): a difference, once."""
    pieces = kept.open_return
    if answer is ReturnAnswer.NOT_COMING_BACK:
        return Counted(replace(kept, written_off=kept.written_off + pieces), 0)
    unsold = min(pieces, kept.sold)
    line = replace(kept, total=kept.total - pieces, sold=kept.sold - unsold, put_back=kept.put_back + pieces)
    return Counted(line, 0, pieces, unsold)


def _rebased(kept: KeptLine, told: ToldLine) -> KeptLine:
    """Forget what was written off where the sync service has lost its books, and no longer tells of these pieces."""
    if told.kind is not SaleKind.RECOUNT:
        return kept
    forgotten = min(kept.written_off, max(0, kept.told_total - told.total))
    return replace(kept, total=kept.total - forgotten, written_off=kept.written_off - forgotten)


def _line(told: ToldLine, *, total: int, sold: int, kept: KeptLine | None = None) -> KeptLine:
    held = told.total - told.returned
    return KeptLine(
        key=told.key,
        lot_id=told.lot_id,
        total=total,
        told_total=told.total,
        told_returned=told.returned,
        sold=sold,
        put_back=min(kept.put_back, told.returned) if kept is not None else 0,
        written_off=min(kept.written_off, max(0, total - held)) if kept is not None else 0,
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


def _of_known(told: ToldLine, total: int, told_total: int) -> tuple[int, int]:
    """Total to keep and pieces sold, for a line that inventory has counted up to `total`. Only a return lowers it.

    `told_total`: without the pieces that a person put back.
    """
    raised = max(total, told_total)
    match told.kind:
        case SaleKind.BASELINE:
            return raised, 0
        case SaleKind.RECOUNT if told.is_cut:
            return total, 0
        case _:
            return raised, raised - total
