"""Every rule of LOT.md as a table: what is accepted, and what is refused under which name."""

from dataclasses import replace
from decimal import Decimal

import pytest

from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import Completeness, Condition, ItemType, Stockroom, UsedGrade
from inventory.domain.money import Money
from inventory.domain.rules import Proposal, ProposedItem, ProposedTier, check
from inventory.testing.lots import a_proposal, euros

PART = a_proposal().item
SET = ProposedItem(
    type=ItemType.SET, number="75192-1", condition=Condition.NEW, completeness=Completeness.SEALED, color_id=0
)


def tiers(*steps: tuple[int, str]) -> tuple[ProposedTier, ...]:
    return tuple(ProposedTier(quantity, euros(price)) for quantity, price in steps)


ACCEPTED = {
    "nothing but the item and a price": a_proposal(quantity=0),
    "the most pieces": a_proposal(quantity=9_999_999, reserved=9_999_999),
    "the lowest price": a_proposal(unit_price=euros("0.001")),
    "the highest price": a_proposal(unit_price=euros("99999")),
    "four places": a_proposal(unit_price=euros("0.1234")),
    "zeros after the fourth place": a_proposal(unit_price=euros("0.120000000")),
    "the largest sale": a_proposal(sale_percent=95),
    "three tiers": a_proposal(tiers=tiers((10, "0.11"), (20, "0.10"), (30, "0.09"))),
    "bulk": a_proposal(bulk=2_147_483_647),
    "a cost of nothing": a_proposal(cost=euros("0")),
    "the longest notes": a_proposal(description="ä" * 255, remarks="r" * 255, location="l" * 100),
    "comparisons are no markup": a_proposal(description="5 < 7, <3 & more &amp; 'quoted' (\"twice\")"),
    "lines in a note": a_proposal(description="one\ntwo"),
    "twenty tags": a_proposal(tags=tuple(f"tag{number}" for number in range(20))),
    "a stockroom": a_proposal(stockroom=Stockroom.C, retain=True),
    "the smallest weight": a_proposal(weight_grams=Decimal("0.0001")),
    "a grade of a used part": a_proposal(used_grade=UsedGrade.GOOD),
    "a sealed set": a_proposal(item=SET),
    "gear with a colour": a_proposal(item=replace(PART, type=ItemType.GEAR, number="851234")),
    "a minifigure": a_proposal(item=replace(PART, type=ItemType.MINIFIG, number="sw0001a", color_id=0)),
    "a number of fifty characters": a_proposal(item=replace(PART, number="9" * 50)),
}


@pytest.mark.parametrize("proposal", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_keeps_the_rules_is_accepted(proposal: Proposal) -> None:
    assert check(proposal, currency="EUR").currency == "EUR"


REFUSED = {
    "no type": (a_proposal(item=replace(PART, type=None)), "item.type"),
    "no number": (a_proposal(item=replace(PART, number="  ")), "item.number"),
    "a number too long": (a_proposal(item=replace(PART, number="9" * 51)), "item.number"),
    "a blank in a number": (a_proposal(item=replace(PART, number="30 01")), "item.number"),
    "markup in a number": (a_proposal(item=replace(PART, number="<b>3001")), "item.number"),
    "a set without variant": (a_proposal(item=replace(SET, number="75192")), "item.number"),
    "an unknown colour": (a_proposal(item=replace(PART, color_id=99_999)), "item.color_id"),
    "a negative colour": (a_proposal(item=replace(PART, color_id=-1)), "item.color_id"),
    "a set with a colour": (a_proposal(item=replace(SET, color_id=5)), "item.color_id"),
    "no condition": (a_proposal(item=replace(PART, condition=None)), "item.condition"),
    "a set without completeness": (a_proposal(item=replace(SET, completeness=None)), "item.completeness"),
    "a complete part": (a_proposal(item=replace(PART, completeness=Completeness.COMPLETE)), "item.completeness"),
    "a grade of a new part": (
        a_proposal(item=replace(PART, condition=Condition.NEW), used_grade=UsedGrade.GOOD),
        "used_grade",
    ),
    "a grade of a used set": (
        a_proposal(item=replace(SET, condition=Condition.USED), used_grade=UsedGrade.GOOD),
        "used_grade",
    ),
    "a negative quantity": (a_proposal(quantity=-1), "quantity"),
    "a huge quantity": (a_proposal(quantity=10_000_000), "quantity"),
    "negative pieces set aside": (a_proposal(reserved=-1), "reserved"),
    "no price": (a_proposal(unit_price=None), "unit_price"),
    "a price of nothing": (a_proposal(unit_price=euros("0")), "unit_price"),
    "a price too low": (a_proposal(unit_price=euros("0.0009")), "unit_price"),
    "a price too high": (a_proposal(unit_price=euros("99999.0001")), "unit_price"),
    "five decimals": (a_proposal(unit_price=euros("0.12345")), "unit_price"),
    "another currency": (a_proposal(unit_price=Money(Decimal(1), "USD")), "unit_price"),
    "no currency": (a_proposal(unit_price=Money(Decimal(1), "")), "unit_price"),
    "a currency in small letters": (a_proposal(unit_price=Money(Decimal(1), "eur")), "unit_price"),
    "a negative sale": (a_proposal(sale_percent=-1), "sale_percent"),
    "a sale too large": (a_proposal(sale_percent=96), "sale_percent"),
    "four tiers": (a_proposal(tiers=tiers((1, "0.11"), (2, "0.1"), (3, "0.09"), (4, "0.08"))), "tiers"),
    "a tier from nothing on": (a_proposal(tiers=tiers((0, "0.11"))), "tiers[0].quantity"),
    "tiers that do not rise": (a_proposal(tiers=tiers((10, "0.11"), (10, "0.10"))), "tiers[1].quantity"),
    "tiers that do not fall": (a_proposal(tiers=tiers((10, "0.11"), (20, "0.11"))), "tiers[1].unit_price"),
    "a tier as dear as one piece": (a_proposal(tiers=tiers((10, "0.12"))), "tiers[0].unit_price"),
    "a tier without price": (a_proposal(tiers=(ProposedTier(10, None),)), "tiers[0].unit_price"),
    "a tier in another currency": (
        a_proposal(tiers=(ProposedTier(10, Money(Decimal("0.1"), "USD")),)),
        "tiers[0].unit_price",
    ),
    "a bulk of nothing": (a_proposal(bulk=0), "bulk"),
    "a negative cost": (a_proposal(cost=euros("-0.01")), "cost"),
    "a cost in another currency": (a_proposal(cost=Money(Decimal(1), "USD")), "cost"),
    "a cost of five decimals": (a_proposal(cost=euros("0.00001")), "cost"),
    "a description too long": (a_proposal(description="d" * 256), "description"),
    "markup in the description": (a_proposal(description="so <b>good</b>"), "description"),
    "markup in the remarks": (a_proposal(remarks="<!-- note -->"), "remarks"),
    "remarks too long": (a_proposal(remarks="r" * 256), "remarks"),
    "a location too long": (a_proposal(location="l" * 101), "location"),
    "a location of two lines": (a_proposal(location="A1\nB2"), "location"),
    "a weight of nothing": (a_proposal(weight_grams=Decimal(0)), "weight_grams"),
    "a weight of five decimals": (a_proposal(weight_grams=Decimal("2.32001")), "weight_grams"),
    "too many tags": (a_proposal(tags=tuple(f"tag{number}" for number in range(21))), "tags"),
    "a tag of two words": (a_proposal(tags=("half price",)), "tags[0]"),
    "an empty tag": (a_proposal(tags=("new", " ")), "tags[1]"),
    "a long tag": (a_proposal(tags=("t" * 31,)), "tags[0]"),
    "a tag twice": (a_proposal(tags=("new", "new")), "tags[1]"),
}


@pytest.mark.parametrize(("proposal", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_a_rule_is_refused_by_the_fields_name(proposal: Proposal, field: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        check(proposal, currency="EUR")
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_all_broken_rules_are_told_together_and_each_field_once() -> None:
    proposal = a_proposal(
        quantity=-1,
        bulk=0,
        description="<b>" + "d" * 255,
        unreadable=(Violation("unit_price", "must have nanos from 0 to 999,999,999"),),
        unit_price=None,
    )
    with pytest.raises(InvalidFields) as refusal:
        check(proposal, currency="EUR")
    told = {violation.field: violation.rule for violation in refusal.value.violations}
    assert list(told) == ["bulk", "description", "quantity", "unit_price"]
    assert told["unit_price"] == "must have nanos from 0 to 999,999,999"


def test_the_first_price_fixes_the_currency_of_the_others() -> None:
    assert check(a_proposal(), currency=None).currency == "EUR"
    with pytest.raises(InvalidFields, match="must be in EUR"):
        check(a_proposal(cost=Money(Decimal(1), "USD")), currency=None)


def test_a_quantity_that_sales_took_below_zero_holds_back_no_other_field() -> None:
    assert check(a_proposal(quantity=-3), currency="EUR", quantity_is_new=False).quantity == -3


def test_text_is_accepted_in_its_normal_form() -> None:
    accepted = check(
        a_proposal(
            item=replace(PART, number=" 3001 "),
            description=" \u00a0e\u0301te\u0301\r\nline\ttwo\x07\r ",
            remarks="A1\u202f03",
            location=" A\u00a01 ",
            tags=(" rare ",),
        ),
        currency="EUR",
    )
    assert accepted.item.number == "3001"
    assert accepted.description == "été\nline two"
    assert (accepted.remarks, accepted.location, accepted.tags) == ("A1 03", "A 1", ("rare",))
