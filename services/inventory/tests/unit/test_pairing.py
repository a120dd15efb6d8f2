"""Which lot a listing stands for: a table. What nothing tells apart is asked, never guessed."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from inventory.domain.linking import Shown
from inventory.domain.lot import Lot, LotFields, UsedGrade
from inventory.domain.pairing import MOST_CANDIDATES, Free, Listed, pair
from inventory.testing.lots import NOON, a_lot

OTHER = replace(a_lot().item, color_id=7)


def lots(*each: dict[str, Any]) -> list[Free]:
    return [Free(lot=replace(a_lot(), lot_id=f"lot-{number}", **fields)) for number, fields in enumerate(each)]


def listings(*each: dict[str, Any]) -> list[Listed]:
    return [
        Listed(number=number, external_id=fields.pop("external_id", ""), shown=shown(a_lot(), **fields))
        for number, fields in enumerate(map(dict, each), start=1)
    ]


def shown(lot: Lot, **fields: Any) -> Shown:
    own = {name: getattr(lot, name) for name in LotFields.__dataclass_fields__}
    return Shown(marketplace="brickowl", said=LotFields(**(own | fields)), places=3, read_at=NOON)


CHEAP, DEAR = Decimal("0.1"), Decimal("0.2")


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ([], [{}], [(None, 0)]),
        ([{}], [{}], [(0, 0)]),
        ([{}], [{"quantity": 3}], [(0, 1)]),
        ([{}], [{"item": OTHER}], [(None, 0)]),
        ([{}, {}], [{}, {}], [(0, 0), (1, 0)]),
        ([{"quantity": 3}], [{}, {"quantity": 3}], [(None, 0), (0, 0)]),
        # an external id: ours, or that of a listing elsewhere; one that several have says nothing
        ([{}, {}], [{"external_id": "lot-1", "quantity": 3}], [(1, 1)]),
        ([{}, {"listing_ids": {"bricklink": ("50001001",)}}], [{"external_id": "50001001", "remarks": "x"}], [(1, 1)]),
        ([{}, {}, {}], [{"external_id": "lot-1", "quantity": n} for n in (1, 2)], [(None, 3), (None, 3)]),
        ([{"item": OTHER}], [{"external_id": "lot-0"}], [(None, 0)]),
        # the price, then the remarks, if just one of each side has it; then the only ones that are left
        ([{"unit_price": CHEAP}, {}], [{"quantity": 3}, {"quantity": 4, "unit_price": CHEAP}], [(1, 1), (0, 1)]),
        ([{"remarks": "A"}, {"remarks": "B"}], [{"remarks": "B", "quantity": 3}], [(1, 1)]),
        ([{}], [{"quantity": 3, "remarks": "A"}, {"quantity": 4}], [(None, 1), (None, 1)]),
        ([{}, {}], [{"quantity": 3, "unit_price": DEAR}], [(None, 2)]),
    ],
)
def test_a_listing_stands_for_the_one_lot_that_can_be_meant(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], found: list[tuple[int | None, int]]
) -> None:
    """By row: the lot, and in how many fields it differs; or that none is meant, and of how many it may be one."""
    told = []
    for _, pairing in sorted(pair(listings(*theirs), lots(*ours)).items()):
        place = None if pairing.meant is None else int(pairing.meant.removeprefix("lot-"))
        told.append((place, len(pairing.candidates if place is None else pairing.candidates[0].differences)))
    assert told == found


def test_a_grade_that_the_lot_leaves_unsaid_hinders_nothing_and_another_one_does() -> None:
    names = frozenset({"unit_price", "used_grade"})
    rows = [
        replace(row, shown=replace(row.shown, names=names, said=replace(row.shown.said, used_grade=UsedGrade.GOOD)))
        for row in listings({}, {})
    ]
    found = pair(rows, lots({"used_grade": UsedGrade.LIKE_NEW}, {}))
    assert [(found[number].meant, len(found[number].candidates[0].differences)) for number in (1, 2)] == [
        ("lot-1", 0),
        ("lot-0", 1),
    ]


def test_a_thousand_alike_are_looked_through_once_and_few_are_shown() -> None:
    found = pair(listings(*[{}] * 1_000), lots(*[{}] * 1_000))
    assert {pairing.meant for pairing in found.values()} == {f"lot-{number}" for number in range(1_000)}
    asked = pair(listings(*[{"quantity": number} for number in range(50)]), lots(*[{"quantity": 99}] * 1_000))
    assert {len(pairing.candidates) for pairing in asked.values()} == {MOST_CANDIDATES}
