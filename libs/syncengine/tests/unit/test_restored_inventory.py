"""Inventory's database was restored: what it has forgotten is told again, and counted once (rules T6, Q2)."""

from copy import deepcopy
from datetime import timedelta

import pytest

from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
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


async def test_where_both_were_restored_orders_are_read_before_they_are_told_again() -> None:
    """Pieces have left an order since the backup: told as sold they would be taken off once more (rules C3, S4)."""
    world = World()
    await world.connect()
    world.create("a", 10, note="a")
    await world.settle(timedelta(minutes=1))
    inventory, told = world.inventory.copy(), world.told
    order_id = world.shop.buy(ListingId("1001"), 4)
    await world.settle(timedelta(minutes=1))
    books, published = deepcopy(world.store.tables), world.told
    world.shop.cancel(order_id, restock=True)
    await world.settle()
    lot_id = world.row("a").lot_id
    assert world.inventory.lots[lot_id].quantity == 10
    lines = [event.message for event in world.store.tables.outbox[told:]]
    world.inventory.restore(inventory)
    for line in lines:
        if isinstance(line, OrderLineTotalled):
            world.inventory.take_line(line)
    await world.lose_database(books, published)
    await world.settle()
    assert (world.inventory.lots[lot_id].quantity, world.shown()) == (10, {"a": 10})
