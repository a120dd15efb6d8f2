"""What would be sent is what is sent, and done when it was said."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from google.protobuf.json_format import MessageToDict

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from syncengine.listing import Listing, ListingId
from syncengine.marketplace import Create, Remove, Update
from syncengine.settings import Settings
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.operator import Operator
from syncengine.testing.running_out import plan_prices
from syncengine.testing.world import QUICK, World


async def stocked(lots: int = 4) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for number in range(lots):
        world.create(f"lot{number:05}", 10, replace(BRICK, number=str(number)), note=f"lot{number}")
    await world.settle(timedelta(seconds=3 * lots))
    return world


async def planned(world: World, *lot_ids: str, page_size: int = 0, page_token: str = "") -> pb.PlanResponse:
    request = pb.PlanRequest(lot_ids=lot_ids, page_size=page_size, page_token=page_token)
    told: pb.PlanResponse = await Operator(world).ask("Plan", request)
    return told


async def test_a_plan_names_each_call_with_its_fields_and_makes_none() -> None:
    world = await stocked()
    made = len(world.shop.writes)
    world.change("lot00000", by=-3, price="0.2000")
    world.change("lot00001", by=-10)
    world.create("new", 5, replace(BRICK, number="99"), note="new")
    world.inventory.change("lot00002", item=replace(BRICK, number="98"))
    await world.deliver()
    told = await planned(world)
    assert {lot.lot_id: [call.kind for call in lot.calls] for lot in told.lots} == {
        "lot00000": ["UPDATE"],
        "lot00001": ["REMOVE"],
        "lot00002": ["REMOVE", "CREATE"],
        "new": ["CREATE"],
    }
    [update] = told.lots[0].calls
    assert (update.tier, update.pieces, update.HasField("for_sale")) == ("DECREASE", -3, False)
    assert MessageToDict(update.fields)["price"] == "0.2000"
    assert told.lots[3].calls[0].pieces == 5
    assert (told.total_lots, told.total_calls) == (4, 5)
    assert sum(tier.calls for tier in told.tiers) == 5
    assert len(world.shop.writes) == made
    await world.settle(timedelta(minutes=2))
    sent = [write.write for write in world.shop.writes[made:]]
    assert sorted(type(write).__name__ for write in sent) == ["Create", "Create", "Remove", "Remove", "Update"]
    assert all(isinstance(write, Create | Remove | Update) for write in sent)
    after = await planned(world)
    assert (after.total_calls, after.HasField("finish_at"), after.message) == (0, False, "There is nothing to send.")


async def test_a_plan_is_asked_for_some_lots_in_pages_with_the_sums_of_all() -> None:
    world = await stocked()
    for number in range(4):
        world.change(f"lot{number:05}", by=1)
    await world.deliver()
    some = await planned(world, "lot00001", "lot00003", "nobody's")
    assert [lot.lot_id for lot in some.lots] == ["lot00001", "lot00003"]
    first = await planned(world, page_size=3)
    rest = await planned(world, page_size=3, page_token=first.next_page_token)
    assert [len(first.lots), len(rest.lots), rest.next_page_token] == [3, 1, ""]
    assert first.total_calls == rest.total_calls == 4
    with pytest.raises(InvalidField):
        await planned(world, *map(str, range(501)))


async def test_what_a_person_must_decide_is_held_and_says_why() -> None:
    world = await stocked(1)
    world.shop.edit(ListingId("1001"), price="0.9000")
    world.clock.turn(QUICK.census_interval)
    await world.settle(timedelta(minutes=1))
    world.change("lot00000", by=-1)
    await world.deliver()
    [lot] = (await planned(world)).lots
    assert [call.pieces for call in lot.calls] == [-1]
    assert [held.reason for held in lot.held] == ["CHANGED_IN_SHOP"]
    await Operator(world).ask("PauseConnection", pb.PauseConnectionRequest())
    paused = await planned(world)
    assert (paused.HasField("finish_at"), paused.bound_by) == (False, "PAUSED_BY_A_PERSON")
    assert "paused" in paused.message


async def test_who_has_yet_to_agree_is_told_when_it_would_be_done() -> None:
    """As if they agreed now; it says all the same what it waits for."""
    world = World()
    for number in range(2):
        world.create(f"lot{number:05}", 10, replace(BRICK, number=str(number)))
    theirs = {"price": "0.1000", "note": "theirs", "cost": None}
    world.shop.add(
        Listing(listing_id=ListingId("1"), item=BRICK, quantity=1, for_sale=True, retain=False, fields=theirs)
    )
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=30))
    asked_at = world.clock.now()
    told = await planned(world)
    assert (told.total_calls, told.bound_by) == (2, "FIRST_PLAN")
    assert told.finish_at.ToDatetime(UTC) >= asked_at - timedelta(milliseconds=1)
    assert not world.shop.writes
    async with world.store.transaction() as tx:
        connection = await tx.lock_connection(SELLER)
        await tx.save_connection(replace(connection, paused_at=world.clock.now()))
    assert not (await planned(world)).HasField("finish_at")


@pytest.mark.parametrize("quota", [100_000, 80])
async def test_the_finish_is_right_within_a_tenth(quota: int) -> None:
    """By pace, and by a quota that spreads the calls over days."""
    lots = 90
    world = await stocked(lots)
    limit = replace(world.shop.facts.limit, calls=quota)
    world.shop.facts = replace(world.shop.facts, limit=limit)
    for number in range(lots):
        world.change(f"lot{number:05}", price="0.3000")
    await world.deliver()
    asked_at = world.clock.now()
    told = await planned(world)
    assert told.total_calls == lots
    assert told.bound_by == ("PACE" if quota > lots else "QUOTA")
    said = told.finish_at.ToDatetime(UTC) - asked_at
    made = len(world.shop.writes)
    while len(world.shop.writes) < made + lots:
        await world.deliver()
        if not await world.turn():
            world.clock.turn(timedelta(seconds=1) if quota > lots else timedelta(minutes=1))
    took = world.clock.now() - asked_at
    assert abs(took - said) <= max(said / 10, timedelta(seconds=10)), (took, said)


async def test_a_plan_of_several_days_knows_of_the_reads_between() -> None:
    """As many calls for each lot as a large shop has, but few: reads that come by themselves weigh most here."""
    planned = await plan_prices(300, calls_a_day=75, settings=Settings())
    assert (planned.told.total_calls, planned.told.bound_by) == (300, "QUOTA")
    made = len(planned.world.shop.writes)
    took = await planned.run_out()
    assert len(planned.world.shop.writes) == made + 300
    assert planned.said > timedelta(days=4)
    assert abs(took - planned.said) <= planned.said / 10, (took, planned.said)


async def test_what_no_quota_ever_lets_go_has_no_finish() -> None:
    world = await stocked(1)
    world.shop.facts = replace(world.shop.facts, limit=replace(world.shop.facts.limit, calls=1))
    world.change("lot00000", by=-1)
    await world.deliver()
    told = await planned(world)
    assert (told.total_calls, told.HasField("finish_at"), told.bound_by) == (1, False, "QUOTA")
    assert "three months" in told.message


async def test_a_limit_that_the_shop_lowered_is_asked_about_again() -> None:
    """Rule B3: it holds for an hour; after that a read finds out, and the calls go on."""
    world = await stocked(1)
    async with world.store.transaction() as tx:
        connection = await tx.lock_connection(SELLER)
        await tx.save_connection(replace(connection, cap=1, capped_at=world.clock.now()))
    world.change("lot00000", by=-1)
    await world.deliver()
    told = await planned(world)
    said = told.finish_at.ToDatetime(UTC) - world.clock.now()
    assert told.bound_by == "QUOTA"
    assert abs(said - QUICK.halt_probe_interval) < timedelta(minutes=15)
