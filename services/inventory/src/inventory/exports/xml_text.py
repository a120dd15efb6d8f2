"""Text and numbers as elements, the same for BrickLink's upload XML and BSX."""

from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

from inventory.domain.lot import Lot
from inventory.domain.money import places_of

_PRICE_PLACES: Final = 3
"""As BrickStore writes prices; a fourth one is written where a lot has it, so that nothing is lost."""
_NOT_XML: Final = {0xFFFE: None, 0xFFFF: None}
"""The two characters that a lot's text may hold and XML may not."""


def element(tag: str, text: object) -> str:
    """An element with this text."""
    return f"<{tag}>{escape(str(text).translate(_NOT_XML))}</{tag}>"


def amount(value: Decimal) -> str:
    """A price or a cost."""
    return f"{value:.{max(_PRICE_PLACES, places_of(value))}f}"


def tiers(lot: Lot) -> str:
    """All six elements together, unused ones as zeros; nothing without tiers (formats.md section 2)."""
    if not lot.tiers:
        return ""
    said = [(str(tier.quantity), amount(tier.unit_price)) for tier in lot.tiers]
    slots = [*said, *[("0", amount(Decimal(0)))] * (3 - len(said))]
    return "".join(
        element(f"TQ{slot}", quantity) + element(f"TP{slot}", price)
        for slot, (quantity, price) in enumerate(slots, start=1)
    )
