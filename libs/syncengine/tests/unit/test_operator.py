"""What a person may do with a connection: see all of it, pause it, ask for reads, retry, and keep our values."""

from dataclasses import replace
from datetime import timedelta

import pytest
from google.protobuf.struct_pb2 import Value

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.callers import RoleNotAllowed, calling_as
from servicekit.grpc_errors import InvalidField
from syncengine.answers import ChangedSinceError
from syncengine.listing import Listing, ListingId
from syncengine.marketplace import Create
from syncengine.service.asking import NotWaiting, RequestIdReused
from syncengine.service.servicer import SyncServicer
from syncengine.testing.inventory import BRICK
from syncengine.testing.operator import CONTEXT, OWNER, Operator, no_fields
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

FIRST = ListingId("1001")


async def one_lot() -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=30))
    return world


async def test_a_paused_connection_reads_orders_and_writes_nothing() -> None:
    world = await one_lot()
    operator = Operator(world)
    paused = (await operator.ask("PauseConnection", pb.PauseConnectionRequest())).connection
    assert (paused.state, paused.HasField("paused_at")) == (pb.CONNECTION_STATE_PAUSED, True)
    writes = len(world.shop.writes)
    world.change("a", by=-2)
    world.create("b", 5, note="b")
    world.shop.buy(FIRST, 3)
    await world.settle(timedelta(minutes=2))
    assert len(world.shop.writes) == writes
    assert world.inventory.lots[world.row("a").lot_id].quantity == 5
    told = await operator.connection()
    assert told.waiting_lots == 2
    assert told.oldest_waiting_at.ToDatetime(world.clock.now().tzinfo) < world.clock.now() - timedelta(minutes=1)
    resumed = (await operator.ask("ResumeConnection", pb.ResumeConnectionRequest())).connection
    assert resumed.state == pb.CONNECTION_STATE_READY
    await world.settle(timedelta(seconds=20))
    assert world.shown() == {"a": 5, "b": 5}
    assert not (await operator.connection()).HasField("oldest_waiting_at")


async def test_a_pause_holds_before_the_next_call_of_a_turn_under_way() -> None:
    world = await one_lot()
    for number in range(5):
        world.create(f"b{number}", 5, replace(BRICK, color_id=number + 10), note=f"b{number}")
    await world.deliver()
    before = len(world.shop.writes)
    while len(world.shop.writes) == before:
        await world.turn()
    await Operator(world).ask("PauseConnection", pb.PauseConnectionRequest())
    await world.settle(timedelta(minutes=1))
    assert len(world.shop.writes) == before + 1


async def test_orders_are_read_at_once_and_the_shop_compared_when_asked() -> None:
    world = await one_lot()
    operator = Operator(world)
    read_at = world.connection.orders_read_at
    await operator.ask("SyncNow", pb.SyncNowRequest())
    assert await world.turn()
    assert world.connection.orders_read_at != read_at
    assert world.connection.poll_at is None
    census_at = world.connection.census_at
    world.shop.edit(FIRST, price="0.9000")
    answer = await operator.ask("SyncNow", pb.SyncNowRequest(compare=True))
    assert answer.brought_forward
    await world.settle(timedelta(seconds=20))
    assert world.connection.census_at != census_at
    assert "price" in world.row("a").conflicts


@pytest.mark.parametrize("asked", ["halted", "paused by the shop", "matching"])
async def test_what_cannot_be_read_now_is_not_promised(asked: str) -> None:
    world = await one_lot()
    if asked == "halted":
        world.shop.read_faults.extend([Fault.WRONG_KEY])
        world.clock.turn(timedelta(seconds=10))
        await world.settle(timedelta(seconds=3))
        assert world.connection.halted
    elif asked == "matching":
        await world.connect(key_version=2)
    else:
        world.shop.read_faults.extend([Fault.DOWN] * 6)
        world.clock.turn(timedelta(seconds=10))
        while world.connection.not_before is None or world.connection.not_before <= world.clock.now():
            await world.turn()
    answer = await Operator(world).ask("SyncNow", pb.SyncNowRequest())
    assert not answer.brought_forward
    assert answer.message


async def test_budget_is_told_by_rank_and_until_when_it_waits() -> None:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=10))
    world.change("a", by=-2)
    await world.settle(timedelta(seconds=10))
    world.change("a", by=1, price="0.9000")
    await world.settle(timedelta(seconds=10))
    told = await Operator(world).connection()
    used = {tier.tier: tier.used for tier in told.tiers}
    assert (used["CREATE"], used["DECREASE"], used["INCREASE"], used["PRICE"]) == (1, 1, 1, 0)
    assert sum(used.values()) == told.calls_used
    left = {tier.tier: tier.left for tier in told.tiers}
    assert left["READ"] == 100_000 - told.calls_used
    assert left["DECREASE"] == 80_000 - 3  # a fifth of the calls is the reads' own
    world.shop.facts = replace(world.shop.facts, limit=replace(world.shop.facts.limit, calls=used["READ"] + 3))
    world.change("a", by=-1)
    await world.settle(timedelta(seconds=10))
    spent = await Operator(world).connection()
    assert (spent.state, spent.reason) == (pb.CONNECTION_STATE_WAITING, "QUOTA")
    assert spent.waiting_until.ToDatetime(world.clock.now().tzinfo) > world.clock.now()


async def test_how_far_matching_has_come_is_told() -> None:
    world = World()
    world.create("a", 10, note="a")
    await world.connect()
    operator = Operator(world)
    steps = [(await operator.connection()).progress.step]
    for _ in range(30):
        await world.turn()
        steps.append((await operator.connection()).progress.step)
        await world.deliver()
        steps.append((await operator.connection()).progress.step)
    assert list(dict.fromkeys(steps)) == ["WAITING_FOR_LOTS", "READING_THE_SHOP", "RECORDING", ""]
    assert not (await operator.connection()).HasField("progress")


async def refused(*lot_ids: str) -> World:
    world = await one_lot()
    for number, lot_id in enumerate(lot_ids):
        world.shop.write_faults.append(Fault.REFUSE)
        world.create(lot_id, 5, replace(BRICK, color_id=number + 10), note=lot_id)
        await world.settle(timedelta(seconds=20))
    return world


async def test_an_answer_is_kept_for_a_month_and_forgotten_with_the_next_request() -> None:
    world = await refused("b")
    operator = Operator(world)
    for request_id, then in (("first", timedelta(days=29)), ("second", timedelta(days=2)), ("third", timedelta())):
        await operator.ask("PauseConnection", pb.PauseConnectionRequest(request_id=request_id))
        world.clock.turn(then)
    assert [name for _, name in world.store.tables.answered] == ["second", "third"]


async def test_what_was_parked_is_listed_by_reason_and_tried_again() -> None:
    world = await refused("b", "c", "d")
    operator = Operator(world)
    reasons = {one.reason: one.lots for one in (await operator.connection()).reasons}
    assert reasons == {"REFUSED": 3}
    listed = []
    token = ""
    for _ in range(2):
        page = await operator.ask("ListWaiting", pb.ListWaitingRequest(page_size=2, page_token=token, reason="REFUSED"))
        listed += [lot.lot_id for lot in page.lots]
        token = page.next_page_token
        assert page.lots[0].parked[0].reason == "REFUSED"
    assert (listed, token) == (["b", "c", "d"], "")
    assert not (await operator.ask("ListWaiting", pb.ListWaitingRequest(reason="APPLIED_TWICE"))).lots
    answer = await operator.ask("Retry", pb.RetryRequest(lot_id="b"))
    await world.settle(timedelta(seconds=20))
    assert (answer.lots, world.shown()) == (1, {"a": 10, "b": 5})
    again = pb.RetryRequest(request_id="once", reason="REFUSED")
    answer = await operator.ask("Retry", again)
    assert answer.lots == 2
    await world.settle(timedelta(seconds=20))
    assert world.shown() == {"a": 10, "b": 5, "c": 5, "d": 5}
    assert await operator.ask("Retry", again) == answer
    with pytest.raises(RequestIdReused):
        await operator.ask("Retry", pb.RetryRequest(request_id="once", lot_id="b"))
    with pytest.raises(NotWaiting):
        await operator.ask("Retry", pb.RetryRequest(lot_id="b"))
    for request in (pb.RetryRequest(), pb.RetryRequest(lot_id="b", reason="REFUSED")):
        with pytest.raises(InvalidField):
            await operator.ask("Retry", request)


async def test_ours_is_sent_again_over_what_somebody_changed_there() -> None:
    world = await one_lot()
    operator = Operator(world)
    for price in ("0.5000", "0.6000", "0.7000"):  # a third time in one revision would park it (rule F3)
        world.shop.edit(FIRST, price=price)
        world.clock.turn(world.settings.census_interval)
        await world.settle(timedelta(minutes=1))
        (conflict,) = (await operator.waiting("a")).conflicts
        assert (conflict.sent.string_value, conflict.ours.string_value) == ("0.1000", "0.1000")
        assert conflict.theirs.string_value == price
        stale = pb.KeepOursRequest(lot_id="a", field="price", theirs=Value(string_value="0.4000"))
        with pytest.raises(ChangedSinceError):
            await operator.ask("KeepOurs", stale)
        await operator.ask("KeepOurs", pb.KeepOursRequest(lot_id="a", field="price", theirs=conflict.theirs))
        await world.settle(timedelta(seconds=20))
        assert world.shop.listings[FIRST].fields["price"] == "0.1000"
        assert not world.row("a").parked
    with pytest.raises(NotWaiting):
        await operator.waiting("a")


async def test_an_item_changed_there_is_listed_anew_as_ours_when_a_person_says_so() -> None:
    world = await one_lot()
    world.shop.listings[FIRST] = replace(world.shop.listings[FIRST], item=replace(BRICK, color_id=7))
    world.clock.turn(world.settings.census_interval)
    await world.settle(timedelta(minutes=1))
    (conflict,) = (await Operator(world).waiting("a")).conflicts
    assert conflict.field == "item"
    assert (conflict.lot.item.color_id, len(conflict.mask.paths)) == (7, 5)
    await Operator(world).ask("KeepOurs", pb.KeepOursRequest(lot_id="a", field="item", theirs=conflict.theirs))
    await world.settle()
    assert [(listing.item, listing.quantity) for listing in world.shop.listings.values()] == [(BRICK, 10)]
    assert sum(isinstance(write.write, Create) for write in world.shop.writes) == 2


async def test_unowned_listings_are_listed_page_by_page() -> None:
    world = World()
    for number in range(5):
        fields = {"price": "5.0000", "note": f"other {number}", "cost": None}
        item = replace(BRICK, color_id=number, condition="Z" if number == 4 else "NEW")
        world.shop.add(
            Listing(listing_id=ListingId(""), item=item, quantity=number, for_sale=True, retain=False, fields=fields)
        )
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=20))
    listed, token = [], ""
    for size in (2, 2, 1):
        request = pb.ListUnownedListingsRequest(page_size=2, page_token=token)
        page = await Operator(world).ask("ListUnownedListings", request)
        assert len(page.listings) == size
        listed += page.listings
        token = page.next_page_token
    assert [(one.item.color_id, one.quantity, one.fields["note"]) for one in listed] == [
        (number, number, f"other {number}") for number in range(5)
    ]
    assert (listed[0].item.condition, listed[4].item.condition, token) == (1, 0, "")
    assert (listed[3].lot.quantity, listed[3].unmapped_field, page.currency_code) == (3, "price", "EUR")
    read_at = listed[3].read_at.ToDatetime(world.clock.now().tzinfo)
    assert world.clock.now() - timedelta(seconds=30) < read_at < world.clock.now()


@pytest.mark.parametrize("role", ["editor", "viewer"])
async def test_who_may_do_what(role: str) -> None:
    world = await refused("b")
    servicer = SyncServicer(
        store=world.store,
        clock=world.clock,
        facts=world.shop.facts,
        settings=world.settings,
        lot_fields_of=no_fields,
    )
    with calling_as(replace(OWNER, role=role)):
        await servicer.ListWaiting(pb.ListWaitingRequest(), CONTEXT)
        await servicer.GetWaiting(pb.GetWaitingRequest(lot_id="b"), CONTEXT)
        await servicer.ListUnownedListings(pb.ListUnownedListingsRequest(), CONTEXT)
        await servicer.ListUnassignedLines(pb.ListUnassignedLinesRequest(), CONTEXT)
        with pytest.raises(RoleNotAllowed):
            await servicer.PauseConnection(pb.PauseConnectionRequest(request_id="1"), CONTEXT)
        with pytest.raises(RoleNotAllowed):
            await servicer.AnswerAlarm(
                pb.AnswerAlarmRequest(request_id="2", alarm="x", answer=waiting_pb2.ALARM_ANSWER_LOOK_AGAIN), CONTEXT
            )
        if role == "editor":
            await servicer.Retry(pb.RetryRequest(request_id="3", lot_id="b"), CONTEXT)
        else:
            with pytest.raises(RoleNotAllowed):
                await servicer.Retry(pb.RetryRequest(request_id="3", lot_id="b"), CONTEXT)
