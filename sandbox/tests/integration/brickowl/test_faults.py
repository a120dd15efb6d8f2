"""Faults on Brick Owl's calls; how they work in general is tested with BrickLink's."""

import asyncio
from typing import Any

import httpx
import pytest

from .conftest import LOT, Shop

MINUS_3 = {"relative_quantity": "-3"}
UPDATE = "/inventory/update"


@pytest.mark.parametrize(("when", "left"), [("before", 40), ("after", 37)])
async def test_an_answer_that_is_lost(shop: Shop, lot_id: int, when: str, left: int) -> None:
    await shop.control.set_fault("drop", when=when, path=UPDATE, body={"lot_id": str(lot_id)})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await shop.api.post(UPDATE, lot_id=str(lot_id), **MINUS_3)
    assert await shop.quantities() == [left]
    (logged,) = await shop.control.wait_for_requests(reply="dropped")
    assert (logged["applied"], logged["body"]) == (left == 37, {"lot_id": str(lot_id), **MINUS_3})


async def test_a_write_that_lands_late(shop: Shop, lot_id: int) -> None:
    fault = await shop.control.set_fault("withhold", lands_late=True, path=UPDATE)
    post = asyncio.create_task(shop.api.post(UPDATE, lot_id=str(lot_id), **MINUS_3))
    await shop.control.wait_for_fault(fault)
    post.cancel()
    await shop.control.wait_for_requests(reply="abandoned")
    assert await shop.quantities() == [40]
    await shop.control.release(fault)
    await shop.control.wait_for_requests(path=UPDATE, applied=True)
    assert await shop.quantities() == [37]


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"effect": "html_503"}, 503, "<html>"),
        ({"effect": "http_429", "retry_after": 7}, 429, "Too Many Requests"),
        ({"effect": "error"}, 403, '{"error":{"status":"Invalid key"}}'),
        ({"effect": "error", "code": 500, "message": "oops"}, 500, '{"error":{"status":"oops"}}'),
    ],
)
@pytest.mark.parametrize(("when", "left"), [("before", 40), ("after", 37)])
async def test_an_answer_of_another_kind(
    shop: Shop, lot_id: int, when: str, left: int, fault: dict[str, Any], status: int, text: str
) -> None:
    await shop.control.set_fault(**fault, when=when, path=UPDATE)
    response = await shop.api.send(UPDATE, lot_id=str(lot_id), **MINUS_3)
    assert (response.status_code, response.text.startswith(text)) == (status, True)
    assert response.headers.get("Retry-After") == ("7" if "retry_after" in fault else None)
    assert await shop.quantities() == [left]


async def test_lists_that_lie(shop: Shop, lot_id: int) -> None:
    other = (await shop.control.add_lot(**LOT))["lot_id"]
    order_id = (await shop.control.order({lot_id: 1}))["order_id"]
    await shop.control.set_fault("without_lots", path="/inventory/list", ids=[lot_id])
    await shop.control.set_fault("empty_list", path="/inventory/list", nth=2)
    await shop.control.set_fault("stale", path="/inventory/list", nth=3)
    await shop.control.set_fault("without_orders", path="/order/list", ids=[order_id])
    await shop.control.edit_lot(other, quantity=5)
    listed = [[lot["qty"] for lot in await shop.api.get("/inventory/list")] for _ in range(4)]
    assert listed == [["5"], [], ["39", "40"], ["39", "5"]]
    assert [len(await shop.api.get("/order/list")) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(("when", "left"), [("before", [39, 40]), ("after", [39, 39])])
async def test_a_batch_that_is_answered_in_part(shop: Shop, lot_id: int, when: str, left: list[int]) -> None:
    other = (await shop.control.add_lot(**LOT))["lot_id"]
    await shop.control.set_fault("short_batch", when=when, entries=1, body={"params.0.lot_id": other})
    entries = [("inventory/update", {"lot_id": one, "relative_quantity": -1}) for one in (lot_id, other)]
    assert [answer["code"] for answer in await shop.api.batch(*entries)] == [200]
    assert await shop.quantities() == left
