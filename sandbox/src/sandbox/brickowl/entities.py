"""What a shop holds: lots and orders. Frozen values; a change makes a new one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.brickowl.catalog import Item, boid_with_color
from sandbox.model.orders import VersionedOrder

Tier = tuple[int, Decimal]
"""From how many pieces on, at which price."""

STATUSES = (
    *("Pending", "Payment Submitted", "Payment Received", "Processing", "Processed", "Shipped", "Received"),
    *("On Hold", "Cancelled"),
)
"""Names of orders' statuses, by number (section 4)."""
CANCELLED = STATUSES.index("Cancelled")

_THREE_PLACES = Decimal("0.001")


def rounded(amount: Decimal) -> Decimal:
    """Return the amount with three places, as Brick Owl keeps money and weights."""
    return amount.quantize(_THREE_PLACES, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One lot of a shop (section 3.1)."""

    lot_id: int
    item: Item
    color_id: int | None  # None where the type has no colour
    color_name: str
    condition: str  # a code
    quantity: int
    base_price: Decimal
    external_id: str = ""
    sale_percent: int = 0  # off; below zero: a surcharge
    tiers: tuple[Tier, ...] = ()
    bulk_qty: int = 1
    for_sale: bool = True
    public_note: str = ""
    personal_note: str = ""
    my_cost: Decimal | None = None
    lot_weight: Decimal | None = None  # grams
    reserve_uid: int | None = None  # the user it is reserved for

    @property
    def boid(self) -> str:
        """The BOID with the colour."""
        return boid_with_color(self.item.boid, self.color_id)

    @property
    def final_price(self) -> Decimal:
        """What one piece costs a buyer of one."""
        return self.price_for(1)

    def price_for(self, pieces: int) -> Decimal:
        """Return what one piece costs a buyer of so many: the tier's price, less the sale."""
        price = self.base_price
        for quantity, tier_price in self.tiers:
            if pieces >= quantity:
                price = tier_price
        return rounded(price * (100 - self.sale_percent) / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """Pieces of one lot in an order; `lot` is the lot as it was when ordered, before the pieces left."""

    order_item_id: int
    lot: Lot
    quantity: int
    price: Decimal
    refunded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(VersionedOrder):
    """An order received."""

    ordered: datetime
    updated: datetime
    buyer_name: str
    status_id: int
    lines: tuple[OrderLine, ...]
    combine_with: int | None = None
    """The order that this one went into."""
    seller_note: str = ""
    tracking_number: str = ""
    has_feedback: bool = False

    @property
    def status(self) -> str:
        """The status' name."""
        return STATUSES[self.status_id]
