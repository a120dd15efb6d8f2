"""Many lots at once: several creates in a call, whatever becomes of it each listed once (rules N1, N2, N3)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.listing import LotId
from syncengine.marketplace import Create
from syncengine.testing.inventory import BRICK
from syncengine.testing.operator import Operator
from syncengine.testing.shop import Fault
from syncengine.testing.world import SOON_CERTAIN, World

AT_ONCE = 10
SETTINGS = replace(SOON_CERTAIN, creates_together_from=3, answered_look_after=timedelta(seconds=2))


async def empty_shop() -> World:
    world = World(settings=SETTINGS)
    world.shop.facts = replace(world.shop.facts, creates_at_once=AT_ONCE)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    return world


async def with_lots(number: int) -> World:
    world = await empty_shop()
    for each in range(number):
        world.create(f"lot{each:03}", 5, replace(BRICK, number=str(each)), note=f"lot{each:03}")
    return world


def creates(world: World) -> list[int]:
    """How many listings each call made, or was to make."""
    sent = Counter(intent.stamp for intent in world.store.tables.intents.values() if isinstance(intent.write, Create))
    return [sent[stamp] for stamp in sorted(sent)]


def all_synced_once(world: World, lots: int) -> bool:
    rows = [world.row(f"lot{each:03}") for each in range(lots)]
    return world.shown() == {f"lot{each:03}": 5 for each in range(lots)} and all(
        row.listing_id is not None and row.ledger == 5 and not row.unknown and row.trouble is None for row in rows
    )


async def test_several_lots_are_created_by_one_call_and_found_by_one_list() -> None:
    world = await with_lots(24)
    await world.deliver()
    calls = world.shop.calls
    await world.settle(timedelta(seconds=5))
    assert creates(world) == [10, 10, 4]
    assert all_synced_once(world, 24)
    assert world.shop.calls - calls <= 3 + 2 * (4 + 1) + 2 * 2  # creates, at most two looks, and polls


async def test_few_are_created_one_by_one_and_their_ids_are_in_the_replies() -> None:
    world = await with_lots(2)
    await world.settle(timedelta(seconds=1))
    assert creates(world) == [1, 1]
    assert all_synced_once(world, 2)


async def test_lots_of_one_item_never_share_a_call() -> None:
    world = await empty_shop()
    for each in range(8):
        world.create(f"lot{each:03}", 5, replace(BRICK, number=str(each % 4)), note=f"lot{each:03}")
    await world.settle(timedelta(minutes=1))
    assert creates(world)[:2] == [4, 4]
    assert all_synced_once(world, 8)


async def test_lots_that_come_back_after_their_removal_share_calls_too() -> None:
    """Each waits for an order read after its removal (rule N4); one read serves them all."""
    world = await with_lots(15)
    await world.settle(timedelta(seconds=30))
    for each in range(15):
        world.inventory.change(f"lot{each:03}", archived=True)
    await world.settle(timedelta(minutes=2))
    assert world.shown() == {}
    before = len(creates(world))
    for each in range(15):
        world.inventory.change(f"lot{each:03}", archived=False)
    await world.deliver()
    [tier] = (await Operator(world).ask("Plan", pb.PlanRequest())).tiers
    await world.settle(timedelta(minutes=2))
    assert creates(world)[before:] == [10, 5]
    assert (tier.tier, tier.calls) == ("CREATE", 2)
    assert all_synced_once(world, 15)


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.DOWN])
async def test_a_call_without_an_answer_is_looked_for(fault: Fault) -> None:
    world = await with_lots(10)
    world.shop.write_faults.append(fault)
    await world.settle(timedelta(minutes=6))
    assert all_synced_once(world, 10)
    assert len(world.shop.writes) == 10


async def test_what_a_smaller_call_can_tell_apart_is_sent_in_smaller_ones() -> None:
    world = await with_lots(10)
    world.shop.unknown_items = {replace(BRICK, number="4")}
    await world.settle(timedelta(minutes=3))
    assert creates(world)[0] == 10
    assert set(creates(world)[1:]) == {1}
    listed = {f"lot{each:03}" for each in range(10) if each != 4}
    assert world.shown().keys() == listed
    assert {reason.reason for reason in world.row("lot004").parked.values()} == {"NO_SUCH_ITEM"}
    assert all(world.row(lot_id).ledger == 5 for lot_id in listed)


async def test_what_sells_before_it_was_found_is_counted_once() -> None:
    world = await with_lots(10)
    await world.deliver()
    while not world.shop.listings:
        await world.turn()
        world.clock.turn(timedelta(milliseconds=100))
    by_note = {listing.fields["note"]: listing_id for listing_id, listing in world.shop.listings.items()}
    world.shop.buy(by_note["lot003"], 2)
    world.shop.buy(by_note["lot007"], 5)
    await world.settle(timedelta(minutes=2))
    assert {lot: world.inventory.lots[LotId(lot)].quantity for lot in ("lot003", "lot007")} == {
        "lot003": 3,
        "lot007": 0,
    }
    assert (world.shown()["lot003"], "lot007" in world.shown()) == (3, False)
    assert len(world.shop.writes) == 10


async def test_a_cleaned_text_is_no_reason_to_doubt_whose_a_listing_is() -> None:
    world = await with_lots(10)
    await world.deliver()
    while not world.shop.listings:
        await world.turn()
        world.clock.turn(timedelta(milliseconds=100))
    for listing_id in world.shop.listings:
        world.shop.edit(listing_id, note="cleaned")
    await world.settle(timedelta(seconds=10))
    assert all(world.row(f"lot{each:03}").listing_id is not None for each in range(10))


async def test_a_plan_counts_the_calls_and_not_the_lots() -> None:
    world = await with_lots(24)
    await world.deliver()
    told: pb.PlanResponse = await Operator(world).ask("Plan", pb.PlanRequest(page_size=1))
    assert (told.total_lots, told.total_calls) == (24, 3)
