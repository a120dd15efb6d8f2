"""BSX, as BrickStore writes it (`formats.md` section 8): elements that equal their default are left out.

One element a line and no attributes on Item, since BrickSync reads it so; a used item's grade is in BrickSync's word,
which BrickStore passes over. Archived lots are left out, for whoever reads the file would have them for sale. What
is set aside, where a lot lies and its tags have no element there.
"""

from collections.abc import Iterator
from typing import Final

from inventory.domain.lot import Completeness
from inventory.exports.bricklink_xml import CONDITION_LETTERS, TYPE_LETTERS
from inventory.exports.operation import BRICKLINK, ExportedLot
from inventory.exports.xml_text import amount, element
from inventory.imports.bsx import USED_GRADES

_COMPLETENESS: Final = {Completeness.COMPLETE: "C", Completeness.INCOMPLETE: "I", Completeness.SEALED: "M"}
_GRADE_LETTERS: Final = {grade: letter for letter, grade in USED_GRADES.items()}


class Bsx:
    """Writes the document."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def head(self) -> str:
        """The declaration, and the beginnings of the root and of the inventory."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<BrickStoreXML>\n'
            f' <Inventory Currency="{self._currency}" BrickLinkChangelogId="0">\n'
        )

    def lot(self, exported: ExportedLot) -> str:
        """One Item; nothing for an archived lot."""
        if exported.lot.archived:
            return ""
        lines = "".join(f"   {line}\n" for line in _elements(exported))
        return f"  <Item>\n{lines}  </Item>\n"

    def tail(self) -> str:
        """The ends."""
        return " </Inventory>\n</BrickStoreXML>\n"


def _elements(exported: ExportedLot) -> Iterator[str]:
    lot = exported.lot
    # An oversold lot has no pieces: less than none is for files that are being edited.
    quantity = max(0, lot.quantity)
    yield element("ItemID", lot.item.number)
    yield element("ItemTypeID", TYPE_LETTERS[lot.item.type])
    yield element("ColorID", lot.item.color_id)
    yield element("Status", "I")
    yield element("Qty", quantity)
    yield element("Price", amount(lot.unit_price))
    yield element("Condition", CONDITION_LETTERS[lot.item.condition])
    if lot.item.completeness is not None:
        yield element("SubCondition", _COMPLETENESS[lot.item.completeness])
    if lot.used_grade is not None:
        yield element("UsedGrade", _GRADE_LETTERS[lot.used_grade])
    if lot.bulk > 1:
        yield element("Bulk", lot.bulk)
    if lot.sale_percent:
        yield element("Sale", lot.sale_percent)
    if lot.cost is not None:
        yield element("Cost", amount(lot.cost))
    if lot.description:
        yield element("Comments", lot.description)
    if lot.remarks:
        yield element("Remarks", lot.remarks)
    if listing_id := exported.listings.get(BRICKLINK):
        yield element("LotID", listing_id)
    for slot, tier in enumerate(lot.tiers, start=1):
        yield element(f"TQ{slot}", tier.quantity)
        yield element(f"TP{slot}", amount(tier.unit_price))
    if lot.retain:
        yield "<Retain/>"
    if lot.stockroom is not None:
        yield element("Stockroom", lot.stockroom)
    if lot.weight_grams is not None and quantity:
        yield element("TotalWeight", f"{lot.weight_grams * quantity:.4f}")
