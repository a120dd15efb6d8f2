"""What the engine remembers of orders, and what it told of them."""

from dataclasses import dataclass
from datetime import datetime

from syncengine.listing import Item, ListingId, LotId, OrderId, SellerId


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as last read."""

    seller_id: SellerId
    order_id: OrderId
    ordered_at: datetime
    changed_at: datetime
    fingerprint: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One order line: kept for ever, known listing or not (rule S1)."""

    seller_id: SellerId
    order_id: OrderId
    listing_id: ListingId
    item: Item
    ordered_at: datetime
    total: int
    """Pieces booked: the highest total seen; a lower one opens a return, it does not unbook (rule S4)."""
    seen: int
    """Pieces that the order still holds; 0 if it is cancelled."""
    grown_at: datetime
    """When its total last grew, by the shop's clock."""
    lot_id: LotId | None = None
    """None until its listing is linked."""
    unowned: bool = False
    """Its listing was seen in the shop and belongs to no lot, or a person said so: it holds nothing back (C2, C4)."""

    @property
    def returned(self) -> int:
        """Pieces that the order no longer holds and nobody has told the whereabouts of: an open return (rule S4)."""
        return self.total - self.seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A sale in the ledger, told to inventory under this seq (rule Q2)."""

    lot_id: LotId
    seq: int
    pieces: int
