"""Rule B4 against jobs of several calls: the stamps must not let each begin and none end."""

from datetime import timedelta

from syncengine.listing import Item
from syncengine.testing.world import World


async def test_orders_are_read_though_the_stamps_have_run_as_far_ahead_as_they_may() -> None:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for n in range(90):
        item = Item(item_type="PART", number=str(n), color_id=1, condition="NEW", completeness="")
        world.create(f"lot{n}", 5, item, note=f"lot{n}")
    await world.settle(timedelta(seconds=20))
    ahead = world.connection.last_stamp
    assert ahead is not None
    assert ahead - world.clock.now() > world.settings.stamp_lead / 2
    for listing_id in list(world.shop.listings)[:8]:
        world.shop.buy(listing_id, 1)
    await world.settle(timedelta(minutes=3))
    assert sum(lot.quantity for lot in world.inventory.lots.values()) == 90 * 5 - 8
    assert len(world.shop.listings) == 90
