"""Orders that buyers add to: their lines are as late as what shows them says, or earlier (rules Q1, N3)."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from syncengine.listing import ListingId, LotId, OrderId, OrderRead
from syncengine.marketplace import Ticket
from syncengine.testing.inventory import BRICK
from syncengine.testing.shop import Fault, MemoryShop
from syncengine.testing.world import World


async def test_pieces_added_between_the_two_calls_are_as_late_as_they_are() -> None:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=30))
    for name in ("one", "two"):
        world.create(name, 5, replace(BRICK, number=name), note=name)
    await world.settle(timedelta(seconds=30))
    listed = {listing.fields["note"]: listing_id for listing_id, listing in world.shop.listings.items()}
    order_id = world.shop.buy(listed["one"], 1)
    world.clock.turn(timedelta(seconds=20))
    shop = world.shop

    async def list_orders(page: str, ticket: Ticket) -> OrderRead:
        read = await MemoryShop.list_orders(shop, page, ticket)
        if len(shop.orders[order_id].lines) == 1:
            world.clock.turn(timedelta(seconds=1))
            shop.buy(listed["two"], 2, order_id)
        return read

    shop.list_orders = list_orders  # type: ignore[method-assign]
    await world.settle(timedelta(seconds=30))
    lines = {line.listing_id: line for line in world.store.tables.lines.values()}
    assert lines[listed["two"]].ordered_at == shop.orders[order_id].ordered_at
    assert lines[listed["two"]].grown_at == shop.orders[order_id].changed_at
    assert (world.row("one").ledger, world.row("two").ledger) == (4, 3)


async def two_lots() -> tuple[World, OrderId]:
    """Two lots, and an order of one of them that is read."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 20, note="a")
    await world.settle(timedelta(seconds=30))
    order_id = world.shop.buy(ListingId("1001"), 1)
    world.create("b", 9, replace(BRICK, color_id=7), note="b")
    return world, order_id


async def test_a_create_that_sold_out_in_an_older_order_is_found_by_its_line() -> None:
    """The line bears the date of a later change, after the list that lacked the listing (simulated life 1125)."""
    world, order_id = await two_lots()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    await world.deliver()
    while ListingId("1002") not in world.shop.listings:
        await world.turn()
    listed = world.shop.orders[order_id]
    before = deepcopy(listed)
    world.shop.buy(ListingId("1002"), 9, order_id)
    world.shop.orders[order_id] = before  # it is shown as it was
    [unsettled] = world.store.tables.unsettled
    while world.store.tables.unsettled[unsettled].listed_at is None:
        await world.settle(timedelta(seconds=1))
    world.clock.turn(world.settings.anchor_doubt * 2)
    world.shop.orders[order_id] = listed
    world.shop.buy(ListingId("1001"), 1, order_id)
    await world.settle()
    assert (world.shown(), world.row("b").trouble) == ({"a": 18}, None)
    assert world.inventory.lots[LotId("b")].quantity == 0


async def test_a_line_added_before_a_census_is_not_taken_off_what_the_census_read() -> None:
    """Its order shows after the list, and was changed once more: the number was without these pieces (rule Q1)."""
    world, order_id = await two_lots()
    await world.settle(timedelta(seconds=30))
    listed = world.shop.orders[order_id]
    before = deepcopy(listed)
    world.shop.buy(ListingId("1002"), 2, order_id)
    world.shop.orders[order_id] = before
    await world.connect(connected_at=world.clock.now())
    while world.connection.census_at is None or world.connection.census_reason is not None:
        await world.deliver()
        await world.turn()
    world.clock.turn(world.settings.anchor_doubt * 2)
    world.shop.orders[order_id] = listed
    world.shop.buy(ListingId("1001"), 1, order_id)
    await world.settle()
    assert (world.shown(), world.row("b").ledger, world.row("b").trouble) == ({"a": 18, "b": 7}, 7, None)
