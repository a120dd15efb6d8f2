"""A restored database: nothing goes out before its revisions are above all that were published (rule T6)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import lot_sync_pb2
from devstack.postgres import DatabaseUrls
from inventory.consuming.results import ResultsHandler
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics, state_answered
from inventory.recovery import Fence, Recoverer, note_loss
from inventory.republish import Republisher
from inventory.storage.recoveries import EPOCH, may_publish, open_one
from inventory.testing.calls import Calls, a_brick
from inventory.testing.database import rows
from inventory.testing.outbox import take_outbox
from inventory.testing.records import settled, state_wished
from servicekit import outbox
from servicekit.clock import SystemClock
from servicekit.consumer import ANOTHER_DATABASE, FAILED_OVER, Consumer
from servicekit.kafka import KafkaConfig
from servicekit.testing.clock import SteppedClock

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
BEHIND = "the position is behind the group's"
FEW = 3
"""Lots of a chunk here."""


@pytest.fixture(autouse=True)
async def _whole_again(engine: AsyncEngine, database: DatabaseUrls) -> AsyncIterator[None]:
    """Each test has a database that was never lost, without lots, and in which nothing waits."""
    yield
    async with await psycopg.AsyncConnection.connect(database.owner, autocommit=True) as owner:
        for table in ("recoveries", "republications", "outbox", "lots", "lot_reports", "database_noted"):
            await owner.execute(f"DELETE FROM {table}")


@pytest.fixture
def recoverer(engine: AsyncEngine, topics: LotTopics) -> Recoverer:
    return Recoverer(engine, topics, SystemClock(), chunk_lots=FEW)


async def lose(engine: AsyncEngine, why: str) -> None:
    async with engine.begin() as conn:
        await note_loss(conn, why, NOON)


async def may_go_out(engine: AsyncEngine) -> bool:
    async with engine.connect() as conn:
        return await may_publish(conn, ["inventory"])


async def carry_through(recoverer: Recoverer) -> None:
    while await recoverer.recover_chunk():
        pass


async def made(calls: Calls, number: int) -> list[str]:
    """Lots, the second at revision 2."""
    lots = [(await calls.create()).lot.lot_id for _ in range(number)]
    await calls.update(lots[1], "remarks", lot=a_brick(remarks="B2"))
    return lots


async def revisions(calls: Calls) -> list[int]:
    return [one.lot.revision for one in (await calls.list_lots(page_size=500)).lots]


async def test_a_restored_database_waits_for_a_person_and_goes_on_taking_commands(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer
) -> None:
    lots = await made(calls, 2)
    assert await may_go_out(engine)
    await lose(engine, BEHIND)
    await carry_through(recoverer)
    assert not await may_go_out(engine)
    assert (await calls.adjust(lots[0], 2)).lot.revision == 2
    assert await revisions(calls) == [2, 2]


async def test_recovered_lots_are_in_a_later_epoch_and_are_all_sent_again(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    lots = await made(calls, 7)
    await lose(engine, BEHIND)
    await calls.adjust(lots[2], 2)  # accepted meanwhile; what it would publish is of the old epoch
    await recoverer.allow()
    await carry_through(recoverer)
    assert await may_go_out(engine)
    assert await revisions(calls) == [EPOCH + revision for revision in (1, 2, 2, 1, 1, 1, 1)]
    assert not await take_outbox(engine)

    republisher = Republisher(engine, topics, SystemClock(), chunk_lots=FEW)
    while await republisher.send_chunk():
        pass
    sent = await take_outbox(engine)
    for topic in ("lots.bricklink", "lots.brickowl"):
        of_topic = [one.event for one in sent if one.topic == topic]
        told = {
            event.lot_changed.lot.lot_id: event.lot_changed.lot for event in of_topic if event.lot_changed.seller_id
        }
        assert [told[lot_id].revision - EPOCH for lot_id in lots] == [1, 2, 2, 1, 1, 1, 1]
        assert (told[lots[2]].quantity, told[lots[1]].remarks) == (42, "B2")
        assert calls.seller in {event.state_answered.seller_id for event in of_topic}

    assert (await calls.adjust(lots[0], 1)).lot.revision == EPOCH + 2


async def test_the_change_log_keeps_the_revisions_that_it_recorded(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer
) -> None:
    lots = await made(calls, 2)
    await recoverer.allow()
    await carry_through(recoverer)
    await calls.adjust(lots[1], 1)
    changes = (await calls.list_changes(lot_id=lots[1])).changes
    assert [change.revision for change in changes] == [EPOCH + 3, 2, 1]


async def test_what_the_shops_settled_of_an_older_epoch_settles_nothing_now(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    """A report may even speak of a revision that was lost; only one about the new revision says synced."""
    (lot_id, *_) = await made(calls, 2)
    results = ResultsHandler(topics, SystemClock())

    async def report(seq: int, revision: int) -> lot_sync_pb2.SyncState.ValueType:
        async with engine.begin() as conn:
            await results.absorb(conn, [settled(str(calls.seller), lot_id, seq=seq, revision=revision)])
        return (await calls.get(lot_id)).sync[0].state

    assert await report(10, 9) == lot_sync_pb2.SYNC_STATE_SYNCED
    await recoverer.allow()
    await carry_through(recoverer)
    assert await report(11, 10) == lot_sync_pb2.SYNC_STATE_PENDING
    assert await report(12, EPOCH + 1) == lot_sync_pb2.SYNC_STATE_SYNCED


async def test_a_recovery_that_was_cut_off_is_carried_on_and_raises_nothing_twice(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    await made(calls, 7)
    await lose(engine, BEHIND)
    await recoverer.allow()
    assert await recoverer.recover_chunk()
    assert await recoverer.recover_chunk()
    assert not await may_go_out(engine)

    again = Recoverer(engine, topics, SystemClock(), chunk_lots=FEW)
    await again.allow()
    await carry_through(again)
    assert await revisions(calls) == [EPOCH + revision for revision in (1, 2, 1, 1, 1, 1, 1)]


async def test_several_processes_raise_each_lot_once(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    await made(calls, 20)
    await lose(engine, FAILED_OVER)
    others = [Recoverer(engine, topics, SystemClock(), chunk_lots=FEW) for _ in range(3)]
    await asyncio.gather(*map(carry_through, [recoverer, *others]))
    assert set(await revisions(calls)) == {EPOCH + 1, EPOCH + 2}
    assert await may_go_out(engine)


async def test_commands_while_lots_are_raised_are_all_sent_with_the_raised_revision(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer
) -> None:
    lots = await made(calls, 7)
    await lose(engine, FAILED_OVER)
    await recoverer.recover_chunk()
    for lot_id in (lots[0], lots[6]):  # one that is raised, one that is not yet
        await calls.adjust(lot_id, 1)
    await calls.create()
    await carry_through(recoverer)
    assert await revisions(calls) == [EPOCH + revision for revision in (2, 2, 1, 1, 1, 1, 2, 1)]
    assert not await take_outbox(engine)


async def test_each_recovery_is_an_epoch_of_its_own(calls: Calls, engine: AsyncEngine, recoverer: Recoverer) -> None:
    await made(calls, 2)
    for _ in range(2):
        await recoverer.allow()
        await carry_through(recoverer)
    await calls.create()
    await lose(engine, BEHIND)
    await recoverer.allow()
    await carry_through(recoverer)
    assert await revisions(calls) == [3 * EPOCH + revision for revision in (1, 2, 1)]


async def test_an_epoch_is_later_than_any_that_the_shops_services_told_of(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    """The same backup restored a second time knows nothing of the first recovery, but its shops do."""
    (lot_id, _) = await made(calls, 2)
    async with engine.begin() as conn:
        report = settled(str(calls.seller), lot_id, seq=1, revision=4 * EPOCH + 9)
        await ResultsHandler(topics, SystemClock()).absorb(conn, [report])
    await recoverer.allow()
    await carry_through(recoverer)
    assert await revisions(calls) == [5 * EPOCH + 1, 5 * EPOCH + 2]


async def test_a_loss_while_lots_are_raised_begins_anew(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer
) -> None:
    """As in a database that was restored from a backup of that very moment: its later chunks had been published."""
    await made(calls, 7)
    await lose(engine, FAILED_OVER)
    await recoverer.recover_chunk()
    await lose(engine, BEHIND)
    await carry_through(recoverer)
    assert not await may_go_out(engine)
    await recoverer.allow()
    await carry_through(recoverer)
    assert await revisions(calls) == [2 * EPOCH + revision for revision in (1, 2, 1, 1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("whys", "waits"),
    [
        ([FAILED_OVER], False),
        ([FAILED_OVER, FAILED_OVER], False),
        ([ANOTHER_DATABASE], True),
        ([BEHIND], True),
        (["the topic no longer holds the position"], True),
        ([f"{BEHIND}; {FAILED_OVER}"], True),
        ([FAILED_OVER, BEHIND], True),
        ([BEHIND, FAILED_OVER], True),
    ],
)
async def test_only_a_mere_failover_is_recovered_without_a_person(
    engine: AsyncEngine, whys: list[str], waits: bool
) -> None:
    for why in whys:
        await lose(engine, why)
    async with engine.connect() as conn:
        recovery = await open_one(conn)
    assert recovery is not None
    assert recovery.waits is waits
    assert all(why in recovery.why for why in whys)


@pytest.mark.parametrize("why", [ANOTHER_DATABASE, f"{BEHIND}; {FAILED_OVER}"])
async def test_a_loss_that_was_recovered_before_it_was_noticed_needs_nothing_more(
    engine: AsyncEngine, recoverer: Recoverer, why: str
) -> None:
    await recoverer.allow()
    await carry_through(recoverer)
    await lose(engine, why)
    assert await may_go_out(engine)


@pytest.mark.parametrize("why", [ANOTHER_DATABASE, BEHIND])
async def test_a_recovery_that_the_backup_holds_is_none_of_the_restored_database(
    engine: AsyncEngine, database: DatabaseUrls, recoverer: Recoverer, why: str
) -> None:
    await recoverer.allow()
    await carry_through(recoverer)
    if why == ANOTHER_DATABASE:
        async with engine.begin() as conn:
            await conn.execute(text("UPDATE recoveries SET identity = 'cluster/1/5'"))
    await lose(engine, why)
    assert not await may_go_out(engine)


async def test_nothing_goes_out_of_a_database_that_no_consumer_has_noted_yet(engine: AsyncEngine) -> None:
    """Restored under running processes: the relay may be there before the consumers have compared (rule T2)."""
    async with engine.connect() as conn:
        await conn.execute(text("INSERT INTO database_noted VALUES ('inventory', 'cluster/1/5')"))
        assert not await may_publish(conn, ["inventory"])
        assert await may_publish(conn, ["another"])


async def test_no_process_publishes_before_its_consumers_have_compared(engine: AsyncEngine, topics: LotTopics) -> None:
    """A database that was restored in place looks whole until then."""
    handler = SalesHandler(topics, SystemClock())
    consumer = Consumer(
        engine, KafkaConfig(bootstrap="127.0.0.1:1"), group="inventory", topics=["sales"], absorb=handler
    )
    fence = Fence([consumer], ["inventory"])
    async with engine.connect() as conn:
        assert await may_publish(conn, ["inventory"])
        assert not await fence.may_publish(conn)


async def test_an_answer_that_was_not_sent_is_dropped_and_its_wish_fulfilled_anew(
    calls: Calls, engine: AsyncEngine, recoverer: Recoverer, topics: LotTopics
) -> None:
    """It would say that lots were sent which are dropped; what only repeats a baseline says nothing of lots."""
    seller = str(calls.seller)
    lots = await made(calls, 2)
    results, republisher = ResultsHandler(topics, SystemClock()), Republisher(engine, topics, SystemClock())
    async with engine.begin() as conn:
        await results.absorb(conn, [state_wished(seller, "wish-1", seq=1)])
    assert await republisher.send_chunk()
    baseline = state_answered(seller, request_id="", baseline_at=NOON, topic="lots.bricklink", correlation_id="c")
    async with engine.begin() as conn:
        await outbox.record(conn, [baseline])
        await results.absorb(conn, [state_wished(seller, "wish-2", seq=2)])

    await lose(engine, BEHIND)
    assert not await republisher.send_chunk()
    await recoverer.allow()
    await carry_through(recoverer)
    (kept,) = await take_outbox(engine)
    assert (kept.event.state_answered.request_id, kept.every_partition) == ("", True)

    while await republisher.send_chunk():
        pass
    sent = [one.event for one in await take_outbox(engine) if one.topic == "lots.bricklink"]
    ours = [event for event in sent if seller in (event.lot_changed.seller_id, event.state_answered.seller_id)]
    answers = [number for number, event in enumerate(ours) if event.state_answered.request_id in ("wish-1", "wish-2")]
    assert len(answers) == 2
    for answer in answers:
        before = {event.lot_changed.lot.lot_id for event in ours[:answer] if event.lot_changed.lot.revision > EPOCH}
        assert before >= set(lots)


async def test_the_log_says_at_once_and_each_minute_what_to_run(
    engine: AsyncEngine, topics: LotTopics, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SteppedClock()
    recoverer = Recoverer(engine, topics, clock)

    async def said() -> list[str]:
        caplog.clear()
        await recoverer.recover_chunk()
        return [f"{record.levelname} {record.run}" for record in caplog.records if hasattr(record, "run")]

    assert await said() == []
    await lose(engine, BEHIND)
    assert await said() == ["CRITICAL python -m inventory recover"]
    clock.advance(timedelta(seconds=59))
    assert await said() == []
    clock.advance(timedelta(seconds=1))
    assert await said() == ["CRITICAL python -m inventory recover"]


@pytest.mark.parametrize("handler", [SalesHandler, ResultsHandler])
async def test_each_consumer_notes_the_loss_that_it_finds(
    engine: AsyncEngine, topics: LotTopics, handler: type[SalesHandler] | type[ResultsHandler]
) -> None:
    async with engine.begin() as conn:
        await handler(topics, SystemClock()).lost(conn, BEHIND)
    assert not await may_go_out(engine)


async def test_a_loss_that_was_not_committed_was_none(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        await note_loss(conn, BEHIND, NOON)
    assert await may_go_out(engine)
    assert not await rows(engine, "SELECT FROM recoveries")
