"""The judge of a rough day lets pass what adds up in both shops and names what does not, on evidence made up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from chaos.rough_day import Sale
from chaos.two_shops import Evidence, Shop, faults_in, seconds_to_the_other_shop, weighed
from product.lots import Json

LOT = "lot-1"
LISTINGS = {"bricklink": 50_001_001, "brickowl": 70_000_001}
WORDS = {"bricklink": "inventory_id", "brickowl": "lot_id"}
SALE = Sale(marketplace="bricklink", order_id="9", remarks="3001", pieces=4, at=1_762_000_000.0)


def told() -> Evidence:
    """A lot of 60 pieces and of 7 more, of which BrickLink sold 4: what all sides then say."""
    return Evidence(
        left={"3001": 63},
        sales=[SALE],
        lots=[
            {
                "lot_id": LOT,
                "remarks": "3001",
                "quantity": 63,
                "unit_price": {"amount": "0.124", "currency": "EUR"},
                "sync": {name: {"state": "synced", "listing_id": str(id_)} for name, id_ in LISTINGS.items()},
            }
        ],
        changes=[change(-4, order_id="9"), change(7), change(60)],  # the newest first, as REST has them
        oversold=frozenset(),
        shops={
            "bricklink": shop("bricklink", 60, 67, remarks="3001", quantity=63, unit_price="0.1240"),
            "brickowl": shop("brickowl", 60, 67, 63, personal_note="3001", qty=63, base_price="0.124"),
        },
    )


def change(delta: int, order_id: str | None = None) -> Json:
    order = order_id and {
        "order_id": order_id,
        "marketplace": "bricklink",
        "listing_id": str(LISTINGS["bricklink"]),
    }
    return {
        "lot_id": LOT,
        "type": "sold" if order else "created",
        "source": "order" if order else "user",
        "quantity_delta": delta,
        "order": order,
    }


def write(name: str, number: int, before: int, after: int) -> Json:
    """An applied request, so many seconds after the sale."""
    effect = {WORDS[name]: LISTINGS[name], "quantity_before": before, "quantity_after": after}
    return {"number": number, "time": f"2025-11-01T12:26:{40 + number}Z", "fault": None, "lots": [effect]}


def shop(name: str, *numbers: int, **lot: Any) -> Shop:
    """A shop that holds the lot; `numbers`: of pieces to which writes brought it, one after the other."""
    steps = enumerate(pairwise((0, *numbers)), start=1)
    writes = [write(name, number, before, after) for number, (before, after) in steps]
    return Shop(word=WORDS[name], lots={LISTINGS[name]: lot}, writes=writes, requests=writes, faults={})


def spoilt(
    evidence: Evidence, name: str, *, lots: dict[int, Json] | None = None, writes: Sequence[Json] = ()
) -> Evidence:
    """The same but for what one shop says."""
    there = evidence.shops[name]
    there = replace(there, lots=there.lots if lots is None else lots, writes=writes or there.writes)
    return replace(evidence, shops={**evidence.shops, name: there})


def test_what_adds_up_has_no_fault() -> None:
    assert faults_in(told()) == []
    assert weighed(told()).total() == 1, "the lot itself"


def test_a_sale_is_gone_when_the_other_shop_was_told_of_it() -> None:
    assert seconds_to_the_other_shop(told()) == [pytest.approx(3)]


def a_write_done_twice(tale: Evidence) -> Evidence:
    twice = [write("brickowl", 4, 67, 74), write("brickowl", 5, 74, 63)]
    return spoilt(tale, "brickowl", writes=[*tale.shops["brickowl"].writes[:2], *twice])


def a_sale_never_told(tale: Evidence) -> Evidence:
    [(listing_id, lot)] = tale.shops["brickowl"].lots.items()
    return spoilt(tale, "brickowl", lots={listing_id: {**lot, "qty": 67}})


def an_old_price(tale: Evidence) -> Evidence:
    [(listing_id, lot)] = tale.shops["brickowl"].lots.items()
    return spoilt(tale, "brickowl", lots={listing_id: {**lot, "base_price": "0.120"}})


def a_second_listing(tale: Evidence) -> Evidence:
    [(listing_id, lot)] = tale.shops["bricklink"].lots.items()
    return spoilt(tale, "bricklink", lots={listing_id: lot, listing_id + 1: {**lot, "quantity": 0}})


def a_listing_of_nobody(tale: Evidence) -> Evidence:
    [(listing_id, lot)] = tale.shops["bricklink"].lots.items()
    return spoilt(tale, "bricklink", lots={listing_id: lot, listing_id + 1: {**lot, "remarks": "3002"}})


def no_listing(tale: Evidence) -> Evidence:
    return spoilt(tale, "bricklink", lots={})


def a_sale_counted_twice(tale: Evidence) -> Evidence:
    return replace(tale, changes=[change(-4, order_id="9"), *tale.changes])


def a_sale_not_counted(tale: Evidence) -> Evidence:
    return replace(tale, sales=[SALE, replace(SALE, marketplace="brickowl", order_id="8", pieces=1)])


def a_piece_missing_here(tale: Evidence) -> Evidence:
    return replace(tale, lots=[{**tale.lots[0], "quantity": 62}])


def a_lot_lost(tale: Evidence) -> Evidence:
    return replace(tale, lots=[])


def more_sold_than_there_was(tale: Evidence) -> Evidence:
    return replace(tale, left={"3001": -1})


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (a_write_done_twice, "3001: brickowl: request 4 moved it by 7 to 74, sales apart; wanted were [60, 67, 63]"),
        (a_sale_never_told, "3001: brickowl has 67, 63 are left"),
        (an_old_price, "3001: brickowl has it for 0.120, the lot costs 0.124"),
        (a_second_listing, "bricklink has 2 listings of '3001'"),
        (a_listing_of_nobody, "bricklink has 1 listings of '3002'"),
        (no_listing, "3001: bricklink has 0, 63 are left"),
        (a_sale_counted_twice, "3001: the change log has counted {('bricklink', '9'): 8} of the orders"),
        (a_sale_not_counted, "3001: the change log has counted {('bricklink', '9'): 4} of the orders"),
        (a_piece_missing_here, "3001: REST says 62 pieces, 63 are left"),
        (a_lot_lost, "the lots are not those that were made: []"),
        (more_sold_than_there_was, "3001: 1 pieces more were sold than there were, and no oversell says so"),
    ],
)
def test_what_does_not_add_up_is_named(spoil: Callable[[Evidence], Evidence], named: str) -> None:
    found = faults_in(spoil(told()))
    assert any(fault.startswith(named) for fault in found), found
