"""Inventory's database was restored: what it has forgotten is told again, and counted once (rules T6, Q2)."""

from datetime import timedelta

import pytest

from syncengine.listing import ListingId
from syncengine.testing.world import World


@pytest.mark.parametrize("remembers", [True, False])
async def test_sales_after_the_backup_are_counted_again_and_never_put_back_on_sale(remembers: bool) -> None:
    """`remembers`: the topic of sales still holds them; it keeps them for days only."""
    world = World()
    await world.connect()
    world.create("a", 10, note="a")
    await world.settle(timedelta(minutes=1))
    backup = world.inventory.copy()
    told = world.told
    world.shop.buy(ListingId("1001"), 4)
    await world.settle(timedelta(minutes=1))
    assert world.shown() == {"a": 6}
    world.inventory.restore(backup)
    if remembers:
        world.told = told
    highest = 6
    for _ in range(60):
        await world.deliver()
        while await world.turn():
            highest = max(highest, world.shown()["a"])
            await world.deliver()
        world.clock.turn(timedelta(seconds=1))
    assert highest == 6
    assert world.inventory.lots[world.row("a").lot_id].quantity == 6
    assert world.row("a").uncounted == 0
