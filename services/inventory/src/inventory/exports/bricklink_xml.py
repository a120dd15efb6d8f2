"""BrickLink's mass-upload XML (`formats.md` section 2): without a declaration, as it is pasted; one lot a line.

It adds lots, so it can only say those with pieces that are not archived. What is set aside, where a lot lies, its tags
and its grade have no tag there.
"""

from typing import Final

from inventory.domain.lot import Completeness
from inventory.exports.operation import ExportedLot
from inventory.exports.xml_text import amount, element, tiers
from inventory.imports.values import CONDITIONS, ITEM_TYPES

TYPE_LETTERS: Final = {item_type: letter for letter, item_type in ITEM_TYPES.items()}
CONDITION_LETTERS: Final = {condition: letter for letter, condition in CONDITIONS.items()}
_COMPLETENESS: Final = {Completeness.COMPLETE: "C", Completeness.INCOMPLETE: "I", Completeness.SEALED: "S"}


class BrickLinkXml:
    """Writes the document."""

    def head(self) -> str:
        """The root's beginning."""
        return "<INVENTORY>\n"

    def lot(self, exported: ExportedLot) -> str:
        """One ITEM; nothing for a lot that cannot be added."""
        lot = exported.lot
        if lot.quantity < 1 or lot.archived:
            return ""
        parts = [
            element("ITEMTYPE", TYPE_LETTERS[lot.item.type]),
            element("ITEMID", lot.item.number),
            element("COLOR", lot.item.color_id),
            element("CATEGORY", ""),
            element("QTY", lot.quantity),
            element("PRICE", amount(lot.unit_price)),
            element("CONDITION", CONDITION_LETTERS[lot.item.condition]),
        ]
        if lot.item.completeness is not None:
            parts.append(element("SUBCONDITION", _COMPLETENESS[lot.item.completeness]))
        if lot.bulk > 1:
            parts.append(element("BULK", lot.bulk))
        if lot.description:
            parts.append(element("DESCRIPTION", lot.description))
        if lot.remarks:
            parts.append(element("REMARKS", lot.remarks))
        if lot.stockroom is not None:
            parts += [element("STOCKROOM", "Y"), element("STOCKROOMID", lot.stockroom)]
        if lot.retain:
            parts.append(element("RETAIN", "Y"))
        if lot.sale_percent:
            parts.append(element("SALE", lot.sale_percent))
        parts.append(tiers(lot))
        if lot.cost is not None:
            parts.append(element("MYCOST", amount(lot.cost)))
        if lot.weight_grams is not None:
            parts.append(element("MYWEIGHT", f"{lot.weight_grams:.4f}"))
        return f"<ITEM>{''.join(parts)}</ITEM>\n"

    def tail(self) -> str:
        """The root's end."""
        return "</INVENTORY>\n"
