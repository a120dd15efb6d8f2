"""Lots whose listings went between the backup of the sync database and its loss: nobody is asked about them."""

import asyncio

import pytest

from devstack.testing import Stack
from recovery.keeper import START, Keeper, keepers_with

SYNC = "sync-bricklink"


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["sold out", "taken away"])
async def test_gone_since_the_backup_is_explained(stack: Stack, how: str) -> None:
    """By its orders, or because it is not wanted any more; when it is wanted again, it is listed again."""
    async with keepers_with(stack, sellers=1, lots=4) as (keeper,):
        await asyncio.to_thread(stack.terminate, SYNC)
        copy = await asyncio.to_thread(stack.copy_database, SYNC)
        await asyncio.to_thread(stack.start_again, SYNC)
        gone = keeper.lots[2]
        await _go(keeper, gone, how)
        await keeper.settled()
        await asyncio.to_thread(stack.kill, SYNC)
        await asyncio.to_thread(stack.restore_database, SYNC, copy)
        await asyncio.to_thread(stack.start_again, SYNC)
        await keeper.seller.connection("ready")
        await keeper.seller.polled(3)
        await keeper.settled()
        await keeper.adjust(gone, 5)
        await keeper.settled()
        assert await keeper.faults() == []


async def _go(keeper: Keeper, remarks: str, how: str) -> None:
    if how == "sold out":
        await keeper.sell(remarks, pieces=START)
    else:
        await keeper.adjust(remarks, -START)
