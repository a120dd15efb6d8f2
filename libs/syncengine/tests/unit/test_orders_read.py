"""Orders as they are read, over a shop in memory: late, long, grown, or without lines (rules S1, S2, C3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.listing import Item, Listing, ListingId, LotId, OrderRead
from syncengine.marketplace import Ticket
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.world import World, connected


async def test_order_whose_lines_are_no_longer_kept_does_not_stop_the_poll() -> None:
    world = await connected()
    world.create("a", 9, note="a")
    await world.settle()
    purged = world.shop.buy(ListingId("1001"), 2)
    await world.settle()
    world.shop.orders[purged].changed_at = world.clock.now()
    world.shop.purged.add(purged)
    world.shop.buy(ListingId("1001"), 3)
    await world.settle()
    assert world.inventory.lots[LotId("a")].quantity == 4
    assert world.shown() == {"a": 4}


async def test_a_piece_added_to_an_order_older_than_its_lot_counts_after_a_loss_too() -> None:
    """After the loss only inventory still knows that the listing was made for the lot (seed 145; rule C3)."""
    world = await connected()
    world.create("a", 10, Item(item_type="PART", number="1", color_id=1, condition="NEW", completeness=""), note="a")
    await world.settle()
    order_id = world.shop.buy(ListingId("1001"), 1)
    await world.settle()
    world.create("b", 5, note="b")
    await world.settle()
    world.shop.buy(ListingId("1002"), 2, order_id)
    await world.lose_database()
    await world.connect()
    await world.settle()
    assert world.inventory.lots[LotId("b")].quantity == 3
    assert world.shown() == {"a": 9, "b": 3}


async def test_changes_do_not_wait_until_all_orders_of_an_outage_are_read() -> None:
    world = await connected()
    world.create("a", 200, note="a")
    world.create("b", 9, replace(BRICK, color_id=7), note="b")
    await world.settle(timedelta(minutes=1))
    for _ in range(60):
        world.shop.buy(ListingId("1001"), 1)
    world.change("b", by=-4)
    await world.deliver()
    world.clock.turn(world.settings.order_poll_interval)
    calls = world.shop.calls
    while world.shown()["b"] == 9:
        assert await world.turn()
    assert world.shop.calls - calls <= 12
    await world.settle()
    assert world.shown() == {"a": 140, "b": 5}
    assert world.inventory.lots[LotId("a")].quantity == 140


async def test_a_shop_whose_orders_take_longer_to_read_than_the_interval_still_takes_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await connected()
    world.create("a", 20, note="a")
    await world.settle(timedelta(minutes=1))
    list_orders = world.shop.list_orders

    async def slowly(page: str, ticket: Ticket) -> OrderRead:
        world.clock.turn(world.settings.order_poll_interval * 2)
        return await list_orders(page, ticket)

    monkeypatch.setattr(world.shop, "list_orders", slowly)
    world.change("a", by=-4)
    await world.deliver()
    for _ in range(4):
        await world.turn()
    assert world.shown() == {"a": 16}


async def test_sale_close_to_the_census_is_looked_at() -> None:
    """Rule Q1: an order within seconds of the list read may or may not be in the number that was read."""
    world = World()
    fields = {"price": "0.1000", "note": "a", "cost": None}
    world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=10, for_sale=True, retain=False, fields=fields)
    )
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    while world.store.tables.connections[SELLER].census_at is None:
        await world.deliver()
        await world.turn()
    world.clock.turn(world.settings.anchor_doubt / 2)
    world.shop.buy(ListingId("1001"), 4)
    await world.confirm()
    await world.settle()
    assert world.inventory.lots[LotId("a")].quantity == 6
    assert world.shown() == {"a": 6}
    assert world.shop.writes == []
