"""A listing at nothing: one that our own decrease emptied may hide a sale, and may still stand."""

from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from syncengine.listing import ListingId, ListRead, OrderRead
from syncengine.marketplace import Applied, Create, Outcome, Ticket, Update, Write
from syncengine.testing.world import World

FIRST = ListingId("1001")


async def listed(*, retain: bool) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 15, note="a", retain=retain)
    await world.settle()
    return world


async def pause(world: World, since: datetime | None) -> None:
    """A person lets nothing be written since then; None: lets it go on."""
    async with world.store.transaction() as tx:
        await tx.save_connection(replace(world.connection, paused_at=since, due_at=world.clock.now()))


def hide_orders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are not listed yet."""

    async def none(page: str, ticket: Ticket) -> OrderRead:
        return OrderRead(orders=(), read_at=world.clock.now())

    monkeypatch.setattr(world.shop, "list_orders", none)


async def clamping(world: World, write: Write, ticket: Ticket) -> Outcome:
    """Do as a shop that takes a difference below zero for "sell it out" (marketplaces/bricklink.md#3.5)."""
    assert isinstance(write, Update)
    emptied = replace(world.shop.listings[write.listing_id], quantity=0)
    world.shop.listings[write.listing_id] = emptied
    return Applied(listing=emptied)


async def test_a_sale_that_a_clamped_decrease_swallowed_is_not_put_back_on_sale() -> None:
    """The reply is 0 as our books say; only an order listed later tells of the three pieces (seed 107)."""
    world = await listed(retain=True)
    with pytest.MonkeyPatch.context() as late:
        hide_orders(world, late)
        world.shop.buy(FIRST, 3)
        late.setattr(world.shop, "send", lambda write, ticket: clamping(world, write, ticket))
        world.change("a", by=-15)
        await world.settle(timedelta(seconds=3))
        assert world.shown() == {"a": 0}
        late.undo()
        hide_orders(world, late)
        world.change("a", by=3)
        await world.settle(timedelta(seconds=3))
        assert world.shown() == {"a": 0}
    await world.settle(world.settings.lag_window * 2)
    assert (world.shown(), world.inventory.lots[world.row("a").lot_id].quantity) == ({"a": 0}, 0)
    assert (world.row("a").ledger, world.row("a").trouble) == (0, None)


async def test_a_sale_hides_in_a_decrease_that_found_nothing_left() -> None:
    """Our books had pieces then, which orders read later explain: but not that one piece was gone twice (seed 814)."""
    world = await listed(retain=True)
    order_id = world.shop.buy(FIRST, 1)
    late = world.shop.orders.pop(order_id)
    with pytest.MonkeyPatch.context() as clamps:

        async def sold_just_before(write: Write, ticket: Ticket) -> Outcome:
            world.shop.buy(FIRST, 14)
            return await clamping(world, write, ticket)

        clamps.setattr(world.shop, "send", sold_just_before)
        world.change("a", by=-1)
        await world.settle(timedelta(seconds=3))
    assert (world.shown(), world.row("a").ledger) == ({"a": 0}, 0)
    world.change("a", by=3)
    await world.settle(timedelta(seconds=3))
    assert world.shown() == {"a": 0}
    world.shop.orders[order_id] = late
    await world.settle(world.settings.lag_window * 2)
    assert (world.shown(), world.row("a").trouble) == ({"a": 2}, None)


async def test_a_listing_that_our_decrease_emptied_is_not_taken_for_one_that_sales_took_away() -> None:
    """Some shops keep it; then a lot that is wanted again would be listed twice (seed 23)."""
    world = await listed(retain=False)
    with pytest.MonkeyPatch.context() as late:
        hide_orders(world, late)
        world.shop.buy(FIRST, 3)
        world.change("a", by=-12)
        world.store.tables.listings[world.row("a").lot_id] = replace(world.row("a"), sent_retain=False)
        late.setattr(world.shop, "_set_quantity", lambda listing_id, quantity: keep(world, listing_id, quantity))
        await world.settle(timedelta(seconds=3))
        assert (world.shown(), world.row("a").ledger) == ({"a": 0}, 3)
    await world.settle()
    world.change("a", by=9)
    await world.settle()
    assert world.shown() == {"a": 9}
    assert len(world.shop.listings) == 1


def keep(world: World, listing_id: ListingId, quantity: int) -> None:
    world.shop.listings[listing_id] = replace(world.shop.listings[listing_id], quantity=quantity)


async def test_after_a_loss_a_lot_that_is_not_wanted_is_synced_only_when_two_lists_lack_it() -> None:
    """The first list may be short: what it lacks may still be for sale (seed 185)."""
    world = await listed(retain=False)
    world.create("b", 1, note="b")
    await world.settle()
    world.inventory.change("a", archived=True)
    await world.lose_database()
    await world.connect()
    lists: list[ListRead] = []
    read_all = world.shop.read_all

    async def short(ticket: Ticket) -> ListRead:
        read = await read_all(ticket)
        lists.append(read if lists else replace(read, listings=read.listings[1:]))
        return lists[-1]

    with patch.object(world.shop, "read_all", short):
        await world.settle()
    assert len(lists) >= 2
    assert world.shown() == {"b": 1}
    assert [type(write.write) for write in world.shop.writes][:2] == [Create, Create]


async def test_a_listing_that_hands_filled_up_is_not_listed_a_second_time() -> None:
    """By our books a sale took its last piece while more were wanted: it is read before the lot is listed again."""
    world = await listed(retain=False)
    await pause(world, world.clock.now())
    world.change("a", by=5)
    world.shop.listings[FIRST] = replace(world.shop.listings[FIRST], quantity=16)
    world.shop.buy(FIRST, 15)
    await world.settle()
    assert world.row("a").listing_id == FIRST
    await pause(world, None)
    await world.settle()
    assert len(world.shop.listings) == 1


@pytest.mark.parametrize("by_hand", [0, 5])
async def test_what_our_books_sold_out_is_looked_for_before_the_lot_is_listed_again(by_hand: int) -> None:
    """Hands may have put pieces into it; nothing was wanted then, so nobody looked (life 4383)."""
    world = await listed(retain=False)
    world.shop.listings[FIRST] = replace(world.shop.listings[FIRST], quantity=15 + by_hand)
    world.shop.buy(FIRST, 15)
    await world.settle(timedelta(seconds=20))
    assert (world.row("a").listing_id, world.row("a").target) == (None, 0)
    world.change("a", by=9)
    await world.settle()
    assert len(world.shop.listings) == 1
    assert (world.shown(), world.row("a").trouble) == ({"a": 9}, None)
    assert (FIRST in world.shop.listings) == bool(by_hand)
