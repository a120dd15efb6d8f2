"""Lots that tests start from."""

from datetime import UTC, datetime
from decimal import Decimal

from inventory.domain.lot import Condition, Item, ItemType, Lot, LotFields, create
from inventory.domain.money import Money
from inventory.domain.rules import Proposal, ProposedItem

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""When every lot here was made."""

LOT_ID = "01930000-0000-7000-8000-000000000001"


def euros(amount: str) -> Money:
    """So many euros."""
    return Money(Decimal(amount), "EUR")


def a_proposal(**changed: object) -> Proposal:
    """A red brick 2 x 4, used, that breaks no rule, with these fields in place of its own."""
    item = ProposedItem(type=ItemType.PART, number="3001", color_id=5, condition=Condition.USED)
    values: dict[str, object] = {"item": item, "quantity": 40, "unit_price": euros("0.12")}
    return Proposal(**(values | changed))  # type: ignore[arg-type]


def a_lot(**changed: object) -> Lot:
    """The same brick as a lot at revision 1, with these fields in place of its own."""
    item = Item(type=ItemType.PART, number="3001", color_id=5, condition=Condition.USED)
    values: dict[str, object] = {"item": item, "quantity": 40, "currency": "EUR", "unit_price": Decimal("0.12")}
    said = LotFields(**(values | changed))  # type: ignore[arg-type]
    return create(said, lot_id=LOT_ID, seller_id="seller-a", now=NOON)[0]
