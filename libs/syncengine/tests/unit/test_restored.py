"""The engine's database restored from before a listing went: what explains it is believed (rules C1, Q4)."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from brickops.inventory.v1.lot_sync_pb2 import SYNC_STATE_CONFLICT, SYNC_STATE_SYNCED, SyncState
from syncengine.census import LIST_IS_EMPTY
from syncengine.listing import Group, ListingId, ListRead, LotId
from syncengine.marketplace import Outcome, ReadFailedError, Ticket, Unknown, Write
from syncengine.rows.listing import Trouble
from syncengine.testing.shop import Fault, Order
from syncengine.testing.world import World


async def with_two_lots() -> World:
    """Ten pieces each of a and b, both listed."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in ("a", "b"):
        world.create(name, 10, note=name, price="0.1000" if name == "a" else "0.2000")
    await world.settle()
    return world


def states(world: World, lot_id: str) -> set[SyncState.ValueType]:
    """What inventory was told last of a lot's groups."""
    return {group.state for group in world.inventory.settled[LotId(lot_id)].lot_settled.groups}


@pytest.mark.parametrize("how", ["sold out", "taken away"])
async def test_a_listing_gone_since_the_backup_is_explained(how: str) -> None:
    """By its orders, or because it is not wanted any more; when it is wanted again, it is listed again."""
    world = await with_two_lots()
    backup = deepcopy(world.store.tables)
    told = world.told
    if how == "sold out":
        world.shop.buy(ListingId("1001"), 10)
    else:
        world.change("a", by=-10)
    await world.settle()
    assert world.shown() == {"b": 10}
    writes = len(world.shop.writes)
    await world.lose_database(backup, told)
    await world.settle()
    assert (world.row("a").trouble, world.row("a").listing_id) == (None, None)
    world.change("a", by=5)
    await world.settle()
    assert world.shown() == {"a": 5, "b": 10}
    assert len(world.shop.writes) == writes + 1


async def test_what_was_told_since_the_backup_is_told_anew() -> None:
    """Inventory heard of a conflict that the backup knows nothing of, and that is over (two shops' life 9506)."""
    world = await with_two_lots()
    backup = deepcopy(world.store.tables)
    told = world.told
    world.shop.edit(ListingId("1001"), price="0.5000")
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert states(world, "a") == {SYNC_STATE_SYNCED, SYNC_STATE_CONFLICT}
    world.shop.edit(ListingId("1001"), price="0.1000")
    await world.lose_database(backup, told)
    await world.settle()
    assert states(world, "a") == {SYNC_STATE_SYNCED}


async def test_what_a_text_came_to_before_the_loss_is_no_reason_to_set_it_aside() -> None:
    """It was sent twice, for a batch had not stored it, and the shop cuts it (two shops' life 8970)."""
    world = await with_two_lots()
    row = world.row("a")
    world.store.tables.listings = {
        **world.store.tables.listings,
        row.lot_id: replace(row, applied={Group.TEXT: (row.revision, 2)}),
    }
    world.shop.edit(ListingId("1001"), note="cut")
    await world.lose_database(world.store.tables, world.told)
    await world.settle()
    assert (world.row("a").parked, world.shop.listings[ListingId("1001")].fields["note"]) == ({}, "a")


async def test_a_hidden_lot_with_a_look_alike_stays_asked_about_though_the_listing_it_had_is_gone() -> None:
    """The look-alike may be what an unanswered create made, and sells out: nobody lists it again (two shops' 1698)."""
    world = await with_two_lots()
    world.inventory.change("a", for_sale=False)
    await world.settle()
    backup, told = deepcopy(world.store.tables), world.told
    had = world.shop.listings.pop(ListingId("1001"))
    world.shop.add(replace(had, quantity=2, fields={**had.fields, "price": "0.3000"}))
    await world.lose_database(backup, told)
    await world.settle()
    assert (world.row("a").trouble, world.row("a").listing_id) == (Trouble.LOOK_ALIKE, None)


async def test_what_was_being_made_and_sold_out_meanwhile_is_not_nobodys() -> None:
    """The reply was lost, and the listing sold out before it was found: nobody lists its pieces again (seed 1074)."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    send = world.shop.send

    async def sold_at_once(write: Write, ticket: Ticket) -> Outcome:
        await send(write, ticket)
        world.shop.buy(ListingId("1001"), 5)
        return Unknown(reason="NO_REPLY")

    with patch.object(world.shop, "send", sold_at_once):
        world.create("a", 5, note="a")
        await world.settle(timedelta(seconds=6))
    lines = world.store.tables.lines
    world.store.tables.lines = {key: replace(line, unowned=True) for key, line in lines.items()}
    await world.lose_database(world.store.tables, world.told)
    await world.settle()
    assert (world.shown(), len(world.shop.writes)) == ({}, 1)
    assert world.row("a").trouble is Trouble.ORDER_UNASSIGNED


async def test_what_was_seen_while_it_was_looked_for_is_not_nobodys_either() -> None:
    """A list showed it with fewer pieces than were sent, and the backup is of that moment (life 1013)."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    send, made = world.shop.send, ListingId("1001")

    async def unanswered(write: Write, ticket: Ticket) -> Outcome:
        await send(write, ticket)
        late.append(world.shop.orders.pop(world.shop.buy(made, 2)))
        return Unknown(reason="NO_REPLY")

    late: list[Order] = []
    with patch.object(world.shop, "send", unanswered):
        world.create("a", 5, note="a")
        await world.settle(timedelta(seconds=6))
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.save_connection(replace(world.connection, list_wanted_at=now, due_at=now))
    await world.settle(timedelta(seconds=2))
    backup = deepcopy(world.store.tables)
    world.shop.orders[late[0].order_id] = late[0]
    world.shop.buy(made, 2)
    last = world.shop.orders.pop(world.shop.buy(made, 1))
    await world.lose_database(backup, world.told)
    await world.settle(world.settings.lag_window * 0.9)
    world.shop.orders[last.order_id] = last
    await world.settle(world.settings.lag_window * 20)
    assert (world.shown(), len(world.shop.writes)) == ({}, 1)
    assert world.row("a").trouble is Trouble.ORDER_UNASSIGNED


async def test_after_a_loss_an_empty_list_is_not_believed_where_inventory_knows_of_listings() -> None:
    """That the shop was empty the seller said before there were any: now it may be closed (rule C5)."""
    world = World()
    connected_at = world.clock.now()
    await world.connect(connected_at=connected_at)
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.settle()
    there, writes = dict(world.shop.listings), len(world.shop.writes)
    await world.lose_database()
    await world.connect(connected_at=connected_at)
    world.shop.listings.clear()  # as of a closed shop
    await world.settle()
    assert (world.connection.census_alarm, len(world.shop.writes)) == (LIST_IS_EMPTY, writes)
    world.shop.listings.update(there)
    world.clock.turn(world.settings.halt_probe_interval)
    await world.settle()
    assert (world.connection.census_alarm, len(world.shop.writes)) == ("", writes)
    assert world.row("a").listing_id == ListingId("1001")


async def test_after_a_loss_nothing_is_created_before_a_second_list_where_the_first_was_short() -> None:
    """The one that proves it fails for longer than late orders may take to show (life 3878)."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("b", 10, note="b", price="0.2000")
    await world.settle()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=1))
    assert world.shown() == {"a": 10, "b": 10}
    made, writes, lists = ListingId("1002"), len(world.shop.writes), 0
    await world.lose_database()
    read_all = world.shop.read_all

    async def short_then_failing(ticket: Ticket) -> ListRead:
        nonlocal lists
        lists += 1
        if lists > 1:
            raise ReadFailedError(Unknown(reason="NO_REPLY"))
        read = await read_all(ticket)
        return replace(read, listings=tuple(listing for listing in read.listings if listing.listing_id != made))

    with patch.object(world.shop, "read_all", short_then_failing):
        await world.connect(shop_is_empty=False)
        await world.settle(world.settings.lag_window * 3)
    assert lists > 1
    assert (world.row("a").listing_id, len(world.shop.writes)) == (None, writes)
    await world.settle()
    assert (world.row("a").listing_id, len(world.shop.writes)) == (made, writes)
    assert world.connection.hold_increases_until is None


async def test_after_a_loss_what_sold_out_between_two_lists_is_not_listed_again() -> None:
    """The first was short, the second is true, and the order shows when late orders of the first have (life 3906)."""
    world = await with_two_lots()
    writes, lag = len(world.shop.writes), world.settings.lag_window
    await world.lose_database()
    read_all, lists, is_down = world.shop.read_all, 0, True

    async def short_then_late(ticket: Ticket) -> ListRead:
        nonlocal lists
        if lists and is_down:
            raise ReadFailedError(Unknown(reason="NO_REPLY"))
        lists += 1
        read = await read_all(ticket)
        return read if lists > 1 else replace(read, listings=read.listings[1:])

    with patch.object(world.shop, "read_all", short_then_late):
        await world.connect(shop_is_empty=False)
        while not lists:
            await world.settle(timedelta(seconds=1))
        await world.settle(lag / 2)
        late = world.shop.orders.pop(world.shop.buy(ListingId("1001"), 10))
        is_down = False
        await world.settle(lag * 0.9)
        world.shop.orders[late.order_id] = late
        await world.settle()
    assert lists > 1
    assert (world.shown(), len(world.shop.writes)) == ({"b": 10}, writes)
    assert world.inventory.lots[LotId("a")].quantity == 0
