"""What somebody changes in the shop itself is left there, and asked about; a decrease never waits for it (F2, S6)."""

from dataclasses import replace
from datetime import timedelta

from brickops.inventory.v1 import lot_sync_pb2
from syncengine.listing import Group, ListingId
from syncengine.marketplace import Create, Remove, Update
from syncengine.testing.inventory import BRICK
from syncengine.testing.world import World

FIRST = ListingId("1001")


async def edited(**changes: str) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=30))
    world.shop.edit(FIRST, **changes)
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    return world


async def test_a_price_changed_there_is_a_conflict_and_is_not_written_over() -> None:
    world = await edited(price="0.5000")
    conflict = world.row("a").conflicts["price"]
    assert (conflict.sent, conflict.ours, conflict.theirs) == ("0.1000", "0.1000", "0.5000")
    assert world.shop.listings[FIRST].fields["price"] == "0.5000"
    states = {group.group: group.state for group in world.inventory.settled[world.row("a").lot_id].lot_settled.groups}
    assert states[lot_sync_pb2.FIELD_GROUP_PRICE] == lot_sync_pb2.SYNC_STATE_CONFLICT
    assert states[lot_sync_pb2.FIELD_GROUP_QUANTITY] == lot_sync_pb2.SYNC_STATE_SYNCED


async def test_a_daily_census_saves_only_what_it_finds_changed() -> None:
    """A large shop's lots take longer to save than one transaction may."""
    world = await edited()
    row, saved, taken_at = world.row("a"), world.store.tables.listings, world.connection.census_at
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert world.connection.census_at != taken_at
    assert world.store.tables.listings is saved
    world.shop.edit(FIRST, price="0.5000")
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert world.row("a") != row


async def test_quantity_and_other_groups_go_on_beside_it() -> None:
    world = await edited(price="0.5000")
    world.change("a", by=-4, note="b")
    await world.settle()
    listing = world.shop.listings[FIRST]
    assert (listing.quantity, listing.fields["note"], listing.fields["price"]) == (6, "b", "0.5000")


async def test_a_new_value_of_the_sellers_decides() -> None:
    world = await edited(price="0.5000")
    world.change("a", price="0.7000")
    await world.settle()
    assert world.shop.listings[FIRST].fields["price"] == "0.7000"
    assert not world.row("a").conflicts
    assert world.row("a").settled[Group.PRICE] == 2


async def test_taking_theirs_needs_no_call() -> None:
    world = await edited(price="0.5000")
    world.change("a", price="0.5000")
    await world.settle()
    assert not world.row("a").conflicts
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_who_undoes_their_own_edit_leaves_no_conflict() -> None:
    world = await edited(price="0.5000")
    world.shop.edit(FIRST, price="0.1000")
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert not world.row("a").conflicts


async def test_another_item_there_is_a_conflict_and_no_cause_to_list_anew() -> None:
    world = await edited()
    blue = replace(BRICK, color_id=7)
    world.shop.listings[FIRST] = replace(world.shop.listings[FIRST], item=blue)
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert world.row("a").conflicts.keys() == {"item"}
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_a_lot_that_became_another_item_is_removed_and_listed_anew() -> None:
    """Rule N4: removed, orders read, created."""
    world = await edited()
    blue = replace(BRICK, color_id=7)
    world.inventory.change("a", item=blue)
    await world.deliver()
    while len(world.shop.writes) < 2:
        await world.turn()
    removed_at = world.clock.now()
    await world.settle()
    assert [type(write.write) for write in world.shop.writes] == [Create, Remove, Create]
    assert [(listing.item, listing.quantity) for listing in world.shop.listings.values()] == [(blue, 10)]
    assert world.connection.orders_read_at is not None
    assert world.connection.orders_read_at > removed_at
    assert set(world.row("a").settled.values()) == {2}


async def test_a_sale_just_before_the_removal_is_off_the_new_listing() -> None:
    world = await edited()
    world.inventory.change("a", item=replace(BRICK, color_id=7))
    await world.deliver()
    world.shop.buy(FIRST, 4)
    await world.settle()
    assert world.shown() == {"a": 6}
    created = [write.write for write in world.shop.writes if isinstance(write.write, Create)]
    assert created[-1].quantity == 6
    assert not any(isinstance(write.write, Update) for write in world.shop.writes)


async def test_a_text_that_the_shop_cleans_after_its_answer_is_no_foreign_edit() -> None:
    world = await edited()
    world.change("a", note="<b>a</b>")
    await world.settle()
    world.shop.edit(FIRST, note="a")
    for _ in range(2):
        world.clock.turn(world.settings.census_interval)
        await world.settle()
    assert not world.row("a").conflicts
    world.shop.edit(FIRST, note="theirs")
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert world.row("a").conflicts.keys() == {"note"}


async def test_a_decrease_never_waits_for_a_change_of_item_that_late_orders_hold() -> None:
    """Rule C4 holds the create after new keys, so nothing is removed yet; fewer pieces are shown at once."""
    world = await edited()
    await world.connect(key_version=2)
    await world.settle(timedelta(seconds=6))
    assert world.connection.hold_increases_until is not None
    world.inventory.change("a", -3, item=replace(BRICK, color_id=7))
    await world.settle(timedelta(seconds=6))
    assert world.shown() == {"a": 7}
    await world.settle()
    assert [(listing.item.color_id, listing.quantity) for listing in world.shop.listings.values()] == [(7, 7)]
