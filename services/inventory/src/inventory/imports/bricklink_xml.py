"""BrickLink's mass-upload XML (`formats.md` section 2): root INVENTORY, one ITEM per lot, tags in any order."""

from collections.abc import Iterator, Mapping
from typing import Final

from inventory.domain.lot import Stockroom
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
    "item.type": "ITEMTYPE",
    "item.number": "ITEMID",
    "item.color_id": "COLOR",
    "item.condition": "CONDITION",
    "item.completeness": "SUBCONDITION",
    "quantity": "QTY",
    "unit_price": "PRICE",
    "sale_percent": "SALE",
    "bulk": "BULK",
    "cost": "MYCOST",
    "weight_grams": "MYWEIGHT",
    "description": "DESCRIPTION",
    "remarks": "REMARKS",
    "retain": "RETAIN",
    "is_in_stockroom": "STOCKROOM",
    "stockroom": "STOCKROOMID",
}


def _judge(item: Row, number: int, currency: str) -> CheckedRow:
    if (fault := first_fault(item, _faults(item.tags, currency))) is not None:
        return refused(item, number, *fault)
    return judged(item, number, currency, Values(item.tags, TAG_OF), _proposal, known_as="LOTID")


DIALECT: Final = XmlDialect(
    format="BRICKLINK_XML",
    title="BrickLink's upload XML",
    roots=("INVENTORY",),
    path=("ITEM",),
    judge=_judge,
    fields=XML_FIELDS,
)


def _faults(tags: Mapping[str, str], currency: str) -> Iterator[tuple[str, str]]:
    """What makes a row no new lot of this seller, whatever else it says."""

    def said(tag: str) -> str:
        return tags.get(tag, "").strip()

    if "DELETE" in tags:
        yield "DELETE", "asks to delete a lot; only files that add lots can be imported"
    if said("LOTID") and "ITEMID" not in tags:
        yield "LOTID", "names a lot to change; only files that add lots can be imported"
    if "MINQTY" in tags and "QTY" not in tags:
        yield "QTY", "is missing; with MINQTY this looks like a wanted list"
    if "ITEMID" in tags and not said("ITEMID"):
        yield "ITEMID", "is empty; custom lots outside of the catalogue cannot be imported"
    for tag in ("BUYERUSERNAME", "RESERVE"):
        if said(tag):
            yield tag, "reserves the lot for a member, which would be lost: it would be for sale to all"
    if said("BASECURRENCYCODE") not in {"", currency}:
        yield "BASECURRENCYCODE", f"must be {currency}, the currency of this import"
    if said("QTY").startswith(("+", "-")):
        yield "QTY", "has a sign, as in files that change lots; only files that add lots can be imported"


def _proposal(values: Values, currency: str) -> Proposal:
    return Proposal(
        item=ProposedItem(
            type=values.word("item.type", ITEM_TYPES),
            number=values.said("ITEMID"),
            color_id=values.integer("item.color_id", 0),
            condition=values.word("item.condition", CONDITIONS),
            completeness=values.word("item.completeness", COMPLETENESS),
        ),
        quantity=values.quantity(lowest=1),
        unit_price=values.money("unit_price", currency),
        sale_percent=values.integer("sale_percent", 0),
        tiers=values.tiers(currency),
        bulk=values.integer("bulk", 1),
        cost=values.cost(currency),
        description=values.note("DESCRIPTION"),
        remarks=values.note("REMARKS"),
        stockroom=_stockroom(values),
        retain=values.word("retain", YES_OR_NO) or False,
        weight_grams=values.decimal("weight_grams") or None,
        unreadable=tuple(values.unreadable),
    )


def _stockroom(values: Values) -> Stockroom | None:
    if not values.word("is_in_stockroom", YES_OR_NO):
        return None
    return values.word("stockroom", STOCKROOMS) or Stockroom.A
