"""A list that was not believed, and the person who knows better (rule C5)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from syncengine.answers import ChangedSinceError
from syncengine.listing import ListingId, ListRead
from syncengine.marketplace import Ticket
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.operator import Operator
from syncengine.testing.world import World

RIGHT = waiting_pb2.ALARM_ANSWER_SHOP_IS_RIGHT
AGAIN = waiting_pb2.ALARM_ANSWER_LOOK_AGAIN
LOTS = 30


async def shop_of_many() -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=5))
    for number in range(LOTS):
        world.create(f"{number:02}", 1 + number, replace(BRICK, color_id=number), note=f"{number:02}")
    await world.settle(timedelta(minutes=1))
    assert len(world.shop.listings) == LOTS
    return world


async def alarmed(world: World, missing: int) -> dict[ListingId, object]:
    """Take listings away, or hide them as a closed shop does, and let the next census see it."""
    taken = {listing_id: world.shop.listings.pop(listing_id) for listing_id in sorted(world.shop.listings)[:missing]}
    world.clock.turn(world.settings.census_interval)
    await world.settle(timedelta(minutes=1))
    return dict(taken)


async def say(world: World, alarm: str, missing: int, answer: waiting_pb2.AlarmAnswer.ValueType) -> str:
    request = pb.AnswerAlarmRequest(alarm=alarm, missing=missing, answer=answer)
    return str((await Operator(world).ask("AnswerAlarm", request)).message)


async def test_what_many_lack_becomes_a_question_lot_by_lot_and_costs_no_calls() -> None:
    world = await shop_of_many()
    await alarmed(world, 25)
    told = await Operator(world).connection()
    assert (told.alarm.alarm, told.alarm.missing) == ("MANY_ARE_MISSING", 25)
    calls, writes = world.shop.calls, len(world.shop.writes)
    await say(world, "MANY_ARE_MISSING", 25, RIGHT)
    await world.settle(timedelta(seconds=4))
    assert world.connection.census_alarm == ""
    assert world.shop.calls - calls < 10
    reasons = {one.reason: one.lots for one in (await Operator(world).connection()).reasons}
    assert reasons == {"GONE_UNEXPLAINED": 25}
    await world.settle()
    assert len(world.shop.writes) == writes
    await Operator(world).answer("00", waiting_pb2.TROUBLE_ANSWER_LIST_ANEW)
    await world.settle()
    assert world.shown()["00"] == 1
    assert len(world.shop.listings) == LOTS - 25 + 1


async def test_listings_that_come_back_after_all_are_linked_again_and_listed_once() -> None:
    """A closed shop that a person vouched for by mistake."""
    world = await shop_of_many()
    hidden = await alarmed(world, LOTS)
    await say(world, "LIST_IS_EMPTY", LOTS, RIGHT)
    await world.settle(timedelta(seconds=10))
    assert {row.trouble for row in world.store.tables.listings.values()} == {Trouble.GONE_UNEXPLAINED}
    await Operator(world).answer("00", waiting_pb2.TROUBLE_ANSWER_LIST_ANEW)
    world.shop.listings |= hidden  # type: ignore[arg-type]
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert {row.trouble for row in world.store.tables.listings.values()} == {None}
    assert len(world.shop.listings) == LOTS
    assert sorted(world.shown().values()) == list(range(1, LOTS + 1))


async def test_what_a_person_vouched_for_is_looked_for_before_it_is_listed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lists that stay short for long: only the read of a listing proves that it is gone."""
    world = await shop_of_many()
    whole = world.shop.read_all

    async def short(ticket: Ticket) -> ListRead:
        read = await whole(ticket)
        return replace(read, listings=read.listings[25:])

    monkeypatch.setattr(world.shop, "read_all", short)
    await alarmed(world, 0)
    await say(world, "MANY_ARE_MISSING", 25, RIGHT)
    await world.settle(timedelta(seconds=10))
    assert world.row("00").trouble is Trouble.GONE_UNEXPLAINED
    await Operator(world).answer("00", waiting_pb2.TROUBLE_ANSWER_LIST_ANEW)
    await world.settle()
    assert len(world.shop.listings) == LOTS
    assert (world.row("00").trouble, world.row("00").listing_id) == (None, "1001")


async def test_a_lot_that_is_not_wanted_is_looked_for_before_a_persons_word_makes_it_synced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list was short, and its listing is for sale all the time."""
    world = await shop_of_many()
    whole = world.shop.read_all

    async def short(ticket: Ticket) -> ListRead:
        read = await whole(ticket)
        return replace(read, listings=read.listings[25:])

    with monkeypatch.context() as lists:
        lists.setattr(world.shop, "read_all", short)
        await alarmed(world, 0)
        world.inventory.change("00", archived=True)
        await world.deliver()
        async with world.store.transaction() as tx:
            connection = await tx.lock_connection(SELLER)
            paused = replace(connection, writes_not_before=world.clock.now() + timedelta(seconds=30))
            await tx.save_connection(paused)
        await say(world, "MANY_ARE_MISSING", 25, RIGHT)
        await world.settle(timedelta(seconds=5))
        assert world.row("00").gone_id is None
        assert "00" in world.shown()
    await world.settle()
    assert "00" not in world.shown()
    assert world.row("00").trouble is None


async def test_a_list_that_lacks_more_than_was_seen_is_asked_about_again() -> None:
    world = await shop_of_many()
    await alarmed(world, 25)
    world.shop.listings.pop(sorted(world.shop.listings)[0])
    await say(world, "MANY_ARE_MISSING", 25, RIGHT)
    await world.settle(timedelta(seconds=5))
    assert (world.connection.census_alarm, world.connection.census_missing) == ("MANY_ARE_MISSING", 26)
    assert all(row.trouble is None for row in world.store.tables.listings.values())


async def test_looking_again_believes_a_shop_that_was_opened() -> None:
    world = await shop_of_many()
    hidden = await alarmed(world, LOTS)
    assert world.connection.census_alarm == "LIST_IS_EMPTY"
    with pytest.raises(ChangedSinceError):
        await say(world, "LIST_IS_EMPTY", 3, AGAIN)
    world.shop.listings |= hidden  # type: ignore[arg-type]
    await say(world, "LIST_IS_EMPTY", LOTS, AGAIN)
    await world.settle(timedelta(seconds=10))
    assert world.connection.census_alarm == ""
    assert all(row.trouble is None for row in world.store.tables.listings.values())


async def test_an_empty_shop_that_nobody_had_called_empty_is_filled_once_they_do() -> None:
    world = World()
    world.create("a", 10, note="a")
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(seconds=20))
    assert (await Operator(world).connection()).state == pb.CONNECTION_STATE_HALTED
    await say(world, "LIST_IS_EMPTY", 0, RIGHT)
    await world.settle()
    assert world.shown() == {"a": 10}


async def test_a_person_cannot_ask_the_calls_of_a_day_away() -> None:
    world = World()
    world.shop.facts = replace(world.shop.facts, limit=replace(world.shop.facts.limit, calls=500))
    await world.connect()
    await world.settle(timedelta(seconds=10))
    operator = Operator(world)
    brought = [(await operator.ask("SyncNow", pb.SyncNowRequest())).brought_forward for _ in range(20)]
    assert brought == [True] * 10 + [False] * 10
