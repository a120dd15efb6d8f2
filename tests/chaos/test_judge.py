"""The judge lets pass what adds up and names what does not: else no test of this folder proves anything."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from chaos.judge import Evidence, faults_in
from chaos.load import Command
from product.lots import Json

LOT, LISTING, ORDER = "lot-1", 50_001_001, 9_000_001


def told() -> dict[str, Any]:
    """A lot of 100 pieces, +7 and -3 by its seller, a new price, 4 sold: what all sides then say."""
    return {
        "commands": [
            Command(reason="make", remarks="a", type="created", delta=100),
            Command(reason="more", remarks="a", type="adjusted", delta=7),
            Command(reason="dearer", remarks="a", type="updated"),
            Command(reason="fewer", remarks="a", type="adjusted", delta=-3),
        ],
        "lots": [
            {
                "lot_id": LOT,
                "remarks": "a",
                "revision": 5,
                "quantity": 100,
                "sold": 4,
                "unit_price": {"amount": "0.2", "currency": "EUR"},
                "sync": {"bricklink": status(LISTING)},
            }
        ],
        "changes": [  # the newest first, as REST has them
            change(5, "adjusted", "fewer", -3),
            change(4, "sold", "", -4, order=ORDER),
            change(3, "updated", "dearer", 0, unit_price="0.2"),
            change(2, "adjusted", "more", 7),
            change(1, "created", "make", 100, unit_price="0.12"),
        ],
        "listings": {LISTING: {"remarks": "a", "quantity": 100, "unit_price": "0.2000"}},
        "orders": {ORDER: order(ORDER, LISTING, 4, minute=3)},
        "requests": [
            write(1, "POST", None, 100, remarks="a", unit_price="0.1200"),
            write(2, "PUT", 100, 107, quantity="+7", unit_price="0.2000"),
            write(4, "PUT", 103, 100, quantity="-3"),
        ],
    }


def status(listing_id: int | None, state: str = "synced", revision: int = 5) -> Json:
    groups = {group: {"settled_revision": revision} for group in ("quantity", "price", "text", "rest")}
    return {"state": state, "listing_id": None if listing_id is None else str(listing_id), "groups": groups}


def change(revision: int, kind: str, reason: str, delta: int, *, order: int | None = None, **after: str) -> Json:
    return {
        "lot_id": LOT,
        "revision": revision,
        "type": kind,
        "source": "user" if order is None else "order",
        "reason": reason,
        "quantity_delta": delta,
        "after": after,
        "order": order and {"order_id": str(order)},
    }


def order(order_id: int, listing_id: int, quantity: int, *, minute: int) -> Json:
    line = {"inventory_id": listing_id, "remarks": "a", "quantity": quantity}
    return {"order_id": order_id, "date_ordered": f"2026-11-01T10:0{minute}:00Z", "batches": [[line]]}


def write(
    minute: int, method: str, before: int | None, after: int | None, *, listing: int = LISTING, **body: str
) -> Json:
    effect = {"inventory_id": listing, "quantity_before": before, "quantity_after": after}
    time = f"2026-11-01T10:0{minute}:00Z"
    return {"number": minute, "time": time, "method": method, "body": body or None, "lots": [effect]}


def judged(told: dict[str, Any]) -> list[str]:
    return faults_in(Evidence(**told))


def test_what_adds_up_has_no_fault() -> None:
    assert judged(told()) == []


def test_a_call_that_made_several_listings_is_as_many_calls() -> None:
    tale = told()
    first = tale["requests"][0]
    other = {"inventory_id": LISTING + 1, "quantity_before": None, "quantity_after": 5}
    first["body"], first["lots"] = [first["body"], {"remarks": "b"}], [*first["lots"], other]
    assert judged(tale) == []
    first["body"][1] = dict(first["body"][0])
    assert any(f"listing {LISTING + 1} was made while {LISTING} lived" in fault for fault in judged(tale))


def test_a_lot_that_sold_out_may_be_listed_again() -> None:
    again = LISTING + 1
    tale = told()
    tale["orders"][ORDER + 1] = order(ORDER + 1, LISTING, 100, minute=5)
    tale["commands"].append(Command(reason="again", remarks="a", type="adjusted", delta=20))
    tale["changes"][:0] = [change(7, "adjusted", "again", 20), change(6, "sold", "", -100, order=ORDER + 1)]
    tale["lots"][0] |= {"revision": 7, "quantity": 20, "sold": 104, "sync": {"bricklink": status(again, revision=7)}}
    tale["listings"] = {again: {"remarks": "a", "quantity": 20, "unit_price": "0.2000"}}
    tale["requests"].append(write(6, "POST", None, 20, listing=again, remarks="a", unit_price="0.2000"))
    assert judged(tale) == []
    tale["requests"][-1]["time"] = "2026-11-01T10:04:30Z"
    assert judged(tale) == [f"a: listing {again} was made while {LISTING} lived"]


def a_delta_doubled(tale: dict[str, Any]) -> None:
    tale["requests"].insert(2, write(3, "PUT", 103, 110, quantity="+7"))
    tale["requests"][3] = write(4, "PUT", 110, 107, quantity="-3")
    tale["listings"][LISTING]["quantity"] = 107


def a_delta_doubled_and_made_up_for(tale: dict[str, Any]) -> None:
    """Right in the end, yet buyers could have bought seven pieces that nobody has."""
    tale["requests"].insert(2, write(3, "PUT", 103, 110, quantity="+7"))
    tale["requests"][3] = write(4, "PUT", 110, 100, quantity="-10")


def a_price_set_twice(tale: dict[str, Any]) -> None:
    tale["requests"].append(write(5, "PUT", 100, 100, unit_price="0.2000"))


def a_price_set_back(tale: dict[str, Any]) -> None:
    tale["requests"].insert(1, write(1, "PUT", 100, 100, unit_price="0.2000"))
    tale["requests"][2] = write(2, "PUT", 100, 107, quantity="+7", unit_price="0.1200")


def a_second_listing(tale: dict[str, Any]) -> None:
    tale["requests"].append(write(5, "POST", None, 100, listing=LISTING + 1, remarks="a", unit_price="0.2000"))
    tale["listings"][LISTING + 1] = dict(tale["listings"][LISTING])


def a_second_listing_removed_again(tale: dict[str, Any]) -> None:
    tale["requests"].append(write(5, "POST", None, 100, listing=LISTING + 1, remarks="a", unit_price="0.2000"))
    tale["requests"].append(write(6, "DELETE", 100, None, listing=LISTING + 1))


def a_listing_of_nobody(tale: dict[str, Any]) -> None:
    tale["listings"][LISTING + 1] = {**tale["listings"][LISTING], "remarks": "b"}


def a_piece_missing_in_the_shop(tale: dict[str, Any]) -> None:
    tale["listings"][LISTING]["quantity"] = 99


def a_piece_missing_here(tale: dict[str, Any]) -> None:
    tale["lots"][0]["quantity"] = 99


def an_old_price_in_the_shop(tale: dict[str, Any]) -> None:
    tale["listings"][LISTING]["unit_price"] = "0.1200"


def no_listing(tale: dict[str, Any]) -> None:
    tale["listings"] = {}


def a_lot_twice(tale: dict[str, Any]) -> None:
    tale["lots"].append({**deepcopy(tale["lots"][0]), "lot_id": "lot-2"})


def a_lot_lost(tale: dict[str, Any]) -> None:
    tale["lots"], tale["listings"] = [], {}


def a_command_lost(tale: dict[str, Any]) -> None:
    tale["changes"] = [one for one in tale["changes"] if one["reason"] != "dearer"]


def a_command_done_twice(tale: dict[str, Any]) -> None:
    tale["changes"].insert(0, change(6, "updated", "dearer", 0, unit_price="0.2"))
    tale["lots"][0] |= {"revision": 6, "sync": {"bricklink": status(LISTING, revision=6)}}


def a_sale_counted_twice(tale: dict[str, Any]) -> None:
    tale["changes"].insert(0, change(6, "sold", "", -4, order=ORDER))
    tale["lots"][0] |= {"revision": 6, "quantity": 96, "sold": 8, "sync": {"bricklink": status(LISTING, revision=6)}}


def a_sale_not_counted(tale: dict[str, Any]) -> None:
    tale["orders"][ORDER + 1] = order(ORDER + 1, LISTING, 1, minute=5)
    tale["listings"][LISTING]["quantity"] = 99


def a_status_that_waits(tale: dict[str, Any]) -> None:
    tale["lots"][0]["sync"]["bricklink"] = status(LISTING, state="pending")


def a_status_of_long_ago(tale: dict[str, Any]) -> None:
    tale["lots"][0]["sync"]["bricklink"] = status(LISTING, revision=4)


def a_status_of_another_listing(tale: dict[str, Any]) -> None:
    tale["lots"][0]["sync"]["bricklink"] = status(LISTING + 1)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (a_delta_doubled, "request 3 moved it by 7 to 114, sales apart"),
        (a_delta_doubled_and_made_up_for, "request 3 moved it by 7 to 114, sales apart"),
        (a_price_set_twice, "request 5 set the price to 0.2000 again"),
        (a_price_set_back, "request 2 set the price to 0.1200 again"),
        (a_second_listing, f"listing {LISTING + 1} was made while {LISTING} lived"),
        (a_second_listing, "the shop has [100, 100], 100 are left"),
        (a_second_listing_removed_again, f"listing {LISTING + 1} was made while {LISTING} lived"),
        (a_listing_of_nobody, f"listing {LISTING + 1} stands for no lot"),
        (a_piece_missing_in_the_shop, "the shop has [99], 100 are left"),
        (a_piece_missing_here, "REST says 99 pieces, 100 are left"),
        (an_old_price_in_the_shop, f"listing {LISTING} costs 0.1200, the lot 0.2"),
        (no_listing, "the shop has [], 100 are left"),
        (no_listing, f"the status names listing {LISTING}, the shop has []"),
        (a_lot_twice, "the lots are not those that were asked for: ['a', 'a']"),
        (a_lot_lost, "the lots are not those that were asked for: []"),
        (a_command_lost, "revision 5, and the change log has [1, 2, 4, 5]"),
        (a_command_lost, "for the commands"),
        (a_command_done_twice, "for the commands"),
        (a_sale_counted_twice, "has counted {'9000001': 8} of the orders {'9000001': 4}"),
        (a_sale_counted_twice, "8 pieces are said to be sold, and 4 were"),
        (a_sale_not_counted, "has counted {'9000001': 4} of the orders {'9000001': 4, '9000002': 1}"),
        (a_status_that_waits, "the status at revision 5 is"),
        (a_status_of_long_ago, "the status at revision 5 is"),
        (a_status_of_another_listing, f"the status names listing {LISTING + 1}, the shop has ['{LISTING}']"),
    ],
)
def test_a_fault_is_named(spoil: Callable[[dict[str, Any]], None], named: str) -> None:
    tale = told()
    spoil(tale)
    assert any(named in fault for fault in judged(tale)), judged(tale)
