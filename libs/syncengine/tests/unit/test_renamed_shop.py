"""A shop that shows another name than the connection's, and what its owner says of it (rule W1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.grpc_errors import InvalidField
from syncengine.answers import ChangedSinceError
from syncengine.listing import Listing, ListingId, LotId, OrderId, SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.testing.inventory import BRICK
from syncengine.testing.operator import Operator
from syncengine.testing.shop import MemoryShop, Order
from syncengine.testing.world import World

SAME = waiting_pb2.SHOP_ANSWER_SAME_SHOP
AGAIN = waiting_pb2.SHOP_ANSWER_LOOK_AGAIN
SOMEBODY = SellerId("somebody")


async def halted(*, key_version: int = 1) -> World:
    """A shop with a lot of 10 of which 1 was sold before it shows another name, and of which 3 shall be taken out."""
    world = World()
    await world.connect()
    await world.settle()
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.buy(ListingId("1001"), 1)
    await world.settle()
    world.shop.seller_name = "renamed"
    world.shop.buy(ListingId("1001"), 2)
    if key_version > 1:
        await world.connect(key_version=key_version)
    await world.settle()
    assert world.connection.halted == "ANOTHER_SHOP"
    world.change("a", by=-3)
    return world


def exchanged(world: World) -> MemoryShop:
    """The keys open a shop of somebody else from now on: none of its ids was ever ours."""
    ours, other = world.shop, MemoryShop(world.clock)
    for number in range(3):
        strange = Listing(
            listing_id=ListingId(""),
            item=replace(BRICK, color_id=number),
            quantity=9,
            for_sale=True,
            retain=False,
            fields={},
        )
        other.listings[ListingId(str(5001 + number))] = replace(strange, listing_id=ListingId(str(5001 + number)))
    other.seller_name = "renamed"
    world.shop = other
    return ours


async def say(world: World, answer: waiting_pb2.ShopAnswer.ValueType, shown_name: str = "renamed") -> str:
    request = pb.AnswerShopRequest(shown_name=shown_name, answer=answer)
    return str((await Operator(world).ask("AnswerShop", request)).message)


@pytest.mark.parametrize("key_version", [1, 2])
async def test_a_renamed_shop_is_recognised_by_what_is_ours_in_it_and_keeps_its_books(key_version: int) -> None:
    world = await halted(key_version=key_version)
    told = await Operator(world).connection()
    assert told.other_shop == pb.OtherShop(pinned_name="testers", shown_name="renamed")
    writes = len(world.shop.writes)
    await world.settle()
    assert len(world.shop.writes) == writes
    await say(world, SAME)
    assert (await Operator(world).connection()).reason == "RECOGNISING"
    await world.settle()
    assert (world.connection.halted, world.connection.pinned_name) == ("", "renamed")
    assert not (await Operator(world).connection()).HasField("other_shop")
    assert world.inventory.lots[LotId("a")].quantity == 4
    assert world.shown() == {"a": 4}


async def test_what_is_told_again_of_the_same_keys_does_not_bring_the_old_name_back() -> None:
    """As when all keys are sealed anew: the event says what the seller typed long ago."""
    world = await halted(key_version=2)
    await say(world, SAME)
    await world.settle()
    await world.connect(key_version=2)
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert (world.connection.halted, world.connection.pinned_name) == ("", "renamed")
    assert world.shown() == {"a": 4}


async def test_a_shop_in_which_nothing_is_ours_is_never_written_to_nor_its_orders_kept() -> None:
    world = await halted()
    ours = exchanged(world)
    other = world.shop
    placed = Order(order_id=OrderId("9001"), ordered_at=world.clock.now(), changed_at=world.clock.now())
    other.orders[placed.order_id] = placed
    other.buy(ListingId("5001"), 1, placed.order_id)
    await world.connect(key_version=2)
    await world.settle()
    orders = set(world.store.tables.orders)
    for _ in range(2):
        await say(world, SAME)
        await world.settle()
        assert (world.connection.halted, world.connection.shown_name) == ("NOTHING_OF_OURS", "renamed")
    assert (await Operator(world).connection()).message.startswith("You said that this is your shop")
    assert (other.writes, set(world.store.tables.orders), world.connection.pinned_name) == ([], orders, "testers")
    ours.seller_name = "testers"
    world.shop = ours
    await world.connect(key_version=3)
    await world.settle()
    assert (world.connection.halted, world.shown()) == ("", {"a": 4})


async def test_looking_again_halts_again_unless_the_shop_has_its_name_back() -> None:
    world = await halted()
    writes = len(world.shop.writes)
    await say(world, AGAIN)
    await world.settle()
    assert (world.connection.halted, len(world.shop.writes)) == ("ANOTHER_SHOP", writes)
    world.shop.seller_name = "testers"
    await say(world, AGAIN)
    await world.settle()
    assert (world.connection.halted, world.shown()) == ("", {"a": 4})


async def test_a_name_that_the_shop_does_not_show_is_not_taken() -> None:
    """It is renamed once more between the answer and the read."""
    world = await halted()
    world.shop.seller_name = "once-more"
    await say(world, SAME)
    await world.settle()
    assert (world.connection.halted, world.connection.shown_name) == ("ANOTHER_SHOP", "once-more")
    assert world.connection.pinned_name == "testers"


async def test_the_first_shop_of_a_connection_is_taken_by_the_name_that_it_shows() -> None:
    """Its name was typed wrong, and it was never matched: nothing of any other shop is in the books."""
    world = World()
    listing_id = world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=9, for_sale=True, retain=False, fields={})
    )
    world.shop.buy(listing_id, 1)
    await world.connect(shop_name="tseters", shop_is_empty=False)
    world.create("a", 10, replace(BRICK, color_id=9), note="a")
    await world.settle()
    assert (world.connection.halted, world.connection.shown_name) == ("ANOTHER_SHOP", "testers")
    await say(world, SAME, "testers")
    await world.settle()
    assert (world.connection.halted, world.connection.pinned_name) == ("", "testers")
    assert world.connection.confirmed_at is None
    await world.confirm()
    await world.settle()
    assert sorted(listing.quantity for listing in world.shop.listings.values()) == [8, 10]


async def test_a_shop_of_another_seller_is_refused_all_the_same() -> None:
    world = await halted()
    async with world.store.transaction() as tx:
        await tx.save_connection(ConnectionRow(seller_id=SOMEBODY, enabled=True, pinned_name="Renamed"))
    await say(world, SAME)
    await world.settle(timedelta(minutes=1))
    assert (world.connection.halted, world.connection.pinned_name) == ("SHOP_OF_ANOTHER_SELLER", "testers")
    with pytest.raises(ChangedSinceError):
        await say(world, SAME)


async def test_only_what_was_shown_is_answered() -> None:
    world = await halted()
    with pytest.raises(ChangedSinceError):
        await say(world, SAME, "testers")
    with pytest.raises(InvalidField):
        await say(world, waiting_pb2.SHOP_ANSWER_UNSPECIFIED)
    await world.connect(key_version=2)
    with pytest.raises(ChangedSinceError):
        await say(world, SAME)
