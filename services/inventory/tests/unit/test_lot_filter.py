"""The filter's rules, each by its field, and what makes two filters the same one."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from inventory.domain.errors import InvalidFields
from inventory.domain.lot import Availability, ItemType
from inventory.domain.lot_filter import InShop, LotFilter, check_filter
from inventory.domain.sync_status import SyncState

SHOPS = ("bricklink", "brickowl")
FAILED = frozenset({SyncState.FAILED})


def in_shop(marketplace: str = "bricklink", states: frozenset[SyncState] = FAILED) -> InShop:
    return InShop(marketplace=marketplace, states=states)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"item_number": "3" * 51}, "item_number"),
        ({"color_ids": frozenset({5, 123_456})}, "color_ids"),
        ({"location": "x" * 101}, "location"),
        ({"tags": ("a",) * 21}, "tags"),
        ({"tags": ("good", "")}, "tags[1]"),
        ({"tags": ("x" * 31,)}, "tags[0]"),
        ({"text": "x" * 256}, "text"),
        ({"price_from": Decimal("0.2"), "price_to": Decimal("0.1")}, "price_to"),
        ({"quantity_from": 2, "quantity_to": 1}, "quantity_to"),
        ({"sync": (in_shop("ebay"),)}, "sync[0].marketplace"),
        ({"sync": (in_shop(), in_shop("brickowl"), in_shop())}, "sync[2].marketplace"),
        ({"sync": (in_shop(states=frozenset()),)}, "sync[0].states"),
    ],
)
def test_a_broken_rule_is_told_by_its_field(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        check_filter(LotFilter(**said), SHOPS)
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_bounds_may_meet_and_each_shop_may_be_asked_for() -> None:
    said = LotFilter(
        price_from=Decimal("0.1"),
        price_to=Decimal("0.10"),
        quantity_from=-3,
        quantity_to=-3,
        sync=(in_shop(), in_shop("brickowl")),
    )
    assert check_filter(said, SHOPS) == said


def test_texts_are_looked_for_as_lots_hold_them() -> None:
    said = LotFilter(item_number=" 3001\t", location="shelf 4 ", tags=(" b", "a", "b"), text="\u00a0rare\0 ")
    assert check_filter(said, SHOPS) == LotFilter(item_number="3001", location="shelf 4", tags=("a", "b"), text="rare")
    assert check_filter(LotFilter(location=" "), SHOPS).location == ""


FULL = LotFilter(
    item_types=frozenset({ItemType.PART, ItemType.SET}),
    color_ids=frozenset({1, 5}),
    tags=("a", "b"),
    price_from=Decimal("0.10"),
    availabilities=frozenset(Availability),
    sync=(in_shop(states=frozenset(SyncState)),),
)


def test_equal_filters_have_one_fingerprint_whatever_their_order_and_zeros() -> None:
    other = replace(
        FULL,
        item_types=frozenset([ItemType.SET, ItemType.PART]),
        color_ids=frozenset([5, 1]),
        price_from=Decimal("0.1"),
    )
    assert other.fingerprint() == FULL.fingerprint()


@pytest.mark.parametrize(
    "changed",
    [
        {"item_types": frozenset({ItemType.PART})},
        {"item_number": "3001"},
        {"color_ids": frozenset({1})},
        {"location": ""},
        {"tags": ("a",)},
        {"text": "a"},
        {"price_from": None},
        {"price_to": Decimal(1)},
        {"quantity_from": 0},
        {"quantity_to": 0},
        {"archived": True},
        {"archived": None},
        {"availabilities": frozenset()},
        {"sync": ()},
    ],
)
def test_each_field_makes_another_fingerprint(changed: dict[str, Any]) -> None:
    assert replace(FULL, **changed).fingerprint() != FULL.fingerprint()
