"""A database lost, or restored from before sends and sales: nothing sold comes back on sale, nothing is listed twice.

150 lots of three sellers (500 of ten with LONG), with sales before, while it is away, during the census and after.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from devstack.testing import Stack
from product.pace import LONG
from recovery.keeper import Keeper, all_settled, each, keepers_with
from sandbox.testing import ShopControl

pytestmark = pytest.mark.timeout(300)

SYNC, INVENTORY = "sync-bricklink", "inventory"
SELLERS = 10 if LONG else 3
"""Ten have five hundred lots; making them takes a while."""
LOTS = 50


@pytest.fixture(scope="module")
async def keepers(stack: Stack) -> AsyncIterator[list[Keeper]]:
    """Their lots are on sale."""
    async with keepers_with(stack, sellers=SELLERS, lots=LOTS) as keepers:
        yield keepers


async def test_sync_restored_from_before_a_hundred_sends_and_twenty_sales(stack: Stack, keepers: list[Keeper]) -> None:
    """Of the sync service. Two sends are under way at the end: one is done whose reply is lost, and one lands late."""
    await asyncio.to_thread(stack.terminate, SYNC)
    copy = await asyncio.to_thread(stack.copy_database, SYNC)
    await asyncio.to_thread(stack.start_again, SYNC)

    async def send_and_sell(keeper: Keeper) -> None:
        for place, by in enumerate((-7, 9, -20, 4, 31, -1, -99, 2, -5)):
            await keeper.adjust(keeper.lots[place], by)
        await keeper.sell(keeper.lots[1], keeper.lots[20], pieces=3)

    await each(keepers, send_and_sell)
    await all_settled(keepers)
    done, late, *others = keepers
    await each(others, lambda keeper: keeper.adjust(keeper.lots[9], -6))
    await all_settled(others)
    held = [
        await done.shop.set_fault("withhold", when="after", method="PUT"),
        await late.shop.set_fault("withhold", when="before", method="PUT", lands_late=True),
    ]
    await each((done, late), lambda keeper: keeper.adjust(keeper.lots[9], 6 if keeper is late else -6))
    for keeper, fault in zip((done, late), held, strict=True):
        await keeper.shop.wait_for_fault(fault)
    await asyncio.to_thread(stack.kill, SYNC)
    await asyncio.to_thread(stack.restore_database, SYNC, copy)
    await _come_back(stack, keepers, late_write=(late.shop, held[1]))


@pytest.mark.long
async def test_sync_dropped(stack: Stack, keepers: list[Keeper]) -> None:
    """Sales that it has seen and told, seen and not told, and never seen."""
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[30], keeper.lots[31], pieces=5))
    await all_settled(keepers)
    await asyncio.to_thread(stack.pause, "kafka")
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[30], keeper.lots[32], pieces=2))
    await each([keeper.seller for keeper in keepers], lambda seller: seller.polled(2))
    await asyncio.to_thread(stack.kill, SYNC)
    await asyncio.to_thread(stack.resume, "kafka")
    await asyncio.to_thread(stack.empty_database, SYNC)
    await _come_back(stack, keepers)


async def _come_back(
    stack: Stack, keepers: Sequence[Keeper], *, late_write: tuple[ShopControl, str] | None = None
) -> None:
    """Start the service with the database that it has now; every lot is matched, and only what is new is written."""
    away = {keeper: await keeper.last_request() for keeper in keepers}
    known = {keeper: set(await keeper.shop.lots()) for keeper in keepers}
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[40], keeper.lots[1], pieces=4))
    await each(keepers, lambda keeper: keeper.adjust(keeper.lots[41], -8))
    lists = {
        keeper: await keeper.shop.set_fault("withhold", when="after", path="/inventories") for keeper in keepers[:5]
    }
    await asyncio.to_thread(stack.start_again, SYNC)
    if late_write is not None:
        shop, fault = late_write
        await shop.release(fault)

    async def sell_during_the_census(keeper: Keeper) -> None:
        await keeper.shop.wait_for_fault(lists[keeper])
        await keeper.sell(keeper.lots[42], pieces=9)
        await keeper.shop.release(lists[keeper])

    await each(list(lists), sell_during_the_census)
    await all_settled(keepers)
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[43], keeper.lots[41], pieces=6))
    await all_settled(keepers)
    for keeper in keepers:
        assert await keeper.faults() == []
        connection = await keeper.seller.connection("ready")
        assert connection["sync"]["match"]["linked"] == len(known[keeper])
        assert set(await keeper.shop.lots()) <= known[keeper]
        written = [
            (write["method"], write["body"]["quantity"]) for write in await keeper.seller.writes(after=away[keeper])
        ]
        assert written == [("PUT", "-8")], keeper.seller.name


async def test_inventory_restored_from_before_a_hundred_sends_and_twenty_sales(
    stack: Stack, keepers: list[Keeper]
) -> None:
    """Rule T6: edits since the backup are undone in the shop, sales since then are counted again, each once."""
    await all_settled(keepers)
    await asyncio.to_thread(stack.terminate, INVENTORY)
    copy = await asyncio.to_thread(stack.copy_database, INVENTORY)
    await asyncio.to_thread(stack.start_again, INVENTORY)
    kept = {keeper: list(keeper.commands) for keeper in keepers}
    stock = {keeper: {lot["lot_id"]: lot["revision"] for lot in await keeper.seller.lots()} for keeper in keepers}

    async def send_and_sell(keeper: Keeper) -> None:
        for place, by in enumerate((-6, 13, -2, 41, -17, 3, 8, -9, 5, -1), start=10):
            await keeper.adjust(keeper.lots[place], by)
        await keeper.sell(keeper.lots[10], keeper.lots[11], keeper.lots[25], pieces=2)
        await keeper.sell(keeper.lots[25], pieces=1)

    await each(keepers, send_and_sell)
    await all_settled(keepers)
    await asyncio.to_thread(stack.terminate, INVENTORY)
    await asyncio.to_thread(stack.restore_database, INVENTORY, copy)
    before = {keeper: keeper.wanted() for keeper in keepers}
    away = {keeper: await keeper.last_request() for keeper in keepers}
    known = {keeper: set(await keeper.shop.lots()) for keeper in keepers}
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[26], keeper.lots[12], pieces=4))
    await asyncio.to_thread(stack.start_again, INVENTORY)
    for keeper in keepers:
        keeper.commands = list(kept[keeper])
    await each(keepers, lambda keeper: keeper.adjust(keeper.lots[27], -8))
    await each(keepers, lambda keeper: keeper.seller.polled(2))
    assert [await keeper.seller.writes(after=away[keeper]) for keeper in keepers] == [[]] * SELLERS

    assert await asyncio.to_thread(stack.run_once, INVENTORY, "recover") == 0
    await all_settled(keepers)
    await each(keepers, lambda keeper: keeper.sell(keeper.lots[28], keeper.lots[13], pieces=6))
    await all_settled(keepers)
    for keeper in keepers:
        assert set(await keeper.shop.lots()) == known[keeper]
        assert await keeper.faults_after_a_restore(before[keeper], after=away[keeper]) == []
        raised = {lot["lot_id"]: lot["revision"] - stock[keeper][lot["lot_id"]] for lot in await keeper.seller.lots()}
        assert all(2**40 <= by < 2**40 + 10 for by in raised.values()), raised
