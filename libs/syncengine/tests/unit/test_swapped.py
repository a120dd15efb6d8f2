"""The keys of a quiet shop that is not the seller's: no order tells its name, but none of our listings is in it."""

from dataclasses import replace
from datetime import timedelta

from syncengine.listing import Item
from syncengine.testing.world import World


def an_item(number: str) -> Item:
    return Item(item_type="PART", number=number, color_id=5, condition="NEW", completeness="")


async def test_keys_of_a_quiet_shop_without_any_of_our_listings_write_nothing() -> None:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in "abcd":
        world.create(name, 10, an_item(name), note=name)
    await world.settle()
    ours = dict(world.shop.listings)
    theirs = replace(next(iter(ours.values())), item=an_item("theirs"))
    world.shop.listings.clear()
    world.shop.add(theirs)
    await world.connect(key_version=2, shop_is_empty=False)
    writes = len(world.shop.writes)
    world.create("new", 3, an_item("new"), note="new")
    world.change("a", by=-2)
    await world.settle(timedelta(minutes=5))
    assert [write.write for write in world.shop.writes[writes:]] == []
