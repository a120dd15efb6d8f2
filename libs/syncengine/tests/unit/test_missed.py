"""What one list lacks may be there all the same, and may sell before the next one is read (rules C2, N3)."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from syncengine.listing import Listing, ListingId, ListRead, LotId, OrderRead
from syncengine.marketplace import Ticket
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import BRICK
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

OTHER = replace(BRICK, color_id=9)
ALIKE = Listing(
    listing_id=ListingId(""),
    item=BRICK,
    quantity=6,
    for_sale=True,
    retain=False,
    fields={"price": "5.0000", "note": "other", "cost": None},
)


@contextmanager
def lists(world: World, *, lack: Callable[[int], Collection[ListingId]]) -> Iterator[list[ListRead]]:
    """Have lists lack these listings, by how many were read before; yields what was read."""
    seen: list[ListRead] = []
    read_all = world.shop.read_all

    async def short(ticket: Ticket) -> ListRead:
        read = await read_all(ticket)
        lacking = lack(len(seen))
        seen.append(replace(read, listings=tuple(one for one in read.listings if one.listing_id not in lacking)))
        return seen[-1]

    with patch.object(world.shop, "read_all", short):
        yield seen


@contextmanager
def no_new_orders(world: World) -> Iterator[None]:
    """Orders from now on are not listed yet."""
    known, list_orders = set(world.shop.orders), world.shop.list_orders

    async def old(page: str, ticket: Ticket) -> OrderRead:
        read = await list_orders(page, ticket)
        return replace(read, orders=tuple(order for order in read.orders if order.order_id in known))

    with patch.object(world.shop, "list_orders", old):
        yield


async def waiting_for_an_answer() -> tuple[World, ListingId]:
    """A lot of which the shop has a listing that may or may not be its own, beside one that is."""
    world = World()
    alike = world.shop.add(ALIKE)
    world.create("a", 10, note="a")
    world.create("b", 3, OTHER, note="b")
    await world.connect(shop_is_empty=False)
    await world.settle()
    await world.confirm()
    await world.settle()
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    return world, alike


async def want_list(world: World) -> None:
    """Have a census begin at once."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.save_connection(replace(world.connection, list_wanted_at=now, due_at=now))


async def test_a_question_stays_while_the_listing_that_it_is_about_is_there() -> None:
    """However often the shop is compared, also while the lot has no pieces; then it sells out (seeds 480, 588)."""
    world, alike = await waiting_for_an_answer()
    world.change("a", by=-10)
    await world.settle()
    for _ in range(2):
        await want_list(world)
        await world.settle()
        assert world.row("a").trouble is Trouble.LOOK_ALIKE
    world.shop.buy(alike, 6)
    world.change("a", by=1)
    await want_list(world)
    await world.settle()
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    assert world.shown() == {"b": 3}


@pytest.mark.parametrize("lists_lacking", [1, 2])
async def test_a_question_stays_until_lists_and_late_orders_agree_that_the_listing_is_gone(lists_lacking: int) -> None:
    """It sells out after a short list, in an order that shows late: it may have been this lot's."""
    world, alike = await waiting_for_an_answer()
    with no_new_orders(world):
        with lists(world, lack=lambda read: {alike} if read < lists_lacking else ()) as read:
            await want_list(world)
            while len(read) < lists_lacking:
                await world.turn()
                world.clock.turn(world.settings.late_window / 4)
            world.shop.buy(alike, 6)
        await world.settle(world.settings.lag_window * 0.9)
    await world.settle(world.settings.lag_window * 4)
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    assert world.shown() == {"b": 3}


async def test_a_lot_that_a_later_list_links_is_not_raised_before_late_orders_have_shown() -> None:
    """Somebody makes the listing equal to the lot: what is missing there may just have been sold (rule K4)."""
    world, alike = await waiting_for_an_answer()
    listing = world.shop.listings[alike]
    world.shop.listings[alike] = replace(listing, fields=dict(world.row("a").desired.fields))
    with no_new_orders(world):
        world.shop.buy(alike, 2)
        await want_list(world)
        await world.settle(world.settings.lag_window * 0.9)
        assert world.row("a").listing_id == alike
        assert world.shown() == {"a": 4, "b": 3}
    await world.settle(world.settings.lag_window * 2)
    assert world.inventory.lots[LotId("a")].quantity == 8
    assert world.shown() == {"a": 8, "b": 3}


async def test_a_question_ends_once_the_listing_is_gone_for_sure() -> None:
    world, alike = await waiting_for_an_answer()
    del world.shop.listings[alike]
    with lists(world, lack=lambda read: ()) as read:
        await want_list(world)
        await world.settle()
    assert len(read) == 3
    assert world.row("a").trouble is None
    assert world.shown() == {"a": 10, "b": 3}


async def test_a_create_is_not_repeated_after_a_short_list_and_a_sale_that_shows_late() -> None:
    """The first list lacks the listing though it is there; the next ones truly, for it has sold out (seed 574)."""
    world = World()
    await world.connect()
    world.create("b", 3, OTHER, note="b")
    await world.settle()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 10, note="a")
    with lists(world, lack=lambda read: {ListingId("1002")} if read == 0 else ()) as read, no_new_orders(world):
        while not read:
            await world.deliver()
            await world.turn()
            world.clock.turn(world.settings.late_window / 4)
        await world.turn()
        world.clock.turn(world.settings.late_window * 0.9)
        world.shop.buy(ListingId("1002"), 10)
        await world.settle(world.settings.lag_window)
    await world.settle(world.settings.lag_window * 4)
    assert world.shown() == {"b": 3}
    assert world.row("a").trouble is Trouble.CREATE_UNEXPLAINED


async def test_what_a_short_list_lacked_after_a_loss_did_not_sell_out() -> None:
    """Pieces come back before the next list shows it: its number holds them, and nobody is asked (life 6418)."""
    world = World()
    await world.connect()
    world.create("a", 10, note="a")
    world.create("b", 4, OTHER, note="b")
    await world.settle(timedelta(seconds=20))
    listing_id = world.row("a").listing_id
    assert listing_id is not None
    order = world.shop.buy(listing_id, 3)
    await world.settle()
    await world.lose_database()
    await world.connect(shop_is_empty=False)
    with lists(world, lack=lambda read: {listing_id} if not read else ()) as read:
        while not read:
            await world.deliver()
            await world.turn()
            world.clock.turn(timedelta(seconds=1))
        assert world.row("a").listing_id is None
        world.shop.cancel(order, restock=True)
        await world.settle()
    row = world.row("a")
    assert (row.listing_id, row.trouble, row.ledger) == (listing_id, None, 7)
    assert world.shown() == {"a": 7, "b": 4}
