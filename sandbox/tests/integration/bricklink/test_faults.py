"""Each fault over real HTTP, judged by the request log and the stock."""

import asyncio
from typing import Any

import httpx
import pytest

from .conftest import LOT, Shop

MINUS_3 = {"quantity": "-3", "description": ""}
LOST_CONNECTION = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture
async def lot_id(shop: Shop) -> int:
    return int((await shop.control.add_lot(**LOT))["inventory_id"])


async def stock(shop: Shop, lot_id: int) -> int:
    return int((await shop.control.lots())[lot_id]["quantity"])


async def only_put(shop: Shop) -> Any:
    (logged,) = await shop.control.requests(method="PUT")
    return logged


@pytest.mark.parametrize(("when", "held_stock"), [("before", 40), ("after", 37)])
async def test_a_withheld_reply_comes_when_released(shop: Shop, lot_id: int, when: str, held_stock: int) -> None:
    fault = await shop.control.set_fault("withhold", when=when, method="PUT", body={"quantity": "-3"})
    put = asyncio.create_task(shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))
    hit = await shop.control.wait_for_fault(fault)
    assert hit["hits"][0]["held"]
    (held,) = await shop.control.wait_for_requests(reply="withheld")
    assert held["applied"] == (when == "after")
    assert await stock(shop, lot_id) == held_stock
    assert await shop.control.release(fault) == 1
    assert (await put)["data"]["quantity"] == 37
    logged = await only_put(shop)
    assert (logged["reply"], logged["fault"], logged["code"]) == ("sent", fault, 200)
    assert logged["lots"] == [{"inventory_id": lot_id, "quantity_before": 40, "quantity_after": 37}]
    assert await shop.control.release(fault) == 0


@pytest.mark.parametrize(
    ("when", "lands_late", "left"), [("before", False, 40), ("before", True, 37), ("after", False, 37)]
)
async def test_a_client_that_gives_up_waiting(shop: Shop, lot_id: int, when: str, lands_late: bool, left: int) -> None:
    """Before: the write never lands, unless it is said to land late: on release, with nobody there."""
    fault = await shop.control.set_fault("withhold", when=when, lands_late=lands_late, method="PUT")
    put = asyncio.create_task(shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))
    await shop.control.wait_for_fault(fault)
    put.cancel()
    (abandoned,) = await shop.control.wait_for_requests(reply="abandoned")
    assert abandoned["applied"] == (when == "after")
    await shop.control.release(fault)
    if lands_late:
        await shop.control.wait_for_requests(method="PUT", applied=True)
    assert await stock(shop, lot_id) == left
    logged = await only_put(shop)
    assert (logged["reply"], logged["applied"]) == ("abandoned", left == 37)


async def test_a_withheld_reply_can_release_itself(shop: Shop, lot_id: int) -> None:
    await shop.control.set_fault("withhold", when="after", seconds=0.01, method="PUT")
    assert (await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))["data"]["quantity"] == 37


@pytest.mark.parametrize(("when", "left"), [("before", 40), ("after", 37)])
async def test_a_dropped_connection(shop: Shop, lot_id: int, when: str, left: int) -> None:
    await shop.control.set_fault("drop", when=when, method="PUT", path=f"/inventories/{lot_id}")
    with pytest.raises(LOST_CONNECTION):
        await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3)
    assert await stock(shop, lot_id) == left
    (logged,) = await shop.control.wait_for_requests(reply="dropped")
    assert logged["applied"] == (left == 37)
    assert (await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))["data"]["quantity"] == left - 3


async def test_a_delayed_request_lands_even_when_the_client_has_left(shop: Shop, lot_id: int) -> None:
    fault = await shop.control.set_fault("delay", seconds=0.3, method="PUT", count=2)
    assert (await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))["data"]["quantity"] == 37
    put = asyncio.create_task(shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))
    await shop.control.wait_for_fault(fault, hits=2)
    put.cancel()
    await shop.control.wait_for_requests(2, method="PUT", applied=True)
    assert await stock(shop, lot_id) == 34


@pytest.mark.parametrize(("when", "left"), [("before", 40), ("after", 37)])
@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ({"effect": "html_503"}, 503, None),
        ({"effect": "html_200"}, 200, None),
        ({"effect": "http_429"}, 429, None),
        ({"effect": "http_429", "retry_after": 7}, 429, "7"),
    ],
)
async def test_an_answer_without_envelope(
    shop: Shop, lot_id: int, when: str, left: int, fault: dict[str, Any], status: int, retry_after: str | None
) -> None:
    await shop.control.set_fault(**fault, when=when, method="PUT|DELETE")
    response = await shop.api.http.put(f"/inventories/{lot_id}", json=MINUS_3)
    assert (response.status_code, response.headers.get("Retry-After")) == (status, retry_after)
    assert not response.headers["Content-Type"].startswith("application/json")
    assert await stock(shop, lot_id) == left
    logged = await only_put(shop)
    assert (logged["code"], logged["applied"]) == (status, left == 37)


async def test_an_error_envelope_with_the_key_in_it(shop: Shop) -> None:
    await shop.control.set_fault("error", path="/orders")
    answer = await shop.api.call("GET", "/orders")
    key = shop.keys["consumer_key"]
    assert answer["meta"] == {
        "code": 401,
        "message": "BAD_OAUTH_REQUEST",
        "description": f"TOKEN_IP_MISMATCHED: consumer: {key} IP: 127.0.0.1",
    }
    (logged,) = await shop.control.requests()
    assert (logged["auth"], logged["code"]) == ("ok", 401)
    assert key not in str(logged)


async def test_an_error_envelope_of_ones_choice(shop: Shop, lot_id: int) -> None:
    await shop.control.set_fault(
        "error", method="PUT", when="after", code=500, message="INTERNAL_SERVER_ERROR", description="oops"
    )
    answer = await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3)
    assert answer["meta"] == {"code": 500, "message": "INTERNAL_SERVER_ERROR", "description": "oops"}
    assert await stock(shop, lot_id) == 37


async def test_an_empty_list(shop: Shop, lot_id: int) -> None:
    await shop.control.set_fault("empty_list", path="/inventories", nth=2)
    assert [len(await shop.api.get("/inventories")) for _ in range(3)] == [1, 0, 1]


async def test_a_stale_answer_is_the_shop_as_it_was_when_the_fault_was_made(shop: Shop, lot_id: int) -> None:
    await shop.control.set_fault("stale", method="GET", count=3)
    await shop.control.order({lot_id: 5})
    await shop.control.add_lot(**LOT)
    assert [lot["quantity"] for lot in await shop.api.get("/inventories")] == [40]
    assert (await shop.api.get(f"/inventories/{lot_id}"))["quantity"] == 40
    assert await shop.api.get("/orders") == []
    assert [lot["quantity"] for lot in await shop.api.get("/inventories")] == [35, 40]
    assert len(await shop.api.get("/orders")) == 1


async def test_lists_with_something_missing(shop: Shop, lot_id: int) -> None:
    other = (await shop.control.add_lot(**LOT))["inventory_id"]
    order_id = (await shop.control.order({lot_id: 1}))["order_id"]
    await shop.control.set_fault("without_lots", path="/inventories", ids=[lot_id])
    await shop.control.set_fault("without_orders", path="/orders", ids=[order_id])
    assert [lot["inventory_id"] for lot in await shop.api.get("/inventories")] == [other]
    assert await shop.api.get("/orders") == []
    assert len(await shop.api.get("/inventories")) == 2
    assert len(await shop.api.get("/orders")) == 1


async def test_an_order_can_be_listed_later_than_its_pieces_leave(shop: Shop, lot_id: int) -> None:
    order_id = (await shop.control.order({lot_id: 5}, listed_after_seconds=60))["order_id"]
    assert await stock(shop, lot_id) == 35
    assert await shop.api.get("/orders") == []
    assert (await shop.api.call("GET", f"/orders/{order_id}"))["meta"]["code"] == 404
    await shop.control.switch(clock_offset_seconds=61)
    assert [order["order_id"] for order in await shop.api.get("/orders")] == [order_id]


async def test_faults_are_listed_removed_and_cleared(shop: Shop, lot_id: int) -> None:
    held = await shop.control.set_fault("withhold", path="/orders")
    await shop.control.set_fault("drop", method="PUT", count=None)
    get = asyncio.create_task(shop.api.get("/orders"))
    await shop.control.wait_for_fault(held)
    await shop.control.clear_faults()
    assert await get == []
    assert (await shop.api.call("PUT", f"/inventories/{lot_id}", MINUS_3))["meta"]["code"] == 200


async def test_waiting_for_what_does_not_happen_ends(shop: Shop) -> None:
    fault = await shop.control.set_fault("drop")
    with pytest.raises(httpx.HTTPStatusError, match="408"):
        await shop.control.wait_for_fault(fault, timeout=0.05)
    with pytest.raises(httpx.HTTPStatusError, match="408"):
        await shop.control.wait_for_requests(1, timeout=0.05)
