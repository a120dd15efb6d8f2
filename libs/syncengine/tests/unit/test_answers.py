"""What a person says of a lot in trouble: no piece is lost, doubled or listed twice by it (K4, N3, Q4, C4)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.grpc_errors import InvalidField
from syncengine.answers import CallUnderWayError, ChangedSinceError
from syncengine.listing import Listing, ListingId, LotId
from syncengine.marketplace import Create, Update
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import BRICK
from syncengine.testing.operator import Operator
from syncengine.testing.shop import Fault
from syncengine.testing.world import QUICK, World

FIRST = ListingId("1001")
OURS = waiting_pb2.TROUBLE_ANSWER_OURS_IS_RIGHT
THEIRS = waiting_pb2.TROUBLE_ANSWER_SHOP_IS_RIGHT
THIS = waiting_pb2.TROUBLE_ANSWER_THIS_LISTING
ANEW = waiting_pb2.TROUBLE_ANSWER_LIST_ANEW
IS_RIGHT = waiting_pb2.ALARM_ANSWER_SHOP_IS_RIGHT
LEAVE = waiting_pb2.TROUBLE_ANSWER_LEAVE_OUT
LAG = QUICK.lag_window


async def one_lot(quantity: int = 10) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", quantity, note="a")
    await world.settle(timedelta(seconds=30))
    return world


async def a_day_later(world: World) -> None:
    world.clock.turn(world.settings.census_interval)
    await world.settle(timedelta(minutes=2))


async def odd_number(shown: int) -> World:
    """Somebody changed the quantity in the shop, and no order explains it."""
    world = await one_lot()
    world.shop.listings[FIRST] = replace(world.shop.listings[FIRST], quantity=shown)
    await a_day_later(world)
    assert world.row("a").trouble is Trouble.NUMBER_UNEXPLAINED
    return world


def stock(world: World, lot_id: str = "a") -> int:
    return world.inventory.lots[LotId(lot_id)].quantity


@pytest.mark.parametrize("shown", [3, 7, 12])
async def test_our_number_is_restored_in_the_shop(shown: int) -> None:
    world = await odd_number(shown)
    operator = Operator(world)
    trouble = (await operator.waiting("a")).trouble
    assert (trouble.ours, trouble.theirs, trouble.difference) == (10, shown, shown - 10)
    await operator.answer("a", OURS)
    await world.settle()
    assert world.shown() == {"a": 10}
    assert (stock(world), world.row("a").trouble) == (10, None)
    assert [write.write.delta for write in world.shop.writes if isinstance(write.write, Update)] == [10 - shown]


@pytest.mark.parametrize("shown", [3, 12])
async def test_the_shops_number_becomes_ours_without_a_call(shown: int) -> None:
    world = await odd_number(shown)
    operator = Operator(world)
    await world.deliver()
    world.inventory.change("a", shown - 10)
    await operator.answer("a", THEIRS, lot_revision=world.inventory.lots[LotId("a")].revision)
    await world.settle()
    assert world.shown() == {"a": shown}
    assert (stock(world), world.row("a").trouble) == (shown, None)
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_nothing_is_sent_until_the_lot_has_come_back_as_it_was_changed() -> None:
    """The answer may be faster than inventory's event: the old number would sell what is not there."""
    world = await odd_number(7)
    operator = Operator(world)
    changed = world.inventory.change("a", -3)
    late, world.inventory.news = world.inventory.news, []
    await operator.answer("a", THEIRS, lot_revision=changed.revision)
    await world.settle()
    assert world.shown() == {"a": 7}
    world.inventory.news = late
    await world.settle()
    assert world.shown() == {"a": 7}
    assert [type(write.write) for write in world.shop.writes] == [Create]


async def test_what_was_sold_after_the_trouble_stays_sold() -> None:
    world = await odd_number(7)
    operator = Operator(world)
    world.shop.buy(FIRST, 2)
    await world.settle(timedelta(seconds=20))
    trouble = (await operator.waiting("a")).trouble
    assert (trouble.ours, trouble.theirs) == (8, 5)
    await operator.answer("a", OURS)
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 8}, 8)


async def test_a_sale_not_yet_listed_is_seen_before_anything_is_added() -> None:
    """The number is another by now: a look finds it, and nothing is increased on the person's word."""
    world = await odd_number(7)
    operator = Operator(world)
    order_id = world.shop.buy(FIRST, 2)
    hidden = world.shop.orders.pop(order_id)
    await operator.answer("a", OURS)
    await world.settle(timedelta(seconds=10))
    assert world.shown() == {"a": 5}
    world.shop.orders[order_id] = hidden
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 8}, 8)


async def test_an_answer_is_to_what_was_seen() -> None:
    world = await odd_number(7)
    operator = Operator(world)
    request = pb.AnswerTroubleRequest(lot_id="a", trouble="NUMBER_UNEXPLAINED", answer=OURS, difference=-2)
    with pytest.raises(ChangedSinceError):
        await operator.ask("AnswerTrouble", request)
    with pytest.raises(InvalidField, match="does not answer"):
        await operator.answer("a", ANEW)
    with pytest.raises(InvalidField, match="after it was changed"):
        await operator.answer("a", THEIRS)
    assert world.row("a").trouble is Trouble.NUMBER_UNEXPLAINED


async def test_a_repeated_answer_settles_once() -> None:
    world = await odd_number(7)
    operator = Operator(world)
    request = pb.AnswerTroubleRequest(
        request_id="once", lot_id="a", trouble="NUMBER_UNEXPLAINED", answer=OURS, difference=-3
    )
    first = await operator.ask("AnswerTrouble", request)
    await world.settle()
    assert await operator.ask("AnswerTrouble", request) == first
    await world.settle()
    assert world.shown() == {"a": 10}


async def gone() -> World:
    world = await one_lot()
    world.create("b", 1, note="b", item=replace(BRICK, color_id=7))
    await world.settle(timedelta(seconds=30))
    del world.shop.listings[FIRST]
    await a_day_later(world)
    assert world.row("a").trouble is Trouble.GONE_UNEXPLAINED
    return world


async def test_what_is_gone_is_listed_again_once_a_person_says_so() -> None:
    world = await gone()
    await Operator(world).answer("a", ANEW)
    await world.settle()
    assert world.shown() == {"a": 10, "b": 1}
    assert stock(world) == 10


async def test_what_the_seller_made_again_by_hand_is_not_listed_twice() -> None:
    world = await gone()
    fields = {"price": "0.9000", "note": "by hand", "cost": None}
    made = world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=4, for_sale=True, retain=False, fields=fields)
    )
    await Operator(world).answer("a", ANEW)
    await world.settle()
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    await Operator(world).answer("a", THIS, listing_id=made)
    await world.settle()
    assert world.shown() == {"a": 10, "b": 1}
    assert len(world.shop.listings) == 2


async def test_what_is_left_out_stays_out_until_a_person_says_otherwise() -> None:
    world = await gone()
    operator = Operator(world)
    await operator.answer("a", LEAVE)
    world.change("a", by=2)
    for _ in range(2):
        await a_day_later(world)
    assert world.shown() == {"b": 1}
    assert (await operator.waiting("a")).trouble.trouble == "LEFT_OUT"
    await operator.answer("a", ANEW)
    await world.settle()
    assert world.shown() == {"a": 12, "b": 1}


@pytest.mark.parametrize("answer", [None, LEAVE])
async def test_a_look_alike_that_comes_and_goes_answers_no_other_question(
    answer: waiting_pb2.TroubleAnswer.ValueType | None,
) -> None:
    """A list with it, and a later one without it, would else list what waits for a person (seed 1915; rule Q4)."""
    world = await gone()
    if answer is not None:
        await Operator(world).answer("a", answer)
    fields = {"price": "0.9000", "note": "by hand", "cost": None}
    made = world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=4, for_sale=True, retain=False, fields=fields)
    )
    await a_day_later(world)
    del world.shop.listings[made]
    for _ in range(2):
        await a_day_later(world)
    assert world.row("a").trouble is (Trouble.GONE_UNEXPLAINED if answer is None else Trouble.LEFT_OUT)
    assert world.shown() == {"b": 1}


async def look_alike(sold: int = 0) -> tuple[World, ListingId]:
    world = World()
    fields = {"price": "5.0000", "note": "other", "cost": None}
    alike = world.shop.add(
        Listing(listing_id=ListingId(""), item=BRICK, quantity=6, for_sale=True, retain=False, fields=fields)
    )
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    await world.settle()
    await world.confirm()
    await world.settle(timedelta(seconds=30))
    if sold:
        world.shop.buy(alike, sold)
        await world.settle(timedelta(seconds=10))
    assert world.row("a").trouble is Trouble.LOOK_ALIKE
    return world, alike


async def test_a_listing_that_is_the_lot_is_taken_and_made_as_the_lot_is() -> None:
    world, alike = await look_alike()
    operator = Operator(world)
    assert [one.listing_id for one in (await operator.waiting("a")).trouble.look_alikes] == [alike]
    await operator.answer("a", THIS, listing_id=alike)
    await world.settle(LAG / 2)
    assert world.shop.listings[alike].quantity == 6  # an order of before may still show up
    await world.settle()
    assert world.shown() == {"a": 10}
    assert [type(write.write) for write in world.shop.writes if isinstance(write.write, Create)] == []


async def test_orders_of_such_a_listing_count_by_their_date() -> None:
    world, alike = await look_alike(sold=2)
    await Operator(world).answer("a", THIS, listing_id=alike)
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 8}, 8)


async def test_a_sibling_that_is_found_does_not_answer_for_one_that_sold_out() -> None:
    """The sibling's own listing is gone from the look-alikes; the one that sold out shows in its order (life 44)."""
    world, alike = await look_alike()
    world.create("c", 1, note="c", item=replace(BRICK, color_id=7))
    await world.settle(timedelta(seconds=30))
    world.shop.buy(alike, 6)
    await a_day_later(world)
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("b", 3, note="b")
    await world.settle()
    assert world.shown() == {"b": 3, "c": 1}
    assert world.row("a").trouble is Trouble.LOOK_ALIKE


async def test_a_listing_like_it_that_sold_out_may_have_been_the_lot() -> None:
    world, alike = await look_alike()
    operator = Operator(world)
    world.shop.buy(alike, 6)
    await a_day_later(world)  # an empty list: the shop is not believed, and nothing is listed
    await operator.ask("AnswerAlarm", pb.AnswerAlarmRequest(alarm="LIST_IS_EMPTY", answer=IS_RIGHT))
    await world.settle(timedelta(seconds=20))
    trouble = (await operator.waiting("a")).trouble
    assert ([one.listing_id for one in trouble.look_alikes], [line.listing_id for line in trouble.lines]) == (
        [],
        [alike],
    )
    await operator.answer("a", THIS, listing_id=alike)
    await world.settle(LAG / 2)
    assert world.shown() == {}
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 4}, 4)


async def test_a_lot_that_becomes_another_item_is_not_asked_about_what_it_was() -> None:
    """No listing is like it any more, so there would be nothing to answer (life 4399)."""
    world, alike = await look_alike()
    world.inventory.change("a", item=replace(BRICK, color_id=7))
    await world.settle()
    assert (world.shown(), world.row("a").trouble) == ({"other": 6, "a": 10}, None)
    assert world.row("a").listing_id != alike
    world.inventory.change("a", by=-10, item=BRICK)
    await world.settle()
    world.inventory.change("a", by=10)
    await world.settle()
    assert world.row("a").trouble is Trouble.LOOK_ALIKE, "as soon as it is again"


async def test_a_listing_that_is_not_the_lot_is_left_alone_for_good() -> None:
    world, alike = await look_alike()
    await Operator(world).answer("a", ANEW)
    await world.settle()
    await a_day_later(world)
    assert world.shown() == {"other": 6, "a": 10}
    assert world.row("a").trouble is None
    assert world.row("a").listing_id != alike


async def test_a_census_does_not_ask_again_about_what_is_not_the_lot() -> None:
    world, alike = await look_alike()
    operator = Operator(world)
    await operator.ask("PauseConnection", pb.PauseConnectionRequest())
    await operator.answer("a", ANEW)
    as_ours = {"price": "0.1000", "note": "a", "cost": None}  # not even when it becomes equal in every field
    world.shop.listings[alike] = replace(world.shop.listings[alike], fields=as_ours)
    await a_day_later(world)
    assert (world.row("a").trouble, world.row("a").listing_id) == (None, None)
    await operator.ask("ResumeConnection", pb.ResumeConnectionRequest())
    await world.settle()
    assert sorted(listing.quantity for listing in world.shop.listings.values()) == [6, 10]


async def test_another_listing_like_it_is_asked_about_again() -> None:
    world, alike = await look_alike()
    world.shop.add(replace(world.shop.listings[alike], fields={**world.shop.listings[alike].fields, "note": "third"}))
    await a_day_later(world)
    request = pb.AnswerTroubleRequest(lot_id="a", trouble="LOOK_ALIKE", answer=ANEW, seen_listing_ids=[alike])
    with pytest.raises(ChangedSinceError):
        await Operator(world).ask("AnswerTrouble", request)


async def test_a_listing_of_another_item_or_owner_cannot_be_the_lot() -> None:
    world, _ = await look_alike()
    with pytest.raises(ChangedSinceError):
        await Operator(world).answer("a", THIS, listing_id="9999")


async def doubtful_create() -> World:
    """A create got no reply, and two listings may be what it made."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.create("a", 10, note="a")
    while not world.shop.listings:
        await world.deliver()
        await world.turn()
        world.clock.turn(timedelta(milliseconds=100))
    world.shop.add(world.shop.listings[FIRST])
    await world.settle(timedelta(minutes=2))
    assert world.row("a").trouble is Trouble.CREATE_UNEXPLAINED
    return world


async def test_the_listing_that_a_create_made_is_named_by_a_person() -> None:
    world = await doubtful_create()
    world.shop.buy(FIRST, 3)
    await world.settle(timedelta(seconds=10))
    assert {one.listing_id for one in (await Operator(world).waiting("a")).trouble.look_alikes} == {"1001", "1002"}
    await Operator(world).answer("a", THIS, listing_id=FIRST)
    await world.settle()
    assert (world.row("a").listing_id, world.shop.listings[FIRST].quantity, stock(world)) == (FIRST, 7, 7)
    assert len(world.shop.listings) == 2


async def test_no_listing_is_named_while_a_create_of_its_item_is_looked_for() -> None:
    world, alike = await look_alike()
    world.create("b", 4, note="b")
    await world.settle(timedelta(seconds=10))
    await Operator(world).answer("a", ANEW)
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    while not any(row.unknown for row in world.store.tables.listings.values()):
        await world.deliver()
        await world.turn()
        world.clock.turn(timedelta(milliseconds=100))
    assert world.row("b").trouble is Trouble.LOOK_ALIKE
    with pytest.raises(CallUnderWayError):
        await Operator(world).answer("b", THIS, listing_id=alike)


async def stray_order() -> tuple[World, ListingId]:
    """An order has pieces of a listing that was made and sold out between two censuses."""
    world = await one_lot()
    stray = world.shop.add(world.shop.listings[FIRST])
    world.shop.buy(stray, 10)
    world.change("a", by=5)
    await world.settle(timedelta(minutes=2))
    assert world.row("a").trouble is Trouble.ORDER_UNASSIGNED
    assert world.shown() == {"a": 10}
    return world, stray


async def test_stray_lines_of_a_lot_are_counted_once_and_let_its_item_go() -> None:
    world, stray = await stray_order()
    operator = Operator(world)
    lines = (await operator.ask("ListUnassignedLines", pb.ListUnassignedLinesRequest())).lines
    assert [(line.listing_id, line.pieces, line.item.number) for line in lines] == [(stray, 10, "3001")]
    request = pb.AssignLinesRequest(request_id="once", listing_id=stray, lot_id="a")
    answer = await operator.ask("AssignLines", request)
    assert (await operator.ask("AssignLines", request)) == answer
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 5}, 5)
    assert (await operator.ask("ListUnassignedLines", pb.ListUnassignedLinesRequest())).lines == []
    world.change("a", by=3)
    await world.settle(timedelta(minutes=1))
    assert world.shown() == {"a": 8}


async def test_stray_lines_of_nobody_hold_nothing_any_more() -> None:
    world, stray = await stray_order()
    operator = Operator(world)
    await operator.ask("AssignLines", pb.AssignLinesRequest(listing_id=stray))
    await world.settle()
    assert (world.shown(), stock(world)) == ({"a": 15}, 15)
    with pytest.raises(ChangedSinceError):
        await operator.ask("AssignLines", pb.AssignLinesRequest(listing_id=stray))


async def test_stray_lines_go_to_no_lot_of_another_item() -> None:
    world, stray = await stray_order()
    world.create("b", 5, note="b", item=replace(BRICK, color_id=7))
    await world.settle(timedelta(seconds=20))
    for lot_id in ("b", "nobody"):
        with pytest.raises(InvalidField) as refusal:
            await Operator(world).ask("AssignLines", pb.AssignLinesRequest(listing_id=stray, lot_id=lot_id))
        assert refusal.value.field == "lot_id"
