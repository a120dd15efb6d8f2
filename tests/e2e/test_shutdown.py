"""SIGTERM drains: what was begun is finished, the process ends with 0, and the product goes on when it is back."""

import asyncio

import pytest

from devstack.testing import Stack
from product.locks import locked
from product.lots import Json
from product.seller import BRICKLINK, Seller
from product.waiting import until

AMPLE = 120
"""Seconds for a test that stops and starts processes."""


async def _ended_well(stack: Stack, name: str, stopping: "asyncio.Future[int]") -> None:
    assert await stopping == 0, stack.log(name)[-3000:]


async def _goes_on(seller: Seller, lot: Json) -> None:
    """A change made now arrives, and a sale made now comes back."""
    quantity = (await seller.adjust(lot["lot_id"], by=3))["quantity"]
    now = await seller.with_quantity(lot["lot_id"], quantity, timeout=60)
    listing = await seller.listing(now)
    assert listing["quantity"] == quantity
    await seller.shop.order({listing["inventory_id"]: 1})
    await seller.with_quantity(lot["lot_id"], quantity - 1, timeout=60)


@pytest.mark.timeout(AMPLE)
@pytest.mark.parametrize("name", ["inventory", "gateway"])
async def test_a_call_in_flight_is_answered_before_the_end(stack: Stack, trader: Seller, name: str) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    held = "SELECT FROM lots WHERE lot_id = %s FOR UPDATE"
    async with locked(stack.database("inventory").owner, held, lot["lot_id"]) as lock:
        call = asyncio.create_task(trader.adjust(lot["lot_id"], by=5, reason="in flight"))
        await lock.awaited()
        stopping = asyncio.ensure_future(asyncio.to_thread(stack.terminate, name))
        await until(lambda: asyncio.to_thread(stack.log, name), lambda log: _stops(log))
        await lock.release()
        assert (await call)["quantity"] == 15
        await _ended_well(stack, name, stopping)
    await asyncio.to_thread(stack.start_again, name)
    await trader.with_quantity(lot["lot_id"], 15)
    await _goes_on(trader, lot)


@pytest.mark.timeout(AMPLE)
async def test_keys_being_stored_are_stored_before_credentials_ends(stack: Stack, trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    held = "SELECT FROM credentials WHERE seller_id = %s FOR UPDATE"
    async with locked(stack.database("credentials").owner, held, trader.seller_id) as lock:
        call = asyncio.create_task(trader.connect(empty=False, state=None))
        await lock.awaited()
        stopping = asyncio.ensure_future(asyncio.to_thread(stack.terminate, "credentials"))
        await until(lambda: asyncio.to_thread(stack.log, "credentials"), lambda log: _stops(log))
        await lock.release()
        assert (await call)["key_version"] == 2
        await _ended_well(stack, "credentials", stopping)
    await asyncio.to_thread(stack.start_again, "credentials")
    assert (await trader.told("GET", BRICKLINK))["key_version"] == 2
    await trader.connection("ready")
    await _goes_on(trader, lot)


@pytest.mark.timeout(AMPLE)
async def test_a_write_to_the_shop_is_finished_before_sync_bricklink_ends(stack: Stack, trader: Seller) -> None:
    """The reply that the shop withholds is waited for and booked, so nothing is looked at and nothing sent twice."""
    lot = await trader.listed((await trader.create())["lot_id"])
    fault = await trader.shop.set_fault("withhold", when="after", method="PUT")
    await trader.adjust(lot["lot_id"], by=-4)
    await trader.shop.wait_for_fault(fault)
    stopping = asyncio.ensure_future(asyncio.to_thread(stack.terminate, "sync-bricklink"))
    await until(lambda: asyncio.to_thread(stack.log, "sync-bricklink"), lambda log: _stops(log))
    await trader.shop.release(fault)
    await _ended_well(stack, "sync-bricklink", stopping)
    assert (await trader.connection("unavailable"))["configured"]
    await trader.adjust(lot["lot_id"], by=-1)
    await asyncio.to_thread(stack.start_again, "sync-bricklink")
    await trader.with_quantity(lot["lot_id"], 5)
    assert [write["body"].get("quantity") for write in await trader.writes(method="PUT")] == ["-4", "-1"]
    await _goes_on(trader, lot)


@pytest.mark.timeout(AMPLE)
async def test_what_was_imported_goes_on_after_inventory_was_stopped_in_between(stack: Stack, seller: Seller) -> None:
    """An import is an operation: the request is answered, and the lots come although the service ends meanwhile."""
    rows = "".join(
        f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{3000 + number}</ITEMID><COLOR>5</COLOR><QTY>1</QTY><PRICE>0.1</PRICE>"
        "<CONDITION>N</CONDITION></ITEM>"
        for number in range(1500)
    )
    accepted = await seller.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=f"<INVENTORY>{rows}</INVENTORY>".encode(),
        headers={"Content-Type": "application/xml"},
    )
    assert await asyncio.to_thread(stack.terminate, "inventory") == 0
    await asyncio.to_thread(stack.start_again, "inventory")
    done = await until(
        lambda: seller.told("GET", f"/v1/imports/{accepted['import_id']}"),
        lambda found: found["state"] == "done",
        timeout=60,
    )
    assert (done["created_rows"], done["refused_rows"]) == (1500, 0)
    assert len(await seller.lots()) == len(await seller.changes()) == 1500


def _stops(log: str) -> bool:
    """Whether the last start of a process has heard its signal."""
    return log.rfind('"message": "stopping"') > log.rfind('"message": "serving"')
