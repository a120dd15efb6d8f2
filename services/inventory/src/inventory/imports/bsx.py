"""BSX, the document of BrickStore, BrickStock and BrickSync (`formats.md` section 8).

Two facts of BrickSync's writer are not in BrickStore's schema: its Inventory names no Currency, so a file without
one says nothing of it and is taken to be in that of the import; and it has words of its own (MyCost, UsedGrade,
Completeness).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from inventory.domain.errors import Violation
from inventory.domain.lot import Completeness, Condition, ItemType, Stockroom, UsedGrade
from inventory.domain.money import PLACES
from inventory.domain.rules import Proposal, ProposedItem
from inventory.imports.dialect import first_fault
from inventory.imports.operation import CheckedRow, Row
from inventory.imports.values import (
    COMPLETENESS,
    CONDITIONS,
    ITEM_TYPES,
    STOCKROOMS,
    XML_FIELDS,
    YES_OR_NO,
    Values,
    judged,
    refused,
)
from inventory.imports.xml_items import XmlDialect

TAG_OF: Final = {
    "item.type": "ItemTypeID",
    "item.number": "ItemID",
    "item.color_id": "ColorID",
    "item.condition": "Condition",
    "item.completeness": "SubCondition",
    "quantity": "Qty",
    "unit_price": "Price",
    "sale_percent": "Sale",
    "bulk": "Bulk",
    "cost": "Cost",
    "weight_grams": "TotalWeight",
    "description": "Comments",
    "remarks": "Remarks",
    "retain": "Retain",
    "stockroom": "Stockroom",
    "used_grade": "UsedGrade",
}
# BrickSync's letters, which are the API's: incomplete is B there.
_BRICKSYNC_COMPLETENESS: Final = {
    "C": Completeness.COMPLETE,
    "B": Completeness.INCOMPLETE,
    "S": Completeness.SEALED,
}
USED_GRADES: Final = {"N": UsedGrade.LIKE_NEW, "G": UsedGrade.GOOD, "A": UsedGrade.ACCEPTABLE}
_NONE: Final = "N"
"""How BrickStore calls no stockroom and no completeness, where it writes them at all."""
_BRICKOWL_GRADES: Final = {"usedn": "N", "usedg": "G", "useda": "A"}
_OTHERS: Final = ("Status", "LotID", "Reserved", "MyCost", "Completeness", "BrickOwlCondition")
_TIERS: Final = tuple(f"{letters}{slot}" for slot in (1, 2, 3) for letters in ("TQ", "TP"))


def _judge(item: Row, number: int, currency: str) -> CheckedRow:
    if item.tags.get("Status", "").strip().upper() == "X":
        return refused(item, number, "Status", "is X: the file itself excludes this item", excluded=True)
    if (fault := first_fault(item, _faults(item.tags))) is not None:
        return refused(item, number, *fault)
    return judged(item, number, currency, Values(_in_one_dialect(item.tags), TAG_OF), _proposal, known_as="LotID")


DIALECT: Final = XmlDialect(
    format="BSX",
    title="BSX",
    roots=("BrickStoreXML", "BrickStockXML"),
    path=("Inventory", "Item"),
    judge=_judge,
    fields=XML_FIELDS | {"used_grade"},
    known={tag: tag for tag in (*TAG_OF.values(), *_OTHERS, *_TIERS)},
    currency_attribute="Currency",
    has_bare_document_type=True,
)


def _faults(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What makes an item no lot, whatever else it says."""

    def said(tag: str) -> str:
        return tags.get(tag, "").strip()

    if said("Status").upper() not in {"", "I", "E"}:
        yield "Status", "must be one of I, E, X"
    if not said("ItemID"):
        yield "ItemID", "is missing; custom lots outside of the catalogue cannot be imported"
    if not said("ColorID"):
        yield "ColorID", "is missing"
    if said("Reserved"):
        yield "Reserved", "reserves the lot for a member, which would be lost: it would be for sale to all"
    if said("Qty").startswith("-"):
        yield "Qty", "is below zero, as while editing; only pieces that are there can be imported"


def _in_one_dialect(tags: Mapping[str, str]) -> dict[str, str]:
    """The item with words of BrickSync and of the Brick Owl plug-in as BrickStore's, where BrickStore's are missing."""
    said = dict(tags)
    if "Cost" not in said and "MyCost" in said:
        said["Cost"] = said["MyCost"]
    grade = said.get("BrickOwlCondition", "").strip().lower()
    if "UsedGrade" not in said and grade in _BRICKOWL_GRADES:
        said["UsedGrade"] = _BRICKOWL_GRADES[grade]
    return said


def _proposal(values: Values, currency: str) -> Proposal:
    item = ProposedItem(
        type=values.word("item.type", ITEM_TYPES),
        number=values.said("ItemID"),
        color_id=values.integer("item.color_id", 0),
        condition=values.word("item.condition", CONDITIONS, absent="N"),
        completeness=_completeness(values),
    )
    # A grade says nothing of what is new or a set, so there it is passed over.
    is_graded = item.condition is Condition.USED and item.type is not ItemType.SET
    quantity = values.quantity(lowest=0, absent="0")
    return Proposal(
        item=item,
        used_grade=values.word("used_grade", USED_GRADES) if is_graded else None,
        quantity=quantity,
        unit_price=values.money("unit_price", currency),
        sale_percent=values.integer("sale_percent", 0),
        tiers=values.tiers(currency),
        bulk=values.integer("bulk", 1),
        cost=values.cost(currency),
        description=values.note("Comments"),
        remarks=values.note("Remarks"),
        stockroom=_stockroom(values),
        retain=_retain(values),
        weight_grams=_weight(values, quantity),
        unreadable=tuple(values.unreadable),
    )


def _completeness(values: Values) -> Completeness | None:
    if values.said("SubCondition").upper() not in {"", _NONE}:
        return values.word("item.completeness", COMPLETENESS)
    said = values.said("Completeness").upper()
    if said and said not in _BRICKSYNC_COMPLETENESS:
        rule = f"must be one of {', '.join(COMPLETENESS)}, or in Completeness {', '.join(_BRICKSYNC_COMPLETENESS)}"
        values.unreadable.append(Violation("item.completeness", rule))
    return _BRICKSYNC_COMPLETENESS.get(said)


def _stockroom(values: Values) -> Stockroom | None:
    if not values.has("Stockroom") or values.said("Stockroom").upper() == _NONE:
        return None
    return values.word("stockroom", STOCKROOMS, absent="A")


def _retain(values: Values) -> bool:
    if not values.has("Retain"):
        return False
    return values.word("retain", YES_OR_NO, absent="Y") or False


def _weight(values: Values, quantity: int) -> Decimal | None:
    """The weight of one piece, of which the file tells that of all."""
    total = values.decimal("weight_grams")
    if not total or not quantity:
        return None
    return round(total / quantity, PLACES) or None
