"""Many lots at once cost few calls, and each is listed once, whatever dies on the way (rules N1, N2, N3)."""

import asyncio

import pytest

from devstack.testing import Stack
from product.lots import Json, upload_file
from product.owl import OwlShop, known_numbers
from product.seller import Seller, is_listed, is_synced
from product.waiting import until
from sandbox.brickowl.catalog import Catalog

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


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("takes_batches", "calls"), [(True, 60), (False, 300)])
async def test_a_limit_below_the_one_that_is_known_drops_nothing(
    stack: Stack, seller: Seller, *, takes_batches: bool, calls: int
) -> None:
    """A thousand lots, and a shop that says 429 long before the calls are made that its manual allows (rule B3)."""
    parts = [(number, 5) for number, _ in known_numbers(Catalog.shipped(), 1000)]
    async with OwlShop.opened(stack, seller, calls_per_minute=calls, knows_batches=takes_batches) as owl:
        await owl.connect()
        await seller.told(
            "POST",
            "/v1/imports",
            params={"currency": "EUR"},
            content=upload_file(len(parts), parts),
            headers={"Content-Type": "application/xml"},
        )
        lots = await until(
            seller.lots,
            lambda found: (
                len(found) == len(parts) and all(lot["sync"]["brickowl"]["state"] == "synced" for lot in found)
            ),
            timeout=800,
            interval=2,
        )
        shown = await owl.control.lots()
        assert sorted((one["personal_note"], one["qty"]) for one in shown.values()) == sorted(
            (lot["remarks"], lot["quantity"]) for lot in lots
        )
        requests = await owl.control.requests()
        assert any(request["code"] == 429 for request in requests)
