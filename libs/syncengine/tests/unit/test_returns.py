"""Cancelled and reduced orders: nothing changes by itself, and what the shop put back is found by looking (rule S4)."""

from copy import deepcopy
from datetime import timedelta
from unittest.mock import patch

import pytest

from syncengine.listing import ListingId, ListingRead, LotId, OrderId
from syncengine.marketplace import Create, Ticket
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import SELLER
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

FIRST = ListingId("1001")


async def listed(quantity: int = 10) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", quantity, note="a")
    await world.settle(timedelta(seconds=10))
    return world


def stock_of(world: World) -> int:
    return world.inventory.lots[LotId("a")].quantity


def open_return(world: World, order_id: OrderId) -> int:
    return world.store.tables.lines[SELLER, order_id, FIRST].returned


async def test_what_a_cancelled_order_does_not_put_back_stays_sold_and_open() -> None:
    world = await listed()
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(order_id, restock=False)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 7}, 7)
    assert open_return(world, order_id) == 3
    assert len(world.shop.writes) == 1


@pytest.mark.parametrize("known_before", [True, False])
async def test_what_the_shop_puts_back_is_stock_again(known_before: bool) -> None:
    world = await listed()
    order_id = world.shop.buy(FIRST, 3)
    if known_before:
        await world.settle()
    world.shop.cancel(order_id, restock=True)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 10}, 10)
    assert open_return(world, order_id) == 0
    assert len(world.shop.writes) == 1


async def test_what_the_shop_puts_back_is_of_the_order_that_changed_last() -> None:
    """A look left the other one open before. Inventory gives nothing back for what a person has answered since."""
    world = await listed()
    old, later = world.shop.buy(FIRST, 3), world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(old, restock=False)
    await world.settle()
    world.shop.cancel(later, restock=True)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 7}, 7)
    assert (open_return(world, old), open_return(world, later)) == (3, 0)


async def test_a_reduced_line_comes_back_by_as_much_and_can_grow_again() -> None:
    world = await listed()
    order_id = world.shop.buy(FIRST, 5)
    await world.settle()
    world.shop.reduce(order_id, FIRST, 2, restock=True)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 7}, 7)
    world.shop.buy(FIRST, 1, order_id)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 6}, 6)


async def test_a_box_ticked_later_is_found_by_the_next_census() -> None:
    world = await listed()
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(order_id, restock=False)
    await world.settle()
    world.shop.restock(order_id)
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 10}, 10)
    assert open_return(world, order_id) == 0


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
async def test_a_return_and_a_lost_increase_of_the_same_size_never_make_pieces(fault: Fault) -> None:
    """The number fits both: the return stays open rather than that pieces which are gone be sold."""
    world = await listed()
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.write_faults.append(fault)
    world.change("a", by=3)
    await world.deliver()
    while not world.row("a").unknown:
        await world.turn()
    world.shop.cancel(order_id, restock=fault is Fault.DROP_BEFORE)
    await world.settle()
    assert world.shown()["a"] == stock_of(world) == 10


async def test_a_sold_out_lot_is_not_listed_beside_what_the_shop_put_back() -> None:
    """Rule Q4: the shop made a new listing of the returned pieces; whether it is this lot, the seller says."""
    world = await listed(quantity=3)
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(order_id, restock=True)
    await world.settle()
    world.change("a", by=2)
    await world.settle()
    assert world.shown() == {"a": 3}
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_a_sold_out_lot_is_listed_again_once_a_list_shows_nothing_like_it() -> None:
    world = await listed(quantity=3)
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(order_id, restock=False)
    await world.settle()
    world.change("a", by=2)
    await world.settle()
    assert world.shown() == {"a": 2}
    assert open_return(world, order_id) == 3


async def test_a_listing_that_sold_out_by_our_books_may_stand_with_what_the_shop_put_back() -> None:
    """A late order hid the pieces from the look that was to find them (life 666)."""
    world = await listed(quantity=4)
    cancelled = world.shop.buy(FIRST, 2)
    await world.settle()
    world.shop.cancel(cancelled, restock=True)
    late = world.shop.buy(FIRST, 2)
    order = world.shop.orders.pop(late)
    await world.settle(timedelta(seconds=10))
    assert (world.row("a").ledger, open_return(world, cancelled)) == (2, 2)
    world.shop.orders[late] = order
    world.change("a", by=1)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 3}, 3)
    assert open_return(world, cancelled) == 0


async def test_new_keys_do_not_hide_what_the_shop_put_back() -> None:
    """The census that they ask for is no look: our books are what they were (life 668)."""
    world = await listed()
    order_id = world.shop.buy(FIRST, 3)
    await world.settle()
    world.shop.cancel(order_id, restock=True)
    await world.connect(key_version=2)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 10}, 10)
    assert open_return(world, order_id) == 0


async def test_a_return_that_a_backup_opens_again_does_not_stand_for_a_later_one() -> None:
    """Inventory has its pieces back, and would count none for what the shop puts back of another order (life 3684)."""
    world = await listed()
    old, later = world.shop.buy(FIRST, 3), world.shop.buy(FIRST, 2)
    await world.settle()
    world.shop.cancel(old, restock=True)
    while not open_return(world, old):
        world.clock.turn(timedelta(seconds=1))
        await world.turn()
    backup = deepcopy(world.store.tables)
    await world.settle()
    assert (open_return(world, old), stock_of(world)) == (0, 8)
    await world.lose_database(backup, len(backup.outbox))
    await world.settle()
    assert (open_return(world, old), stock_of(world)) == (0, 8)
    world.shop.cancel(later, restock=True)
    await world.settle()
    assert (world.shown(), stock_of(world)) == ({"a": 10}, 10)
    assert open_return(world, later) == 0


async def test_a_line_that_leaves_its_order_while_it_is_looked_at_is_looked_at_again() -> None:
    """Its pieces came back after the listing was read, and the read of orders after that shows no line (life 7150)."""
    world = await listed()
    stays, leaves = world.shop.buy(FIRST, 2), world.shop.buy(FIRST, 1)
    await world.settle()
    read = world.shop.read

    async def read_just_before(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        seen = await read(listing_id, ticket)
        if world.shop.orders[leaves].lines:
            world.shop.reduce(leaves, FIRST, 1, restock=True)
            world.shop.orders[leaves].lines.clear()
        return seen

    world.shop.reduce(stays, FIRST, 1, restock=False)
    with patch.object(world.shop, "read", read_just_before):
        await world.settle()
    assert (open_return(world, stays), open_return(world, leaves)) == (1, 0)
    assert (world.shown(), stock_of(world)) == ({"a": 8}, 8)
