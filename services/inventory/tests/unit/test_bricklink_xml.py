"""BrickLink's upload XML: files refused whole, rows refused one by one, and what good rows become."""

from decimal import Decimal

import pytest

from inventory.domain.lot import Completeness, Condition, ItemType, LotFields, Stockroom, Tier
from inventory.imports import bricklink_xml, xml_items
from inventory.imports.dialect import FileRefused
from inventory.imports.operation import CheckedRow
from inventory.imports.xml_items import read_items

BRICK = {"ITEMTYPE": "P", "ITEMID": "3001", "COLOR": "5", "QTY": "40", "PRICE": "0.120", "CONDITION": "U"}
SET = {"ITEMTYPE": "S", "ITEMID": "75192-1", "QTY": "1", "PRICE": "649.000", "CONDITION": "N", "SUBCONDITION": "S"}


def read_rows(content: bytes, *, currency: str) -> list[CheckedRow]:
    read = read_items(content, [bricklink_xml.DIALECT], currency=currency)
    assert read.dialect.format == "BRICKLINK_XML"
    return [read.dialect.judge(row, number, currency) for number, row in enumerate(read.rows, start=1)]


def item(tags: dict[str, str], **others: str) -> str:
    return "<ITEM>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in (tags | others).items()) + "</ITEM>"


def file(*items: str) -> bytes:
    return f"<INVENTORY>{''.join(items)}</INVENTORY>".encode()


def row(tags: dict[str, str], **others: str) -> CheckedRow:
    (checked,) = read_rows(file(item(tags, **others)), currency="EUR")
    return checked


def lot(tags: dict[str, str], **others: str) -> LotFields:
    checked = row(tags, **others)
    assert (checked.field, checked.reason) == ("", "")
    assert checked.lot is not None
    return checked.lot


def test_a_row_with_every_tag_becomes_the_lot_that_it_says() -> None:
    said = lot(
        SET,
        COLOR="0",
        CATEGORY="65",
        BULK="2",
        DESCRIPTION=" sealed,  &amp;lt;3 &amp; &lt;4 ",
        REMARKS="A1-03",
        STOCKROOM="Y",
        STOCKROOMID="B",
        RETAIN="Y",
        SALE="15",
        MYCOST="500.125",
        MYWEIGHT="8300.5",
        TQ1="2",
        TP1="600.5",
        TQ2="3",
        TP2="590",
        TQ3="0",
        TP3="0.000",
    )
    assert (said.item.type, said.item.number, said.item.color_id) == (ItemType.SET, "75192-1", 0)
    assert (said.item.condition, said.item.completeness) == (Condition.NEW, Completeness.SEALED)
    assert (said.quantity, said.unit_price, said.currency) == (1, Decimal("649"), "EUR")
    assert said.tiers == (Tier(2, Decimal("600.5")), Tier(3, Decimal("590")))
    assert (said.bulk, said.sale_percent, said.retain, said.stockroom) == (2, 15, True, Stockroom.B)
    assert (said.cost, said.weight_grams) == (Decimal("500.125"), Decimal("8300.5"))
    assert (said.description, said.remarks) == ("sealed,  <3 & <4", "A1-03")


def test_tags_that_are_left_out_have_their_defaults() -> None:
    said = lot(BRICK)
    assert (said.bulk, said.sale_percent, said.retain, said.stockroom, said.tiers) == (1, 0, False, None, ())
    assert (said.cost, said.weight_grams, said.description, said.item.completeness) == (None, None, "", None)


@pytest.mark.parametrize(
    ("others", "name", "value"),
    [
        ({"PRICE": ".10"}, "unit_price", Decimal("0.1")),
        ({"QTY": "1,752"}, "quantity", 1752),
        ({"STOCKROOM": "Y"}, "stockroom", Stockroom.A),
        ({"STOCKROOM": "N", "STOCKROOMID": "B"}, "stockroom", None),
        ({"STOCKROOMID": "B"}, "stockroom", None),
        ({"MYCOST": "0.000"}, "cost", None),
        ({"MYWEIGHT": "0"}, "weight_grams", None),
        ({"BULK": ""}, "bulk", 1),
        ({"RETAIN": "n"}, "retain", False),
        ({"BASECURRENCYCODE": "EUR", "LOTID": "7", "DATEADDED": "1/2/2026", "IMAGE": "x"}, "quantity", 40),
        ({"BUYERUSERNAME": " "}, "quantity", 40),
    ],
)
def test_the_formats_habits_are_understood(others: dict[str, str], name: str, value: object) -> None:
    assert getattr(lot(BRICK, **others), name) == value


def test_an_old_letter_for_sealed_is_understood() -> None:
    assert lot(SET, SUBCONDITION="M").item.completeness is Completeness.SEALED
    assert lot(SET, SUBCONDITION="I").item.completeness is Completeness.INCOMPLETE


REFUSED_ROWS = {
    "no type": ({"ITEMTYPE": ""}, "ITEMTYPE"),
    "an unknown type": ({"ITEMTYPE": "X"}, "ITEMTYPE"),
    "a custom lot": ({"ITEMID": ""}, "ITEMID"),
    "a number too long": ({"ITEMID": "9" * 51}, "ITEMID"),
    "an unknown colour": ({"COLOR": "4711"}, "COLOR"),
    "a colour that is none": ({"COLOR": "red"}, "COLOR"),
    "no quantity": ({"QTY": ""}, "QTY"),
    "a quantity of nothing": ({"QTY": "0"}, "QTY"),
    "a signed quantity": ({"QTY": "+5"}, "QTY"),
    "half a piece": ({"QTY": "1.5"}, "QTY"),
    "a huge quantity": ({"QTY": "10000000"}, "QTY"),
    "digits without end": ({"QTY": "9" * 5000}, "QTY"),
    "no price": ({"PRICE": ""}, "PRICE"),
    "a price of nothing": ({"PRICE": "0.000"}, "PRICE"),
    "five decimals": ({"PRICE": "0.12345"}, "PRICE"),
    "a decimal comma": ({"PRICE": "0,12"}, "PRICE"),
    "an exponent": ({"PRICE": "1e3"}, "PRICE"),
    "no condition": ({"CONDITION": ""}, "CONDITION"),
    "an unknown condition": ({"CONDITION": "A"}, "CONDITION"),
    "a complete brick": ({"SUBCONDITION": "C"}, "SUBCONDITION"),
    "a bulk of nothing": ({"BULK": "0"}, "BULK"),
    "a sale too large": ({"SALE": "96"}, "SALE"),
    "a tier without price": ({"TQ2": "10"}, "TP2"),
    "a tier without quantity": ({"TP3": "0.1"}, "TQ3"),
    "a tier as dear as one": ({"TQ1": "10", "TP1": "0.12"}, "TP1"),
    "tiers that do not rise": ({"TQ1": "10", "TP1": "0.11", "TQ3": "10", "TP3": "0.1"}, "TQ3"),
    "a negative cost": ({"MYCOST": "-1"}, "MYCOST"),
    "a weight that is none": ({"MYWEIGHT": "heavy"}, "MYWEIGHT"),
    "a description too long": ({"DESCRIPTION": "d" * 256}, "DESCRIPTION"),
    "markup": ({"REMARKS": "&lt;b&gt;bold&lt;/b&gt;"}, "REMARKS"),
    "an unknown stockroom": ({"STOCKROOM": "Y", "STOCKROOMID": "D"}, "STOCKROOMID"),
    "neither yes nor no": ({"STOCKROOM": "X"}, "STOCKROOM"),
    "reserved for a member": ({"BUYERUSERNAME": "somebody"}, "BUYERUSERNAME"),
    "another currency": ({"BASECURRENCYCODE": "USD"}, "BASECURRENCYCODE"),
    "a deletion": ({"LOTID": "7", "DELETE": ""}, "DELETE"),
}


@pytest.mark.parametrize(("others", "tag"), REFUSED_ROWS.values(), ids=REFUSED_ROWS.keys())
def test_a_bad_row_is_refused_by_its_tag(others: dict[str, str], tag: str) -> None:
    checked = row(BRICK, **others)
    assert (checked.lot, checked.field) == (None, tag)
    assert checked.reason


def test_rows_of_other_dialects_are_named_for_what_they_are() -> None:
    wanted = row({"ITEMTYPE": "P", "ITEMID": "3001", "MINQTY": "20", "MAXPRICE": "-1.0000"})
    assert (wanted.field, "wanted list" in wanted.reason) == ("QTY", True)
    update = row({"LOTID": "50001001", "PRICE": "0.130"})
    assert (update.field, "change" in update.reason) == ("LOTID", True)


def test_a_tag_twice_or_with_elements_in_it_refuses_its_row() -> None:
    twice = item(BRICK).replace("</ITEM>", "<QTY>41</QTY></ITEM>")
    nested = item(BRICK, REMARKS="<B>bold</B>")
    fields = [(checked.field, checked.lot) for checked in read_rows(file(twice, nested), currency="EUR")]
    assert fields == [("QTY", None), ("REMARKS", None)]


def test_each_row_knows_its_place_and_line() -> None:
    content = f"<INVENTORY>\n{item(BRICK)}\n\n <ITEM>\n</ITEM>\n{item(SET)}</INVENTORY>".encode()
    rows = read_rows(content, currency="EUR")
    assert [(checked.number, checked.line, checked.field) for checked in rows] == [
        (1, 2, ""),
        (2, 4, "ITEMTYPE"),
        (3, 6, ""),
    ]


@pytest.mark.parametrize("prefix", [b"", b'<?xml version="1.0" encoding="UTF-8"?>\n', b"\xef\xbb\xbf"])
def test_a_declaration_or_a_byte_order_mark_may_come_first(prefix: bytes) -> None:
    assert len(read_rows(prefix + file(item(BRICK)), currency="EUR")) == 1


def test_another_encoding_is_read_if_it_is_declared() -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?><INVENTORY>{item(BRICK, REMARKS="blöd")}</INVENTORY>'
    (checked,) = read_rows(text.encode("latin-1"), currency="EUR")
    assert checked.lot is not None
    assert checked.lot.remarks == "blöd"


WHOLE = file(item(BRICK), item(SET))
BILLION_LAUGHS = (
    b'<!DOCTYPE INVENTORY [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<INVENTORY><ITEM><ITEMID>&b;</ITEMID></ITEM></INVENTORY>"
)
EXTERNAL = (
    b'<!DOCTYPE INVENTORY [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<INVENTORY><ITEM><REMARKS>&x;</REMARKS></ITEM></INVENTORY>"
)
REFUSED_FILES = {
    "truncated in a tag": (WHOLE[:-15], "well-formed"),
    "truncated after a row": (WHOLE[: WHOLE.index(b"</ITEM>") + 7], "well-formed"),
    "something after the end": (WHOLE + b"<INVENTORY>", "well-formed"),
    "not XML": (b"PK\x03\x04 zip", "well-formed"),
    "not the declared encoding": (b'<?xml version="1.0"?><INVENTORY>\xff</INVENTORY>', "well-formed"),
    "an entity that nobody declared": (b"<INVENTORY><ITEM><ITEMID>&bomb;</ITEMID></ITEM></INVENTORY>", "well-formed"),
    "entities that multiply": (BILLION_LAUGHS, "entities"),
    "an external entity": (EXTERNAL, "entities"),
    "an external document type": (b'<!DOCTYPE INVENTORY SYSTEM "http://127.0.0.1/x.dtd">' + WHOLE, "entities"),
    "a document type alone": (b"<!DOCTYPE INVENTORY>" + WHOLE, "entities"),
    "another root": (b"<ORDERS><ORDER/></ORDERS>", "root ORDERS"),
    "a root in small letters": (b"<inventory></inventory>", "root inventory"),
    "something else between the items": (file(item(BRICK), "<LOT/>"), "holds LOT"),
    "no items": (file(), "no ITEM"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_a_file_that_cannot_be_believed_is_refused_whole(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        read_rows(content, currency="EUR")


def test_a_file_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_items, "MOST_ROWS", 3)
    assert len(read_rows(file(*[item(BRICK)] * 3), currency="EUR")) == 3
    with pytest.raises(FileRefused, match="more than 3 rows"):
        read_rows(file(*[item(BRICK)] * 4), currency="EUR")
