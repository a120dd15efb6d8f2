"""Many lots at once cost few calls, and each is listed once, whatever dies on the way (rules N1, N2, N3)."""

import asyncio

from devstack.testing import Stack
from product.lots import Json, upload_file
from product.seller import Seller, is_listed, is_synced
from product.waiting import until

_WITHIN = 180.0
"""Seconds for some hundred lots."""


async def imported(trader: Seller, lots: int) -> None:
    await trader.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=upload_file(lots),
        headers={"Content-Type": "application/xml"},
    )


async def listed_once(trader: Seller, lots: int) -> list[Json]:
    """Every lot, once all are in the shop; each has a listing of its own that shows its pieces."""
    known = await until(
        trader.lots, lambda found: len(found) == lots and all(map(is_synced, found)), timeout=_WITHIN, interval=0.5
    )
    shown = await trader.shop.lots()
    assert all(map(is_listed, known))
    assert {listing["remarks"]: listing["quantity"] for listing in shown.values()} == {
        lot["remarks"]: lot["quantity"] for lot in known
    }
    assert len(shown) == lots
    return known


async def test_three_hundred_lots_take_few_calls(trader: Seller) -> None:
    await imported(trader, 300)
    await listed_once(trader, 300)
    requests = await trader.shop.requests()
    lists = [one for one in requests if one["method"] == "GET" and one["path"].endswith("/inventories")]
    assert len(await trader.writes()) <= 40
    assert len(lists) <= 10


async def test_a_worker_killed_while_a_call_makes_many(trader: Seller, stack: Stack) -> None:
    fault = await trader.shop.set_fault("withhold", when="after", method="POST", path="/inventories")
    await imported(trader, 150)
    await trader.shop.wait_for_fault(fault)
    await asyncio.to_thread(stack.kill, "sync-bricklink")
    await trader.shop.release(fault)
    await asyncio.to_thread(stack.start_again, "sync-bricklink")
    await listed_once(trader, 150)
