"""What is told of a rough day's faults, on requests made up."""

from math import inf
from typing import Any

from chaos.matrix import LOST, REFUSED, SLOW, Cell, matrix
from product.lots import Json

FAULTS = {"1": LOST, "2": REFUSED, "3": SLOW}


def request(
    second: int, method: str, path: str, *, fault: str | None = None, body: Any = None, query: str = ""
) -> Json:
    return {
        "time": f"2026-11-22T12:00:{second:02}Z",
        "method": method,
        "path": path,
        "query": query,
        "body": body,
        "fault": fault,
        "applied": method != "GET" and fault != "2",
    }


def test_a_write_is_made_good_by_a_read_that_shows_its_listing() -> None:
    told = matrix(
        [
            request(0, "PUT", "/inventories/7", fault="1"),
            request(1, "POST", "/inventory/update", fault="2", body={"lot_id": "8"}),
            request(2, "GET", "/inventories/9"),
            request(3, "GET", "/inventory/list", query="lot_id=8&active_only=0", fault="2"),
            request(4, "GET", "/inventory/list", query="lot_id=8&active_only=0", fault="3"),
            request(9, "GET", "/inventories"),
        ],
        FAULTS,
    )
    assert told == {
        (LOST, "update"): Cell(tried=1, seconds=[9]),
        (REFUSED, "update"): Cell(tried=1, seconds=[3]),
        (REFUSED, "a listing"): Cell(tried=1, seconds=[1]),
        (SLOW, "a listing"): Cell(tried=1, seconds=[]),
    }


def test_a_read_is_made_good_by_the_next_answer_to_its_like_several_at_once_too() -> None:
    view = [{"endpoint": "order/view", "request_method": "GET", "params": [{"order_id": "1"}]}]
    told = matrix(
        [
            request(0, "GET", "/orders/3/items", fault="2"),
            request(1, "POST", "/bulk/batch", fault="1", body=view),
            request(2, "GET", "/orders"),
            request(3, "POST", "/bulk/batch", fault="2", body=view),
            request(4, "GET", "/orders/4/items"),
            request(5, "POST", "/bulk/batch", body=view),
        ],
        FAULTS,
    )
    assert told == {
        (REFUSED, "an order's lines"): Cell(tried=1, seconds=[4]),
        (LOST, "an order, several"): Cell(tried=1, seconds=[4]),
        (REFUSED, "an order, several"): Cell(tried=1, seconds=[2]),
    }


def test_what_is_done_once_more_before_a_read_shows_it_is_done_blindly() -> None:
    less, more = {"quantity": "-2"}, {"quantity": "+3"}
    told = matrix(
        [
            request(0, "PUT", "/inventories/7", fault="1", body=less),
            request(1, "PUT", "/inventories/8", fault="1", body=less),
            request(2, "PUT", "/inventories/9", fault="1", body=less),
            request(3, "PUT", "/inventories/7", body=less),
            request(4, "PUT", "/inventories/8", fault="2", body=less),
            request(5, "PUT", "/inventories/9", body=more),
            request(6, "GET", "/inventories/8"),
            request(7, "PUT", "/inventories/8", body=less),
            request(8, "DELETE", "/inventories/7", fault="1"),
        ],
        FAULTS,
    )
    assert told == {
        (LOST, "removal"): Cell(tried=1, seconds=[inf]),
        (LOST, "update"): Cell(tried=3, seconds=[inf, 5, inf], again=1),
        (REFUSED, "update"): Cell(tried=1, seconds=[2]),
    }
    assert str(told[LOST, "update"]) == "3 | 1 | never, never"
