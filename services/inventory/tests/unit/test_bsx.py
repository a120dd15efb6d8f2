"""BSX: the documents of BrickStore and BrickSync, row by row, and what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from inventory.domain.lot import Completeness, Condition, Item, ItemType, LotFields, Stockroom, Tier, UsedGrade
from inventory.imports import bricklink_xml, bsx
from inventory.imports.dialect import FileRefused
from inventory.imports.operation import CheckedRow
from inventory.imports.xml_items import read_items

FILES = Path(__file__).parent / "files"
BRICK = {"ItemID": "3001", "ItemTypeID": "P", "ColorID": "5", "Qty": "40", "Price": "0.120", "Condition": "U"}
SET = {"ItemID": "75192-1", "ItemTypeID": "S", "ColorID": "0", "Qty": "1", "Price": "649.000", "SubCondition": "C"}


def item(tags: dict[str, str], **others: str) -> str:
    return "<Item>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in (tags | others).items()) + "</Item>"


def file(*items: str, root: str = "BrickStoreXML", currency: str = ' Currency="EUR"') -> bytes:
    return f"<{root}><Inventory{currency}>{''.join(items)}</Inventory></{root}>".encode()


def read_rows(content: bytes) -> list[CheckedRow]:
    read = read_items(content, [bricklink_xml.DIALECT, bsx.DIALECT], currency="EUR")
    assert read.dialect.format == "BSX"
    return [read.dialect.judge(row, number, "EUR") for number, row in enumerate(read.rows, start=1)]


def row(tags: dict[str, str], **others: str) -> CheckedRow:
    (checked,) = read_rows(file(item(tags, **others)))
    return checked


def lot(tags: dict[str, str], **others: str) -> LotFields:
    return lot_of(row(tags, **others))


def lot_of(checked: CheckedRow) -> LotFields:
    assert (checked.field, checked.reason) == ("", "")
    assert checked.lot is not None
    return checked.lot


def test_a_document_of_brickstore() -> None:
    brick, star_destroyer, excluded, extra, reserved = read_rows((FILES / "brickstore.bsx").read_bytes())

    said = lot_of(brick)
    assert (said.item.type, said.item.number, said.item.color_id) == (ItemType.PART, "3001", 5)
    assert (said.item.condition, said.item.completeness, said.used_grade) == (Condition.USED, None, None)
    assert (said.quantity, said.unit_price, said.currency) == (40, Decimal("0.12"), "EUR")
    assert (said.bulk, said.sale_percent, said.cost) == (2, 10, Decimal("0.05"))
    assert (said.description, said.remarks) == ("light scratches, <3 mm", "A1-03 & A1-04")
    assert said.tiers == (Tier(50, Decimal("0.11")), Tier(100, Decimal("0.1")))
    assert said.weight_grams == Decimal("2.32")
    assert (said.retain, said.stockroom) == (False, None)

    said = lot_of(star_destroyer)
    assert (said.item.condition, said.item.completeness) == (Condition.NEW, Completeness.SEALED)
    assert (said.retain, said.stockroom) == (True, Stockroom.A)

    assert (excluded.lot, excluded.field, excluded.number, excluded.line) == (None, "Status", 3, 43)
    said = lot_of(extra)
    assert (said.quantity, said.retain, said.stockroom) == (0, True, Stockroom.C)
    assert (reserved.lot, reserved.field) == (None, "Reserved")


def test_a_document_of_bricksync() -> None:
    brick, gate = (lot_of(checked) for checked in read_rows((FILES / "bricksync.bsx").read_bytes()))
    assert (brick.item.number, brick.quantity, brick.unit_price) == ("3004", 12, Decimal("0.05"))
    assert brick.sale_percent == 10
    assert (brick.used_grade, brick.cost, brick.description) == (UsedGrade.ACCEPTABLE, Decimal("0.01"), "chewed")
    assert (gate.item.completeness, gate.used_grade) == (Completeness.INCOMPLETE, None)


@pytest.mark.parametrize(
    ("others", "name", "value"),
    [
        ({"BrickOwlCondition": "usedg", "BrickOwlLotID": "1", "BrickOwlColorID": "2"}, "used_grade", UsedGrade.GOOD),
        ({"BrickOwlCondition": "usedg", "UsedGrade": "N"}, "used_grade", UsedGrade.LIKE_NEW),
        ({"BrickOwlCondition": "usedn", "Condition": "N"}, "used_grade", None),
        ({"Cost": "0.03", "MyCost": "0.04"}, "cost", Decimal("0.03")),
        ({"Qty": "1,752"}, "quantity", 1752),
        ({"Retain": "N"}, "retain", False),
        ({"Stockroom": "B"}, "stockroom", Stockroom.B),
        ({"Stockroom": "N"}, "stockroom", None),
        ({"SubCondition": "N"}, "item", Item(type=ItemType.PART, number="3001", color_id=5, condition=Condition.USED)),
        ({"TQ1": "1,000", "TP1": "0.1"}, "tiers", (Tier(1000, Decimal("0.1")),)),
        ({"TotalWeight": "1.0000", "Qty": "3"}, "weight_grams", Decimal("0.3333")),
        ({"TotalWeight": "9", "Qty": "0"}, "weight_grams", None),
        ({"Reserved": "", "OrigQty": "41", "Unheard": "<of>it</of>"}, "quantity", 40),
        ({"Remarks": "&amp;lt;3 and &lt;4"}, "remarks", "<3 and <4"),
    ],
)
def test_the_formats_habits_are_understood(others: dict[str, str], name: str, value: object) -> None:
    assert getattr(lot(BRICK, **others), name) == value


REFUSED_ROWS = {
    "excluded": ({"Status": "X"}, "Status"),
    "an unknown status": ({"Status": "?"}, "Status"),
    "no item": ({"ItemID": ""}, "ItemID"),
    "no type": ({"ItemTypeID": ""}, "ItemTypeID"),
    "no colour": ({"ColorID": ""}, "ColorID"),
    "an unknown colour": ({"ColorID": "4711"}, "ColorID"),
    "pieces below zero": ({"Qty": "-3"}, "Qty"),
    "half a piece": ({"Qty": "0.5"}, "Qty"),
    "no price": ({"Price": "0"}, "Price"),
    "a decimal comma": ({"Price": "0,12"}, "Price"),
    "an unknown condition": ({"Condition": "A"}, "Condition"),
    "a complete brick": ({"SubCondition": "C"}, "SubCondition"),
    "an unknown completeness": ({"Completeness": "X"}, "SubCondition"),
    "an unknown grade": ({"UsedGrade": "X"}, "UsedGrade"),
    "an unknown stockroom": ({"Stockroom": "D"}, "Stockroom"),
    "neither kept nor not": ({"Retain": "maybe"}, "Retain"),
    "markup": ({"Comments": "&lt;b&gt;bold&lt;/b&gt;"}, "Comments"),
    "elements where text must be": ({"Comments": "<b>bold</b>"}, "Comments"),
    "a tier without price": ({"TQ2": "10"}, "TP2"),
    "reserved for a member": ({"Reserved": "somebody"}, "Reserved"),
}


@pytest.mark.parametrize(("others", "tag"), REFUSED_ROWS.values(), ids=REFUSED_ROWS.keys())
def test_a_bad_item_is_refused_by_its_tag(others: dict[str, str], tag: str) -> None:
    checked = row(BRICK, **others)
    assert (checked.lot, checked.field) == (None, tag)
    assert checked.reason


def test_a_set_without_completeness_is_refused() -> None:
    assert row(SET, SubCondition="").field == "SubCondition"


def test_an_old_document_is_read() -> None:
    content = b"<!DOCTYPE BrickStockXML>\n" + file(item(BRICK), root="BrickStockXML", currency="")
    assert [checked.reason for checked in read_rows(content)] == [""]


ENTITY = b'<!DOCTYPE BrickStoreXML [<!ENTITY a "a">]>' + file(item(BRICK, Remarks="&a;"))
REFUSED_FILES = {
    "another currency": (file(item(BRICK), currency=' Currency="USD"'), "in USD, not in EUR"),
    "entities": (ENTITY, "entities"),
    "an empty subset": (b"<!DOCTYPE BrickStoreXML []>" + file(item(BRICK)), "entities"),
    "a document type to fetch": (b'<!DOCTYPE BrickStoreXML SYSTEM "x.dtd">' + file(item(BRICK)), "entities"),
    "a public document type": (b'<!DOCTYPE BrickStoreXML PUBLIC "x" "y">' + file(item(BRICK)), "entities"),
    "another document type": (b"<!DOCTYPE INVENTORY>" + file(item(BRICK)), "entities"),
    "truncated": (file(item(BRICK))[:-10], "well-formed"),
    "no items": (file(), "no Item"),
    "nothing in it": (b"<BrickStoreXML/>", "no Item"),
    "an order download": (b"<ORDERS/>", "root ORDERS, not INVENTORY .* or BrickStoreXML"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_a_file_that_cannot_be_believed_is_refused_whole(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        read_rows(content)
