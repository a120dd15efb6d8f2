"""Which request a fault hits."""

from typing import Any

import pytest
from pydantic import ValidationError

from sandbox.bricklink.shop import Shop
from sandbox.hosting.faults import Fault, Faults

from .conftest import MakeShop

PUT = (
    "PUT",
    "/inventories/50001001",
    {"quantity": "-3", "description": "", "item": {"no": "3001"}, "lots": [{"no": "3001"}, {"no": "3002"}]},
)


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"method": "PUT"}, True),
        ({"method": "put"}, True),
        ({"method": "POST"}, False),
        ({"path": "/inventories/50001001"}, True),
        ({"path": r"/inventories/\d+"}, True),
        ({"path": "/inventories"}, False),
        ({"path": "/inventories.*"}, True),
        ({"body": {"quantity": "-3"}}, True),
        ({"body": {"quantity": "-3", "description": ""}}, True),
        ({"body": {"quantity": -3}}, False),
        ({"body": {"item.no": "3001"}}, True),
        ({"body": {"item.no.x": "3001"}}, False),
        ({"body": {"lots.1.no": "3002"}}, True),
        ({"body": {"lots.2.no": "3002"}}, False),
        ({"body_has": ["quantity"]}, True),
        ({"body_has": ["quantity", "unit_price"]}, False),
    ],
)
def test_a_fault_matches_by_method_path_and_body(make_shop: MakeShop, match: dict[str, Any], hit: bool) -> None:
    faults: Faults[Shop] = Faults(lambda: None)
    active = faults.set(Fault(effect="drop", **match), make_shop())
    assert (faults.hit(1, *PUT) is active) == hit


def test_any_element_of_an_array_matches(make_shop: MakeShop) -> None:
    faults: Faults[Shop] = Faults(lambda: None)
    faults.set(Fault(effect="drop", body={"remarks": "b"}, body_has=["quantity"]), make_shop())
    assert faults.hit(1, "POST", "/inventories", [{"remarks": "b"}, {"quantity": 1}]) is None
    assert faults.hit(2, "POST", "/inventories", [{"remarks": "a"}, {"remarks": "b", "quantity": 1}])


@pytest.mark.parametrize(
    ("nth", "count", "hits"),
    [(1, 1, [1]), (3, 1, [3]), (2, 2, [2, 3]), (1, None, [1, 2, 3, 4, 5]), (4, None, [4, 5])],
)
def test_the_nth_match_and_so_many_after_it_are_hit(
    make_shop: MakeShop, nth: int, count: int | None, hits: list[int]
) -> None:
    faults: Faults[Shop] = Faults(lambda: None)
    active = faults.set(Fault(effect="drop", method="PUT", nth=nth, count=count), make_shop())
    for number in range(1, 6):
        faults.hit(number, *PUT)
        faults.hit(100 + number, "GET", "/orders", None)
    assert [hit.request for hit in active.hits] == hits
    assert active.matched == 5
    assert active.is_spent == (count is not None)


def test_of_every_few_matches_from_the_nth_on_one_is_hit(make_shop: MakeShop) -> None:
    faults: Faults[Shop] = Faults(lambda: None)
    active = faults.set(Fault(effect="drop", nth=2, every=3, count=None), make_shop())
    for number in range(1, 10):
        faults.hit(number, *PUT)
    assert [hit.request for hit in active.hits] == [2, 5, 8]


def test_the_first_of_several_faults_hits_and_the_others_still_count(make_shop: MakeShop) -> None:
    faults: Faults[Shop] = Faults(lambda: None)
    first = faults.set(Fault(effect="drop"), make_shop())
    second = faults.set(Fault(effect="delay", nth=2), make_shop())
    assert faults.hit(1, *PUT) is first
    assert faults.hit(2, *PUT) is second
    assert faults.hit(3, *PUT) is None


@pytest.mark.parametrize(
    "bad", [{"effect": "explode"}, {"effect": "drop", "path": "("}, {"effect": "drop", "nth": 0}, {}]
)
def test_a_fault_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(bad)
