"""Creates whose outcome is not known, over a shop in memory: nothing is listed twice (rules K1, N1, N3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.listing import Listing, ListingId, ListRead
from syncengine.marketplace import Ticket
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import BRICK
from syncengine.testing.shop import Fault
from syncengine.testing.world import SOON_CERTAIN, World, connected


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
async def test_lost_reply_to_a_create_lists_once(fault: Fault) -> None:
    world = await connected(SOON_CERTAIN)
    world.shop.write_faults.append(fault)
    world.create("a", 10, note="a")
    await world.settle()
    assert world.shown() == {"a": 10}
    assert len(world.shop.writes) == 1
    assert set(world.row("a").settled.values()) == {1}


async def test_create_is_not_taken_for_lost_while_the_shop_lists_nothing() -> None:
    """Rules C5, N3: a closed shop lists nothing either; what else it lists proves that it is open."""
    world = await connected()
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.create("a", 10, note="a")
    await world.settle(timedelta(minutes=30))
    assert world.row("a").unknown
    world.create("b", 10, replace(BRICK, number="3002"), note="b")
    await world.settle()
    assert world.shown() == {"a": 10, "b": 10}


async def test_lists_of_a_closed_shop_are_none_of_the_two_that_prove_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: they said nothing of the listing, which sold out in a late order just before the shop opened (9099)."""
    world = await connected()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 3, note="a")
    with monkeypatch.context() as closed:

        async def nothing(ticket: Ticket) -> ListRead:
            return ListRead(listings=(), read_at=world.clock.now())

        closed.setattr(world.shop, "read_all", nothing)
        await world.settle(timedelta(minutes=5))
    assert world.row("a").unknown
    order_id = world.shop.buy(ListingId("1001"), 3)
    late = world.shop.orders.pop(order_id)
    world.create("b", 10, replace(BRICK, number="3002"), note="b")
    await world.settle(world.settings.lag_window - timedelta(seconds=1))
    assert world.shown() == {"b": 10}
    world.shop.orders[order_id] = late
    await world.settle()
    assert (world.shown(), world.row("a").trouble) == ({"b": 10}, None)
    assert world.inventory.lots[world.row("a").lot_id].quantity == 0


async def test_sold_out_create_with_a_lost_reply_is_not_listed_again() -> None:
    """Rule N3: the order line of a listing that no list shows any more is the create's trace."""
    world = await connected()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 3, note="a")
    await world.deliver()
    while not world.shop.writes:
        await world.turn()
    world.shop.buy(ListingId("1001"), 3)
    await world.settle()
    assert world.shown() == {}
    assert world.inventory.lots[world.row("a").lot_id].quantity == 0
    assert len(world.shop.writes) == 1


async def test_created_listing_that_a_stale_list_lacked_is_found_in_the_next() -> None:
    """Rule N3: it shows a cleaned text, so that only its pieces say whose it is."""
    world = await connected()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 10, note="a ")
    await world.deliver()
    while not world.shop.writes:
        await world.turn()
    world.shop.buy(ListingId("1001"), 2)
    made = replace(world.shop.listings.pop(ListingId("1001")), fields={"price": "0.1000", "note": "a", "cost": None})
    [unsettled] = world.store.tables.unsettled
    while world.store.tables.unsettled[unsettled].listed_at is None:
        await world.settle(timedelta(seconds=1))
    world.shop.listings[made.listing_id] = made
    await world.settle()
    assert world.row("a").listing_id == made.listing_id
    assert world.row("a").trouble is None
    assert world.inventory.lots[world.row("a").lot_id].quantity == 8


@pytest.mark.parametrize("pieces", [3, 5])
async def test_look_alike_that_sold_before_the_create_is_not_taken_for_it(pieces: int) -> None:
    """Rule N3: its pieces went before our call began, however many they were. Whose they are, a person says (C4)."""
    world = await connected(SOON_CERTAIN)
    theirs = Listing(listing_id=ListingId("1001"), item=BRICK, quantity=pieces, for_sale=True, retain=False, fields={})
    order_id = world.shop.buy(world.shop.add(theirs), pieces)
    late = world.shop.orders.pop(order_id)
    world.clock.turn(timedelta(seconds=3))
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.create("a", 3, note="a")
    await world.settle(timedelta(seconds=1))
    assert world.row("a").unknown
    world.shop.orders[order_id] = late
    await world.settle()
    assert world.row("a").trouble is Trouble.ORDER_UNASSIGNED
    assert world.inventory.lots[world.row("a").lot_id].quantity == 3


async def test_look_alike_is_the_sellers_to_decide() -> None:
    world = World()
    fields = {"price": "5.0000", "note": "other", "cost": None}
    world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=6, for_sale=True, retain=False, fields=fields)
    )
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    await world.settle()
    await world.confirm()
    await world.settle()
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    assert world.shop.writes == []


async def test_a_short_list_is_no_proof_that_a_listing_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retained listing without pieces looks the same gone or left out: only its own read tells (seed 1013)."""
    world = await connected()
    for number, name in enumerate("abcd"):
        world.create(name, 1, replace(BRICK, color_id=number + 1), retain=True, note=name)
    await world.settle()
    for name in "abcd":
        world.change(name, by=-1)
    await world.settle()
    assert world.shown() == dict.fromkeys("abcd", 0)
    for row in list(world.store.tables.listings.values()):
        world.store.tables.listings[row.lot_id] = replace(row, look_since=world.clock.now())
    with monkeypatch.context() as patch:

        async def short(ticket: Ticket) -> ListRead:
            return ListRead(listings=(), read_at=world.clock.now())

        patch.setattr(world.shop, "read_all", short)
        world.create("e", 1, replace(BRICK, color_id=9), note="e")
        await world.settle(timedelta(minutes=1))
    for name in "abcd":
        world.change(name, by=2)
    await world.settle()
    assert world.shown() == dict.fromkeys("abcd", 2) | {"e": 1}


async def test_a_list_that_lacks_what_another_read_shows_does_not_prove_that_a_create_was_not_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two empty lists, and the one listing we know read by itself in the same look (rule N3, seed 996)."""
    world = await connected()
    world.create("a", 5, note="a")
    await world.settle(timedelta(minutes=1))
    with monkeypatch.context() as patch:

        async def empty(ticket: Ticket) -> ListRead:
            return ListRead(listings=(), read_at=world.clock.now())

        patch.setattr(world.shop, "read_all", empty)
        world.shop.write_faults.append(Fault.DROP_AFTER)
        world.create("b", 3, replace(BRICK, color_id=7), note="b")
        for _ in range(120):
            await world.settle(timedelta(seconds=1))
            row, due = world.row("a"), world.row("b").not_before
            world.store.tables.listings[row.lot_id] = replace(row, look_since=world.clock.now(), not_before=due)
    await world.settle()
    assert sorted(listing.quantity for listing in world.shop.listings.values()) == [3, 5]
    assert world.row("b").listing_id is not None
