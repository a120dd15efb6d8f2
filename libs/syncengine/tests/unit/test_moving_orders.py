"""An order that a buyer adds to while we read it: its lines are of the list that shows them (rule Q1)."""

from dataclasses import replace
from datetime import timedelta

from syncengine.listing import OrderRead
from syncengine.marketplace import Ticket
from syncengine.testing.inventory import BRICK
from syncengine.testing.shop import MemoryShop
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
