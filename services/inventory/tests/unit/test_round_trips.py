"""What each format writes it reads back: equal in every field of LOT.md that it can hold."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.lot import (
    MOST_PIECES,
    Completeness,
    Condition,
    Item,
    ItemType,
    Lot,
    LotFields,
    Stockroom,
    Tier,
    UsedGrade,
    create,
)
from inventory.domain.rules import check, proposal_of
from inventory.domain.text import has_markup, normal_form
from inventory.exports.bricklink_xml import BrickLinkXml
from inventory.exports.bsx import Bsx
from inventory.exports.csv_table import CsvTable
from inventory.exports.operation import ExportedLot, Writer
from inventory.imports.reading import read_file
from inventory.testing.lots import LOT_ID, NOON


def is_note(text: str) -> bool:
    """Whether XML formats can carry it: not the letters of a second escape, nor two code points that are no XML."""
    return not has_markup(text) and not set("\ufffe\uffff") & set(text) and "&lt;" not in text and "&gt;" not in text


NOTES = st.text(max_size=60).map(normal_form).filter(is_note)
FORMULAS = st.sampled_from(["=1+1", "'=1", "''+x", "-3 pieces", "'quoted'", '"', ",;\t", "a\nb", "@", "<3 & > 4"])
AMOUNTS = st.integers(10, 999_990_000).map(lambda units: Decimal(units) / 10_000)


@st.composite
def items(draw: st.DrawFn) -> Item:
    kind = draw(st.sampled_from(ItemType))
    number = draw(st.from_regex(r"[0-9a-z]{1,20}", fullmatch=True))
    return Item(
        type=kind,
        number=f"{number}-1" if kind is ItemType.SET else number,
        color_id=draw(st.sampled_from([0, 1, 5, 11])) if kind in {ItemType.PART, ItemType.GEAR} else 0,
        condition=draw(st.sampled_from(Condition)),
        completeness=draw(st.sampled_from(Completeness)) if kind is ItemType.SET else None,
    )


@st.composite
def tiers(draw: st.DrawFn, price: Decimal) -> tuple[Tier, ...]:
    quantities = sorted(draw(st.sets(st.integers(1, MOST_PIECES), max_size=3)))
    below = st.integers(10, max(10, int(price * 10_000) - 1))
    prices = sorted(draw(st.sets(below, min_size=len(quantities), max_size=len(quantities))), reverse=True)
    return tuple(Tier(quantity, Decimal(one) / 10_000) for quantity, one in zip(quantities, prices, strict=True))


@st.composite
def lots(draw: st.DrawFn) -> Lot:
    item, price = draw(items()), draw(st.integers(20, 999_990_000).map(lambda units: Decimal(units) / 10_000))
    is_graded = item.condition is Condition.USED and item.type is not ItemType.SET
    words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).map(normal_form).filter(bool)
    said = LotFields(
        item=item,
        used_grade=draw(st.none() | st.sampled_from(UsedGrade)) if is_graded else None,
        quantity=draw(st.integers(0, MOST_PIECES)),
        reserved=draw(st.integers(0, MOST_PIECES)),
        currency="EUR",
        unit_price=price,
        sale_percent=draw(st.integers(0, 95)),
        tiers=draw(tiers(price)),
        bulk=draw(st.integers(1, 1000)),
        cost=draw(st.none() | AMOUNTS),
        description=draw(NOTES | FORMULAS),
        remarks=draw(NOTES | FORMULAS),
        stockroom=draw(st.none() | st.sampled_from(Stockroom)),
        retain=draw(st.booleans()),
        weight_grams=draw(st.none() | st.integers(1, 99_999_999).map(lambda units: Decimal(units) / 10_000)),
        location=draw((NOTES | FORMULAS).map(lambda text: normal_form(text.replace("\n", " ")))),
        tags=tuple(draw(st.lists(words, max_size=4, unique=True))),
    )
    return create(check(proposal_of(said), currency="EUR"), lot_id=LOT_ID, seller_id="s", now=NOON)[0]


def in_bricklink_xml(lot: LotFields) -> LotFields:
    return replace(lot, used_grade=None, reserved=0, location="", tags=(), quantity=max(1, lot.quantity))


def in_bsx(lot: LotFields) -> LotFields:
    return replace(lot, reserved=0, location="", tags=(), weight_grams=lot.weight_grams if lot.quantity else None)


def in_csv(lot: LotFields) -> LotFields:
    return lot


FORMATS = {
    "BRICKLINK_XML": (BrickLinkXml, in_bricklink_xml),
    "BSX": (lambda: Bsx("EUR"), in_bsx),
    "CSV": (CsvTable, in_csv),
}


@pytest.mark.parametrize(("name", "writer", "held"), [(name, *how) for name, how in FORMATS.items()], ids=FORMATS)
@given(lot=lots())
def test_a_lot_comes_back_as_it_was(
    name: str, writer: Callable[[], Writer], held: Callable[[Any], LotFields], lot: Lot
) -> None:
    said = LotFields(**{field: getattr(lot, field) for field in LotFields.__dataclass_fields__})
    wanted = held(said)
    written = writer()
    exported = ExportedLot(replace(lot, quantity=wanted.quantity), {"bricklink": "77"})
    content = (written.head() + written.lot(exported) + written.tail()).encode()
    read = read_file(content, "UNSPECIFIED", currency="EUR")
    (row,) = read.rows
    checked = read.dialect.judge(row, 1, "EUR")
    assert (read.dialect.format, checked.reason, checked.lot) == (name, "", wanted)
