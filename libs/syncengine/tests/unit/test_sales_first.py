"""Among decreases, those of lots whose pieces were sold go first, however many others wait (rule B2)."""

from datetime import timedelta

from syncengine.listing import Item
from syncengine.marketplace import Create, Update
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

OTHERS = [f"lot-{number:02}" for number in range(30)]
SOLD = "sold"
"""Its id comes after all others."""


async def trading() -> World:
    """All lots are in the shop, ten pieces each."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for number, name in enumerate([*OTHERS, SOLD], start=1):
        item = Item(item_type="PART", number="3001", color_id=number, condition="NEW", completeness="")
        world.create(name, 10, item, note=name)
    await world.settle(timedelta(minutes=2))
    assert world.shown() == dict.fromkeys([*OTHERS, SOLD], 10)
    world.shop.writes.clear()
    return world


def order_of_decreases(world: World) -> list[str]:
    """Lots whose pieces were taken out, in order; each is known by its listing."""
    lots = {row.listing_id: lot_id for lot_id, row in world.store.tables.listings.items()}
    writes = [logged.write for logged in world.shop.writes if isinstance(logged.write, Update)]
    return [lots[write.listing_id] for write in writes]


async def test_a_sale_elsewhere_goes_before_many_changes_by_users() -> None:
    """Though the seller edits that lot as well before the engine hears of either."""
    world = await trading()
    for name in OTHERS:
        world.change(name, by=-1)
    await world.deliver()
    world.inventory.sell_elsewhere(SOLD, 2)
    world.change(SOLD, by=-1)
    await world.settle()
    assert order_of_decreases(world) == [SOLD, *OTHERS]
    assert world.shown() == dict.fromkeys(OTHERS, 9) | {SOLD: 7}


async def test_what_no_sale_caused_is_not_first() -> None:
    """Neither what is sold here, nor that once there was a sale."""
    world = await trading()
    world.inventory.sell_elsewhere(SOLD, 2)
    await world.settle()
    [listing_id] = [key for key, listing in world.shop.listings.items() if listing.fields["note"] == SOLD]
    world.shop.buy(listing_id, 1)
    await world.settle()
    world.shop.writes.clear()
    for name in (*OTHERS, SOLD):
        world.change(name, by=-1)
    await world.settle()
    assert order_of_decreases(world) == [*OTHERS, SOLD]


async def test_a_sale_stays_first_until_it_is_gone() -> None:
    """The write that took it out was lost, and a look found that it had not been done."""
    world = await trading()
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.inventory.sell_elsewhere(SOLD, 2)
    await world.deliver()
    while not world.row(SOLD).unknown:
        await world.turn()
    while world.row(SOLD).unknown:
        assert world.row(SOLD).shows_sold
        await world.turn()
        world.clock.turn(timedelta(seconds=1))
    for name in OTHERS:
        world.change(name, by=-1)
    await world.settle()
    assert order_of_decreases(world) == [SOLD, *OTHERS]
    assert world.shown() == dict.fromkeys(OTHERS, 9) | {SOLD: 8}


async def test_what_is_sold_while_it_is_being_created_is_first() -> None:
    world = await trading()
    item = Item(item_type="PART", number="3002", color_id=1, condition="NEW", completeness="")
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("z-new", 10, item, note="z-new")
    await world.deliver()
    while not world.row("z-new").unknown:
        await world.turn()
    assert isinstance(world.shop.writes[-1].write, Create)
    world.inventory.sell_elsewhere("z-new", 2)
    await world.deliver()
    while world.row("z-new").listing_id is None:
        await world.turn()
        world.clock.turn(timedelta(seconds=1))
        await world.deliver()
    assert world.row("z-new").shows_sold
    await world.settle()
    assert world.shown()["z-new"] == 8
