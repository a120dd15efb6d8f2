"""Results: status per marketplace and group, listing ids, baselines, and wishes for state."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import result_event_pb2
from brickops.inventory.v1 import lot_sync_pb2
from inventory.consuming.results import ResultsHandler
from inventory.events import LotTopics
from inventory.ids import new_id
from inventory.republish import Republisher, wish_by_hand
from inventory.testing.calls import Calls, a_brick
from inventory.testing.database import rows
from inventory.testing.outbox import Waiting, take_outbox
from inventory.testing.records import absorb, baseline_taken, record, settled, state_wished
from servicekit import outbox
from servicekit.clock import SystemClock
from servicekit.consumer import Undecodable
from servicekit.outbox import BULK_PAUSES_ABOVE, Message

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def results(topics: LotTopics) -> ResultsHandler:
    return ResultsHandler(topics, SystemClock())


@pytest.fixture
async def republisher(engine: AsyncEngine, topics: LotTopics) -> Republisher:
    """With no wish of another test left."""
    republisher = Republisher(engine, topics, SystemClock(), chunk_lots=4)
    await fulfil(republisher)
    return republisher


async def shop_of(calls: Calls, lot_id: str, marketplace: str = "bricklink") -> lot_sync_pb2.LotSync:
    (shop,) = (one for one in (await calls.get(lot_id)).sync if one.marketplace == marketplace)
    return shop


def states(shop: lot_sync_pb2.LotSync) -> list[str]:
    return [lot_sync_pb2.SyncState.Name(group.state).removeprefix("SYNC_STATE_") for group in shop.groups]


async def test_a_settled_lot_says_synced_with_its_listing(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    lot_id = (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(str(calls.seller), lot_id, seq=10, revision=1))
    shop = await shop_of(calls, lot_id)
    assert (shop.state, shop.listing_id) == (lot_sync_pb2.SYNC_STATE_SYNCED, "50001001")
    assert states(shop) == ["SYNCED"] * 4
    assert shop.HasField("updated_at")
    assert (await shop_of(calls, lot_id, "brickowl")).state == lot_sync_pb2.SYNC_STATE_NOT_CONNECTED


async def test_a_change_makes_only_its_group_pending_until_it_is_settled(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller, lot_id = str(calls.seller), (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(seller, lot_id, seq=10, revision=1))
    await calls.update(lot_id, "remarks", lot=a_brick(remarks="B2"))
    shop = await shop_of(calls, lot_id)
    assert (shop.state, states(shop)) == (
        lot_sync_pb2.SYNC_STATE_PENDING,
        ["SYNCED", "SYNCED", "PENDING", "SYNCED"],
    )
    await absorb(engine, results, settled(seller, lot_id, seq=11, revision=2))
    assert (await shop_of(calls, lot_id)).state == lot_sync_pb2.SYNC_STATE_SYNCED


async def test_a_change_of_fields_that_no_shop_takes_leaves_a_lot_synced(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    lot_id = (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(str(calls.seller), lot_id, seq=10, revision=1))
    await calls.update(lot_id, "location", "tags", lot=a_brick(location="shelf 4", tags=["rare"]))
    assert (await shop_of(calls, lot_id)).state == lot_sync_pb2.SYNC_STATE_SYNCED


async def test_what_a_shop_service_says_in_words_reaches_the_seller(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    lot_id = (await calls.create()).lot.lot_id
    report = settled(str(calls.seller), lot_id, seq=10, revision=1, PRICE=lot_sync_pb2.SYNC_STATE_FAILED)
    await absorb(engine, results, report)
    shop = await shop_of(calls, lot_id)
    assert (shop.state, states(shop)) == (lot_sync_pb2.SYNC_STATE_FAILED, ["SYNCED", "FAILED", "SYNCED", "SYNCED"])
    assert [group.reason for group in shop.groups] == ["", "because", "", ""]


async def test_an_older_report_is_ignored_but_its_listings_are_remembered(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller, lot_id = str(calls.seller), (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(seller, lot_id, seq=12, revision=1, listing_ids=["2"]))
    await absorb(
        engine,
        results,
        settled(seller, lot_id, seq=11, revision=0, listing_ids=["1"], TEXT=lot_sync_pb2.SYNC_STATE_UNKNOWN),
    )
    shop = await shop_of(calls, lot_id)
    assert (shop.listing_id, shop.state) == ("2", lot_sync_pb2.SYNC_STATE_SYNCED)
    await take_outbox(engine)
    await calls.adjust(lot_id, 1)
    told = {one.topic: list(one.event.lot_changed.listing_ids) for one in await take_outbox(engine)}
    assert told == {"lots.bricklink": ["2", "1"], "lots.brickowl": []}


async def test_which_listings_were_made_for_a_lot_is_remembered_and_told_again(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    """A sync service that lost its database has it from here (rule C3)."""
    seller, lot_id = str(calls.seller), (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(seller, lot_id, seq=12, revision=1, listing_ids=["1"]))
    told_later = settled(seller, lot_id, seq=13, revision=1, listing_ids=["1", "2"], created_listing_ids=["1"])
    await absorb(engine, results, told_later, settled(seller, lot_id, seq=14, revision=1, listing_ids=["2"]))
    await take_outbox(engine)
    await calls.adjust(lot_id, 1)
    told = {one.topic: list(one.event.lot_changed.created_listing_ids) for one in await take_outbox(engine)}
    assert told == {"lots.bricklink": ["1"], "lots.brickowl": []}


async def test_of_several_reports_in_a_batch_the_newest_holds(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller, lot_id = str(calls.seller), (await calls.create()).lot.lot_id
    await absorb(
        engine,
        results,
        settled(seller, lot_id, seq=12, revision=1, listing_ids=["1", "2"]),
        settled(seller, lot_id, seq=11, revision=1, listing_ids=["1"]),
        settled(seller, lot_id, seq=13, revision=1, listing_ids=[], marketplace="brickowl"),
    )
    assert (await shop_of(calls, lot_id)).listing_id == "2"
    assert (await shop_of(calls, lot_id, "brickowl")).state == lot_sync_pb2.SYNC_STATE_SYNCED


async def test_a_lot_without_report_waits_once_a_shop_is_heard_of(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    lot_id = (await calls.create()).lot.lot_id
    assert (await shop_of(calls, lot_id)).state == lot_sync_pb2.SYNC_STATE_NOT_CONNECTED
    await absorb(engine, results, state_wished(str(calls.seller), "wish-1", seq=1))
    shop = await shop_of(calls, lot_id)
    assert (shop.state, states(shop)) == (lot_sync_pb2.SYNC_STATE_PENDING, ["PENDING"] * 4)


async def test_a_report_that_cannot_be_read_shows_until_a_newer_one_comes(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller, lot_id = str(calls.seller), (await calls.create()).lot.lot_id
    await absorb(engine, results, settled(seller, lot_id, seq=10, revision=1))
    async with engine.begin() as conn:
        await results.undecodable(conn, record(b"\xff", key=f"bricklink/{lot_id}"))
        await results.undecodable(conn, record(b"\xff", key="nonsense"))
    assert (await shop_of(calls, lot_id)).state == lot_sync_pb2.SYNC_STATE_PENDING
    await absorb(engine, results, settled(seller, lot_id, seq=11, revision=1))
    assert (await shop_of(calls, lot_id)).state == lot_sync_pb2.SYNC_STATE_SYNCED


def unknown_state(lot_id: str) -> bytes:
    event = result_event_pb2.ResultEvent.FromString(settled("s", lot_id, seq=1, revision=1).value or b"")
    event.lot_settled.groups[0].state = 99  # type: ignore[assignment]
    return event.SerializeToString()


UNREADABLE = {
    "no message at all": b"\xff\xff",
    "no result": result_event_pb2.ResultEvent(seller_id="s", marketplace="bricklink", seq=1).SerializeToString(),
    "no seller": settled("", new_id(), seq=1, revision=1).value or b"",
    "no lot": settled("s", "lot", seq=1, revision=1).value or b"",
    "an unknown state": unknown_state(new_id()),
    "a wish without id": state_wished("s", "", seq=1).value or b"",
    "a NUL in a listing's id": settled("s", new_id(), seq=1, revision=1, listing_ids=["5\0"]).value or b"",
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_is_no_result_is_undecodable(engine: AsyncEngine, results: ResultsHandler, value: bytes) -> None:
    with pytest.raises(Undecodable):
        await absorb(engine, results, record(value, key="bricklink/x"))


async def test_the_first_baseline_holds_and_is_repeated_to_every_partition(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller = str(calls.seller)
    await take_outbox(engine)
    await absorb(engine, results, baseline_taken(seller, NOON, seq=1))
    await absorb(engine, results, baseline_taken(seller, NOON + timedelta(days=1), seq=2))
    answers = await take_outbox(engine)
    assert [(one.topic, one.every_partition) for one in answers] == [("lots.bricklink", True)] * 2
    for one in answers:
        answered = one.event.state_answered
        assert (answered.seller_id, answered.request_id) == (seller, "")
        assert answered.baseline_at.ToDatetime(tzinfo=UTC) == NOON


async def test_a_baseline_of_a_marketplace_that_is_not_set_up_is_kept_without_answer(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler
) -> None:
    seller = str(calls.seller)
    await take_outbox(engine)
    await absorb(engine, results, baseline_taken(seller, NOON, seq=1, marketplace="elsewhere"))
    assert not await take_outbox(engine)
    assert (
        len(await rows(engine, "SELECT FROM connections WHERE seller_id = :s AND baseline_at = :at", s=seller, at=NOON))
        == 1
    )


def answered(waiting: Sequence[Waiting]) -> list[tuple[str, bool]]:
    """Request ids of the answers, and whether they name a baseline."""
    events = [one.event.state_answered for one in waiting if one.event.WhichOneof("event") == "state_answered"]
    return [(event.request_id, event.HasField("baseline_at")) for event in events]


async def fulfil(republisher: Republisher) -> None:
    while await republisher.send_chunk():
        pass


async def test_a_wish_sends_every_lot_again_to_its_shop_then_the_answer(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler, republisher: Republisher
) -> None:
    lots = [(await calls.create()).lot.lot_id for _ in range(10)]
    await calls.archive(lots[3])
    await take_outbox(engine)
    await absorb(engine, results, state_wished(str(calls.seller), "wish-1", seq=1))
    await fulfil(republisher)
    told = await take_outbox(engine)
    assert {one.topic for one in told} == {"lots.bricklink"}
    assert [one.key for one in told[:-1]] == lots
    assert answered(told) == [("wish-1", False)]
    assert told[-1].every_partition
    assert told[3].event.lot_changed.lot.archived


async def test_the_answer_names_the_baseline_if_there_is_one(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler, republisher: Republisher
) -> None:
    seller = str(calls.seller)
    await absorb(engine, results, baseline_taken(seller, NOON, seq=1), state_wished(seller, "wish-1", seq=2))
    await take_outbox(engine)
    await fulfil(republisher)
    assert answered(await take_outbox(engine)) == [("wish-1", True)]


async def test_a_wish_repeated_is_harmless_and_one_repeated_after_its_answer_is_answered_again(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler, republisher: Republisher
) -> None:
    seller, wish = str(calls.seller), state_wished(str(calls.seller), "wish-1", seq=1)
    await calls.create()
    await take_outbox(engine)
    await absorb(engine, results, wish, wish, state_wished(seller, "wish-1", seq=2))
    await fulfil(republisher)
    assert answered(await take_outbox(engine)) == [("wish-1", False)]
    await absorb(engine, results, wish)
    await fulfil(republisher)
    assert not await take_outbox(engine)
    await absorb(engine, results, state_wished(seller, "wish-1", seq=3))
    await fulfil(republisher)
    assert answered(await take_outbox(engine)) == [("wish-1", False)]


async def test_a_wish_goes_on_where_a_killed_process_left_it(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler, republisher: Republisher, topics: LotTopics
) -> None:
    lots = [(await calls.create()).lot.lot_id for _ in range(10)]
    await take_outbox(engine)
    await absorb(engine, results, state_wished(str(calls.seller), "wish-1", seq=1))
    assert await republisher.send_chunk()
    another = Republisher(engine, topics, SystemClock(), chunk_lots=4)
    await asyncio.gather(fulfil(another), fulfil(republisher))
    await fulfil(another)
    told = await take_outbox(engine)
    assert Counter(one.key for one in told[:-1]) == dict.fromkeys(lots, 1)
    assert answered(told) == [("wish-1", False)]
    assert told[-1].event.WhichOneof("event") == "state_answered"


async def test_a_wish_pauses_while_the_outbox_is_long(
    calls: Calls, engine: AsyncEngine, results: ResultsHandler, republisher: Republisher
) -> None:
    await absorb(engine, results, state_wished(str(calls.seller), "wish-1", seq=1))
    filler = Message(topic="filler", key="k", value=b"", type="t", correlation_id="c")
    async with engine.begin() as conn:
        await outbox.record(conn, [filler] * (BULK_PAUSES_ABOVE + 1))
    assert not await republisher.send_chunk()
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
    assert await republisher.send_chunk()
    assert answered(await take_outbox(engine)) == [("wish-1", False)]


async def test_a_wish_by_hand_covers_every_marketplace(
    calls: Calls, engine: AsyncEngine, republisher: Republisher, topics: LotTopics
) -> None:
    lot_id = (await calls.create()).lot.lot_id
    await take_outbox(engine)
    assert await wish_by_hand(engine, topics, SystemClock(), seller_id=calls.seller) == 1
    assert await wish_by_hand(engine, topics, SystemClock(), seller_id="nobody") == 0
    await fulfil(republisher)
    told = await take_outbox(engine)
    assert sorted((one.topic, one.key) for one in told if one.key == lot_id) == [
        ("lots.bricklink", lot_id),
        ("lots.brickowl", lot_id),
    ]
    assert len(answered(told)) == 2
    assert await wish_by_hand(engine, topics, SystemClock(), seller_id=None) > 1
    await fulfil(republisher)
