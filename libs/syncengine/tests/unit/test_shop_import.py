"""A shop that was not empty becomes lots: nothing is written that is the same, each sale counts once (S7, C2, C3)."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.listing import Listing, ListingId, ListRead, LotId
from syncengine.marketplace import Ticket
from syncengine.rows.listing import Trouble
from syncengine.rows.shop import ShopListing
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

A, B = ListingId("1001"), ListingId("1002")


def a_listing(note: str, quantity: int = 10, **more: object) -> Listing:
    fields = {"price": "0.1000", "note": note, "cost": None}
    listing = Listing(listing_id=A, item=BRICK, quantity=quantity, for_sale=True, retain=False, fields=fields)
    return replace(listing, **more)  # type: ignore[arg-type]


async def a_shop(*listings: Listing) -> World:
    """A shop with listings that nobody has told us of, matched for the first time; the seller has agreed to nothing."""
    world = World()
    for listing in listings or (a_listing("a"), a_listing("b", 4)):
        world.shop.add(listing)
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=30))
    return world


async def unowned(world: World) -> Sequence[ShopListing]:
    async with world.store.transaction() as tx:
        return await tx.unowned(SELLER)


async def take_in(world: World, listed: Sequence[ShopListing]) -> None:
    """Inventory makes a lot of each of these listings, as they were then: an import of S7."""
    for kept in listed:
        world.inventory.take_in(str(kept.listing.fields["note"]), kept)
    await world.settle()


def pieces(world: World, lot_id: str) -> int:
    return world.inventory.lots[LotId(lot_id)].quantity


def is_linked(world: World, lot_id: str, listing_id: ListingId) -> bool:
    row = world.row(lot_id)
    return row.listing_id == listing_id and row.trouble is None and not row.conflicts and row.look_since is None


async def test_what_the_shop_shows_becomes_lots_and_nothing_is_written() -> None:
    world = await a_shop(
        a_listing("a"),
        a_listing("b", 4, retain=True),
        a_listing("c", 7, for_sale=False),
        a_listing("d", 0, retain=True),
    )
    await take_in(world, await unowned(world))
    await world.confirm()
    await world.settle()
    assert [is_linked(world, name, ListingId(str(1001 + place))) for place, name in enumerate("abcd")] == [True] * 4
    assert not world.shop.writes
    assert not await unowned(world)
    assert [set(world.row(lot_id).settled.values()) for lot_id in "abcd"] == [{1}] * 4


async def test_a_sale_counts_once_whenever_it_happens() -> None:
    """Before the list was read its pieces are not in the list; after it, each is told when the listing is linked."""
    world = World()
    world.shop.add(a_listing("a", 20))
    world.shop.buy(A, 1)
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=30))
    listed = await unowned(world)
    world.shop.buy(A, 2)  # the preview has been read
    await world.settle(timedelta(seconds=30))
    world.shop.buy(A, 3)  # we have not read this order when the lot is made
    world.inventory.take_in("a", listed[0])
    await world.deliver()
    world.shop.buy(A, 4)  # the lot waits for its look
    await world.settle()
    world.shop.buy(A, 5)
    await world.settle()
    assert listed[0].listing.quantity == 19
    assert pieces(world, "a") == world.shop.listings[A].quantity == 5
    await world.confirm()
    await world.settle()
    assert is_linked(world, "a", A)
    assert not world.shop.writes


async def test_an_order_in_the_very_second_of_the_list_is_in_its_numbers() -> None:
    """The shop tells whole seconds; an order that was read before the list has left the list, whatever its date."""
    world = World()
    world.shop.add(a_listing("a"))
    world.shop.buy(A, 3)
    read_all = world.shop.read_all

    async def earlier(ticket: Ticket) -> ListRead:
        read = await read_all(ticket)
        return replace(read, read_at=read.read_at - timedelta(seconds=2))

    world.shop.read_all = earlier  # type: ignore[method-assign]
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=30))
    await take_in(world, await unowned(world))
    await world.confirm()
    await world.settle()
    assert pieces(world, "a") == 7
    assert is_linked(world, "a", A)
    assert not world.shop.writes


async def test_sold_out_before_the_lot_was_made() -> None:
    world = await a_shop()
    listed = await unowned(world)
    world.shop.buy(A, 10)
    await take_in(world, listed)
    await world.confirm()
    await world.settle()
    assert pieces(world, "a") == 0
    assert (world.row("a").listing_id, world.row("a").trouble) == (None, None)
    assert not world.shop.writes


async def test_what_somebody_changed_since_the_list_was_read_is_a_conflict() -> None:
    world = await a_shop()
    listed = await unowned(world)
    world.shop.edit(A, price="0.5000")
    world.clock.turn(world.settings.census_interval)  # also where a later census has seen it
    await world.settle()
    await take_in(world, listed)
    await world.confirm()
    await world.settle()
    conflict = world.row("a").conflicts["price"]
    assert (conflict.ours, conflict.theirs) == ("0.1000", "0.5000")
    assert is_linked(world, "b", B)
    assert not world.shop.writes


@pytest.mark.parametrize("by", [-3, 3])
async def test_a_number_that_no_order_explains_is_a_question(by: int) -> None:
    world = await a_shop()
    listed = await unowned(world)
    world.shop.listings[A] = replace(world.shop.listings[A], quantity=10 + by)
    await take_in(world, listed)
    await world.confirm()
    await world.settle()
    assert (world.row("a").trouble, world.row("a").unexplained) == (Trouble.NUMBER_UNEXPLAINED, by)
    assert world.shop.listings[A].quantity == 10 + by
    assert not world.shop.writes


async def test_a_listing_that_somebody_removed_is_not_made_again() -> None:
    world = await a_shop()
    listed = await unowned(world)
    del world.shop.listings[A]
    await take_in(world, listed)
    await world.confirm()
    await world.settle()
    assert (world.row("a").trouble, world.row("a").listing_id) == (Trouble.GONE_UNEXPLAINED, None)
    assert not world.shop.writes


async def test_a_lot_that_was_there_is_linked_and_its_own_values_go_out() -> None:
    world = await a_shop(a_listing("theirs"))
    world.create("a", 10, note="ours")
    await world.settle()
    world.inventory.link("a", A)
    await world.settle()
    assert not world.shop.writes
    await world.confirm()
    await world.settle()
    assert is_linked(world, "a", A)
    assert world.shown() == {"ours": 10}
    assert len(world.shop.writes) == 1


async def test_what_somebody_changed_before_a_lot_that_was_there_was_linked_is_a_conflict() -> None:
    """The seller was shown the list: what is there since nobody has agreed to write over."""
    world = await a_shop(a_listing("theirs"))
    world.create("a", 10, note="ours")
    await world.settle()
    world.shop.edit(A, price="0.5000")
    world.inventory.link("a", A)
    await world.deliver()
    assert set(world.row("a").settled.values()) == {0}
    await world.settle()
    await world.confirm()
    await world.settle()
    conflict = world.row("a").conflicts["price"]
    assert (conflict.sent, conflict.ours, conflict.theirs) == ("0.1000", "0.1000", "0.5000")
    assert (world.shop.listings[A].fields["price"], world.shown()) == ("0.5000", {"ours": 10})


async def test_a_lot_that_has_a_listing_gets_no_second_one() -> None:
    world = await a_shop()
    await take_in(world, (await unowned(world))[:1])
    world.inventory.link("a", B)
    await world.settle()
    assert is_linked(world, "a", A)
    assert [kept.listing.listing_id for kept in await unowned(world)] == [B]


async def test_a_new_lot_whose_listing_is_another_lots_is_listed_nowhere() -> None:
    world = await a_shop(a_listing("a"))
    listed = await unowned(world)
    await take_in(world, listed)
    world.inventory.take_in("twin", listed[0])
    await world.settle()
    await world.confirm()
    await world.settle()
    assert world.row("twin").trouble is Trouble.GONE_UNEXPLAINED
    assert is_linked(world, "a", A)
    assert world.shown() == {"a": 10}
    assert not world.shop.writes


async def test_the_listing_of_a_create_whose_reply_was_lost_is_nobody_elses() -> None:
    """Else the create would be taken for undone, and made again (rule N3)."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("ours", 10, note="a")
    while not world.shop.writes:
        await world.deliver()
        await world.turn()
    kept = ShopListing(
        seller_id=SELLER, listing=world.shop.listings[A], seen_at=world.clock.now(), read_at=world.clock.now()
    )
    await take_in(world, [kept])
    assert is_linked(world, "ours", A)
    assert world.row("a").trouble is Trouble.GONE_UNEXPLAINED
    assert world.shown() == {"a": 10}


async def test_a_lot_that_waited_for_a_listing_is_free_once_that_is_another_lots() -> None:
    world = World()
    world.shop.add(a_listing("theirs"))
    world.create("like it", 3, note="like it")
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=30))
    assert world.row("like it").trouble is Trouble.LOOK_ALIKE
    await take_in(world, await unowned(world))
    assert world.row("like it").trouble is None
    await world.confirm()
    await world.settle()
    assert world.shown() == {"theirs": 10, "like it": 3}
    assert len(world.shop.writes) == 1


async def test_new_keys_in_the_middle_change_nothing() -> None:
    world = await a_shop()
    listed = await unowned(world)
    for kept in listed:
        world.inventory.take_in(str(kept.listing.fields["note"]), kept)
    world.shop.edit(A, price="0.5000")
    await world.deliver()
    await world.connect(shop_is_empty=False, key_version=2)
    world.shop.buy(B, 1)
    await world.settle()
    await world.confirm()
    await world.settle()
    assert set(world.row("a").conflicts) == {"price"}
    assert is_linked(world, "b", B)
    assert pieces(world, "b") == 3
    assert not world.shop.writes


async def test_after_a_loss_their_lots_find_them_again_by_their_ids() -> None:
    """The backup is from before the import: nothing is listed twice, and what was sold since counts once (C1, T4)."""
    world = await a_shop()
    backup, told = deepcopy(world.store.tables), world.told
    await take_in(world, await unowned(world))
    await world.confirm()
    world.shop.buy(A, 2)
    await world.settle()
    await world.lose_database(backup, told)
    world.shop.buy(A, 1)
    await world.settle()
    assert is_linked(world, "a", A)
    assert is_linked(world, "b", B)
    assert (pieces(world, "a"), world.shown()) == (7, {"a": 7, "b": 4})
    assert not world.shop.writes
