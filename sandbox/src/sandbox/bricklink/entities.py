"""What a shop holds: lots and orders. Frozen values; a change makes a new one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from sandbox.catalog import Item
from sandbox.model.orders import VersionedOrder

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
class Order(VersionedOrder):
    """An order received."""

    date_ordered: datetime
    date_status_changed: datetime
    buyer_name: str
    status: str
    payment_status: str
    batches: tuple[tuple[OrderLine, ...], ...]
    is_filed: bool = False
    remarks: str = ""

    @property
    def lines(self) -> list[OrderLine]:
        """All lines of all batches; a lot may occur more than once."""
        return [line for batch in self.batches for line in batch]
