"""What a shop holds: lots, orders, notifications. Frozen values; a change makes a new one."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from sandbox.catalog import Item

Tier = tuple[int, Decimal]
"""From how many pieces on, at which price; (0, 0) is no tier."""

NO_TIER: Tier = (0, Decimal(0))
NO_TIERS = (NO_TIER, NO_TIER, NO_TIER)

_FOUR_PLACES = Decimal("0.0001")


def rounded_up(amount: Decimal) -> Decimal:
    """Return the amount with four places, as BrickLink keeps money: more places round up."""
    return amount.quantize(_FOUR_PLACES, ROUND_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One lot of a shop; BrickLink calls it an inventory (section 3.1)."""

    lot_id: int
    item: Item
    color_id: int
    color_name: str
    quantity: int
    condition: str  # N or U
    completeness: str | None  # C, B or S; sets only
    unit_price: Decimal
    description: str
    remarks: str
    bulk: int
    is_retain: bool
    stock_room: str | None  # A, B or C; None: for sale
    date_created: datetime
    my_cost: Decimal = Decimal(0)
    sale_rate: int = 0  # percent off
    tiers: tuple[Tier, Tier, Tier] = NO_TIERS
    reserved_for: str = ""  # a buyer's name

    def price_for(self, pieces: int) -> Decimal:
        """Return what one piece costs a buyer of so many: the tier's price, less the sale."""
        price = self.unit_price
        for quantity, tier_price in self.tiers:
            if quantity and pieces >= quantity:
                price = tier_price
        return (price * (100 - self.sale_rate) / 100).quantize(_FOUR_PLACES, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """Pieces of one lot in one batch of an order; `lot` is the lot as it was when ordered, before the pieces left."""

    lot: Lot
    quantity: int
    unit_price_final: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order received. `earlier` is what the API shows until `listed_from`: the order lag (K2, K4, C4)."""

    order_id: int
    date_ordered: datetime
    date_status_changed: datetime
    buyer_name: str
    status: str
    payment_status: str
    batches: tuple[tuple[OrderLine, ...], ...]
    is_filed: bool = False
    remarks: str = ""
    listed_from: datetime
    earlier: "Order | None" = None

    @property
    def lines(self) -> list[OrderLine]:
        """All lines of all batches; a lot may occur more than once."""
        return [line for batch in self.batches for line in batch]

    def shown(self, now: datetime) -> "Order | None":
        """Return the version of this order that the API shows now; None while a new order is not listed yet."""
        order: Order | None = self
        while order is not None and order.listed_from > now:
            order = order.earlier
        return order

    def followed_by(self, later: "Order", now: datetime, listed_from: datetime) -> "Order":
        """Return `later`, which shows as this order until `listed_from`; versions out of sight are let go."""
        if listed_from <= now:
            return replace(later, listed_from=now, earlier=None)
        return replace(later, listed_from=listed_from, earlier=self._without_unseen(now))

    def _without_unseen(self, now: datetime) -> "Order":
        if self.listed_from <= now or self.earlier is None:
            return replace(self, earlier=None)
        return replace(self, earlier=self.earlier._without_unseen(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One entry of `GET /notifications` (section 5)."""

    event_type: str
    resource_id: int
    timestamp: datetime
