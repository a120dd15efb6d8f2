"""The engine over a shop in memory: what arrives, what is sold, what is lost on the way."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from syncengine.lane import Lane
from syncengine.listing import Listing, ListingId, ListingRead, LotId
from syncengine.marketplace import Create, Remove, Ticket, Update
from syncengine.rows.connection import Spent
from syncengine.rows.listing import Trouble
from syncengine.sight import Suspect, see
from syncengine.store.protocol import FencedError
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.shop import FACTS, Fault
from syncengine.testing.world import World, connected
from syncengine.turn import take_turn


async def test_created_lot_is_listed_and_reported_synced() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    assert world.shown() == {"a": 10}
    row = world.row("a")
    assert set(row.settled.values()) == {1}
    assert world.inventory.settled[row.lot_id].lot_settled.listing_id == row.listing_id


async def test_sale_reaches_inventory_and_is_not_put_back_on_sale() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.buy(ListingId("1001"), 3)
    await world.settle()
    assert world.shown() == {"a": 7}
    assert world.inventory.lots[world.row("a").lot_id].quantity == 7
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_edit_of_every_group_goes_in_one_call() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=5, price="0.2000", note="b", cost="0.0100")
    await world.settle()
    assert [type(write.write) for write in world.shop.writes] == [Create, Update]
    listing = world.shop.listings[ListingId("1001")]
    assert (listing.quantity, listing.fields) == (15, {"price": "0.2000", "note": "b", "cost": "0.0100"})


async def test_many_edits_while_the_shop_is_down_cost_one_call() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.write_faults.extend([Fault.DOWN] * 3)
    for _ in range(100):
        world.change("a", by=1)
        await world.deliver()
        await world.turn()
    await world.settle()
    assert world.shown() == {"a": 110}
    assert len(world.shop.writes) <= 3


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
@pytest.mark.parametrize("by", [4, -4])
async def test_lost_reply_to_a_difference_is_looked_at_never_resent(fault: Fault, by: int) -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=by)
    await world.deliver()
    world.shop.write_faults.append(fault)
    await world.settle()
    assert world.shown() == {"a": 10 + by}
    applied = [write for write in world.shop.writes if isinstance(write.write, Update) and write.write.delta]
    assert len(applied) == 1


async def test_an_increase_that_a_stale_list_does_not_show_yet_is_not_taken_for_undone() -> None:
    """It landed as late as can be, the list of the first look is from before, and as many sell unseen (K1, N3)."""
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=4)
    world.shop.write_faults.append(Fault.DROP_AFTER)
    while not world.row("a").unknown:
        await world.deliver()
        if not await world.turn():
            world.clock.turn(timedelta(seconds=1))
    [landed] = world.shop.listings.values()
    world.shop.listings[landed.listing_id] = replace(landed, quantity=10)
    while world.row("a").look_since is None:
        if not await world.turn():
            world.clock.turn(timedelta(seconds=1))
    assert world.row("a").observed is None
    world.shop.listings[landed.listing_id] = landed
    await world.settle()
    assert world.shown() == {"a": 14}
    assert len([write for write in world.shop.writes if isinstance(write.write, Update) and write.write.delta]) == 1


async def test_each_listing_is_as_old_as_its_own_read() -> None:
    """A look reads one after the other, and sales go on between (rule K2; two shops' life 9183)."""
    world = await connected()
    for name in "ab":
        world.create(name, 10, note=name)
    await world.settle()
    now, read = world.clock.now(), world.shop.read
    lease = await world.store.take_lease(SELLER, "worker", now, now + world.settings.lease)
    assert lease is not None
    lane = Lane(world.store, world.clock, world.shop, world.settings, world.random, lease, world.connection.key_version)

    async def slowly(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        world.clock.turn(timedelta(seconds=1))
        return await read(listing_id, ticket)

    with patch.object(world.shop, "read", slowly):
        sight = await see(lane, [Suspect(row=world.row(name), intent=None) for name in "ab"])
    assert sight.read_at(ListingId("1002")) - sight.read_at(ListingId("1001")) >= timedelta(seconds=1)


async def test_sale_in_the_second_of_a_look_is_looked_at_again() -> None:
    """Rule K2: ten pieces may be six and our four, or ten of which four go in this very second: nobody is asked."""
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=4)
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    while world.row("a").observed is None:
        await world.deliver()
        if not await world.turn():
            world.clock.turn(timedelta(seconds=1))
    world.shop.buy(ListingId("1001"), 4)
    await world.settle()
    assert world.row("a").trouble is None
    assert world.shown() == {"a": 10}


async def test_lot_at_zero_is_removed_and_listed_again_when_wanted() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=-10)
    await world.settle()
    assert world.shown() == {}
    assert isinstance(world.shop.writes[-1].write, Remove)
    world.change("a", by=4)
    await world.settle()
    assert world.shown() == {"a": 4}


async def test_refused_price_is_parked_and_the_decrease_goes() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.change("a", by=-2, price="9.0000")
    await world.deliver()
    world.shop.write_faults.extend([Fault.REFUSE, None, Fault.REFUSE])
    await world.settle()
    assert world.shown() == {"a": 8}
    assert world.row("a").parked.keys() == {"price"}
    world.change("a", price="0.3000")
    await world.settle()
    assert world.shop.listings[ListingId("1001")].fields["price"] == "0.3000"


async def test_shop_that_was_not_empty_is_only_read_until_confirmed() -> None:
    world = World()
    fields = {"price": "0.1000", "note": "a", "cost": None}
    listing = Listing(listing_id=ListingId(""), item=BRICK, quantity=6, for_sale=True, retain=False, fields=fields)
    world.shop.add(listing)
    sold = world.shop.add(listing)
    world.shop.buy(sold, 6)
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    await world.settle()
    assert world.shop.writes == []
    assert world.connection.match.different == 1
    await world.confirm()
    await world.settle()
    assert world.shown() == {"a": 10}
    assert [type(write.write) for write in world.shop.writes] == [Update]
    assert world.inventory.lots[world.row("a").lot_id].quantity == 10


async def test_empty_list_is_not_believed_without_the_sellers_word() -> None:
    world = World()
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    await world.settle()
    assert world.connection.census_alarm == "LIST_IS_EMPTY"
    assert world.shop.writes == []


async def test_nothing_is_told_of_lots_whose_seller_has_no_shop_here() -> None:
    world = World()
    world.create("a", 10, note="a")
    await world.settle()
    assert world.inventory.settled == {}
    await world.connect()
    await world.settle()
    assert set(world.inventory.settled) == {"a"}


async def test_drift_is_a_conflict_and_never_repaired_by_itself() -> None:
    """Rule K4: a shortfall that no order explains may be a sale not yet listed; later it is the seller's to decide."""
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    listing = world.shop.listings[ListingId("1001")]
    world.shop.listings[ListingId("1001")] = replace(listing, quantity=7)
    world.change("a", by=1)
    await world.settle()
    assert world.row("a").trouble is Trouble.NUMBER_UNEXPLAINED
    assert world.row("a").theirs == 8
    world.change("a", by=5)
    await world.settle()
    assert world.shown() == {"a": 8}
    world.change("a", by=-9)
    await world.settle()
    assert world.shown() == {"a": 4}


async def test_hidden_lot_keeps_its_listing_and_comes_back() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    stock = world.inventory.lots[LotId("a")]
    stock.for_sale = False
    world.change("a")
    await world.settle()
    assert not world.shop.listings[ListingId("1001")].for_sale
    stock.for_sale = True
    world.change("a", by=2)
    await world.settle()
    assert world.shop.listings[ListingId("1001")].for_sale
    assert world.shown() == {"a": 12}


async def test_retained_lot_stays_at_zero() -> None:
    world = await connected()
    world.create("a", 3, note="a", retain=True)
    await world.settle()
    world.change("a", by=-3)
    await world.settle()
    assert world.shown() == {"a": 0}
    assert set(world.row("a").settled.values()) == {2}
    world.change("a", by=3)
    await world.settle()
    assert world.shown() == {"a": 3}
    assert [type(write.write) for write in world.shop.writes] == [Create, Update, Update]


async def test_fenced_worker_writes_nothing() -> None:
    """Rule L2: a worker that slept beyond its lease finds another's term and stops."""
    world = await connected()
    world.clock.turn(world.settings.lease)
    now = world.clock.now()
    slept = await world.store.take_lease(SELLER, "sleeper", now, now + timedelta(seconds=1))
    assert slept is not None
    world.clock.turn(timedelta(seconds=2))
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=10))
    lane = Lane(world.store, world.clock, world.shop, world.settings, world.random, slept, key_version=1)
    with pytest.raises(FencedError):
        await take_turn(lane)
    assert len(world.shop.writes) == 1


async def test_price_travels_once_the_budget_lets_it() -> None:
    """Rules B1, B2: looks and order reads own a fifth of the calls; writes wait for the window to roll on."""
    world = await connected()
    world.shop.facts = replace(FACTS, limit=replace(FACTS.limit, calls=500))
    world.store.tables.calls += [(SELLER, "calls", world.clock.now(), Spent(1, 1))] * 400
    world.create("a", 10, note="a")
    await world.settle(timedelta(minutes=2))
    assert world.shop.writes == []
    world.clock.turn(timedelta(days=1))
    await world.settle()
    assert world.shown() == {"a": 10}


async def test_stamps_rise_by_whole_seconds_and_run_at_most_a_minute_ahead() -> None:
    world = await connected()
    for n in range(90):
        world.create(f"lot{n}", 1, replace(BRICK, number=str(n)))
    await world.settle(timedelta(minutes=3))
    stamps = sorted(intent.stamp for intent in world.store.tables.intents.values())
    assert len(stamps) == len(set(stamps)) == 90
    assert all(intent.stamp - intent.sent_at <= timedelta(seconds=60) for intent in world.store.tables.intents.values())


async def test_refilled_retained_listing_is_put_on_sale_again() -> None:
    """A shop may have moved it to a stockroom when it sold out."""
    world = await connected()
    world.create("a", 3, note="a", retain=True)
    await world.settle()
    world.shop.buy(ListingId("1001"), 3)
    world.shop.listings[ListingId("1001")] = replace(world.shop.listings[ListingId("1001")], for_sale=False)
    await world.settle()
    world.change("a", by=5)
    await world.settle()
    assert world.shop.listings[ListingId("1001")].for_sale
    assert world.shown() == {"a": 5}
