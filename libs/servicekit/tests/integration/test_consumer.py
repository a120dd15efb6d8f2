"""The consumer over a real PostgreSQL and Kafka: each record's effect once, whatever restarts (rules T2, T5)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from sqlalchemy.ext.asyncio import AsyncConnection

from devstack.kafka import Topic, create_topics, new_topic_name
from servicekit.absorption import Absorption
from servicekit.consumer import Consumer, Record, TooManyUndecodable, Undecodable
from servicekit.kafka import KafkaConfig, start_producer
from servicekit.positions import Extent, PositionLost, Positions
from servicekit.testing.clock import SteppedClock

from .conftest import Database, ended, owner_operations, until

ALL = 60


@dataclass
class Ledger:
    """Writes what it saw into `effects`, in the consumer's transaction, and can be told to fail or to wait."""

    losses: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        for record in records:
            if record.value == b"poison":
                raise Undecodable("not a number")
        await conn.execute(
            sa.text("INSERT INTO effects (seen) VALUES (:seen)"),
            [{"seen": (record.value or b"").decode()} for record in records],
        )
        if self.failures:
            raise self.failures.pop()
        self.reached.set()
        await self.gate.wait()

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        await conn.execute(sa.text("INSERT INTO effects (seen) VALUES (:seen)"), {"seen": f"stale {record.key}"})

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        self.losses.append(why)


@dataclass(frozen=True)
class Stage:
    """A topic, a group, and the database that the group writes to."""

    database: Database
    kafka: KafkaConfig
    topic: str

    @property
    def group(self) -> str:
        return f"group-of-{self.topic}"

    def consumer(self, ledger: Ledger, clock: SteppedClock | None = None) -> Consumer:
        return Consumer(
            self.database.engine, self.kafka, group=self.group, topics=[self.topic], absorb=ledger, clock=clock
        )

    async def publish(self, values: Sequence[bytes]) -> None:
        producer = await start_producer(self.kafka)
        sent = [await producer.send(self.topic, one, key=b"lot-%d" % at) for at, one in enumerate(values)]
        await asyncio.gather(*sent)
        await producer.stop()

    async def effects(self) -> Counter[str]:
        async with self.database.engine.connect() as conn:
            return Counter((await conn.execute(sa.text("SELECT seen FROM effects"))).scalars())

    async def seen(self, count: int) -> Counter[str]:
        """The effects, once there are as many."""

        async def enough() -> bool:
            return (await self.effects()).total() >= count

        await until(enough)
        return await self.effects()

    async def waiting_for_a_lock(self) -> None:
        """Return once a session waits for a row that another one holds."""
        waiting = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )

        async def somebody_waits() -> bool:
            async with self.database.engine.connect() as conn:
                return bool((await conn.execute(waiting)).scalar_one())

        await until(somebody_waits)

    async def committed(self) -> dict[int, int]:
        """The group's positions."""
        client = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, group_id=self.group, enable_auto_commit=False)
        await client.start()
        found = {number: await client.committed(TopicPartition(self.topic, number)) for number in range(3)}
        await client.stop()
        return {number: offset for number, offset in found.items() if offset is not None}

    async def commit(self, offset: int) -> None:
        """Set the group's positions, as if it had read so far."""
        client = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, group_id=self.group, enable_auto_commit=False)
        await client.start()
        partitions = [TopicPartition(self.topic, number) for number in range(3)]
        client.assign(partitions)
        await client.commit({one: OffsetAndMetadata(offset, "") for one in partitions})
        await client.stop()

    async def positions(self) -> dict[int, int]:
        async with self.database.engine.connect() as conn:
            rows = await conn.execute(sa.text("SELECT partition, next_offset FROM consumer_positions"))
            return {row.partition: row.next_offset for row in rows}


@pytest.fixture
def stage(database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]) -> Stage:
    return Stage(database, kafka, new_topic(partitions=3))


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.ensure_future(consumer.run())
    try:
        yield task
    finally:
        await ended(task)


def numbers(start: int, end: int) -> list[bytes]:
    return [str(number).encode() for number in range(start, end)]


def once(start: int, end: int) -> Counter[str]:
    return Counter(str(number) for number in range(start, end))


async def first_done(*waits: Coroutine[None, None, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    _, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def caught_up(consumer: Consumer) -> None:
    await until(consumer.caught_up)


async def test_effects_happen_once_over_restarts(stage: Stage) -> None:
    """Stopped and started, it goes on where its own database says."""
    ledger = Ledger()
    await stage.publish(numbers(0, 20))
    async with running(stage.consumer(ledger)):
        await stage.seen(20)
    await stage.publish(numbers(20, ALL))
    async with running(stage.consumer(ledger)):
        assert await stage.seen(ALL) == once(0, ALL)

    assert ledger.losses == []


async def test_the_group_is_told_the_position_afterwards(stage: Stage) -> None:
    consumer = stage.consumer(Ledger())
    await stage.publish(numbers(0, ALL))
    async with running(consumer):
        await caught_up(consumer)
        await stage.publish([b"one more"])
        await stage.seen(ALL + 1)
    positions = await stage.positions()

    assert sum(positions.values()) == ALL + 1
    assert await stage.committed() == {number: position for number, position in positions.items() if position}


async def test_a_rebalance_in_the_middle_of_a_batch_applies_it_once(stage: Stage) -> None:
    """A worker that held its batch while the group moved on commits or skips, but nothing happens twice."""
    slow, quick = Ledger(), Ledger()
    slow.gate.clear()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(slow)):
        await slow.reached.wait()
        async with running(stage.consumer(quick)):
            await first_done(quick.reached.wait(), stage.waiting_for_a_lock())
            slow.gate.set()
            await stage.publish(numbers(ALL, 2 * ALL))
            assert await stage.seen(2 * ALL) == once(0, 2 * ALL)


async def test_a_batch_that_fails_is_tried_again(stage: Stage) -> None:
    ledger = Ledger(failures=[ConnectionError("the database went away"), ValueError("a bug")])
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)):
        assert await stage.seen(ALL) == once(0, ALL)


async def test_a_stop_that_comes_with_the_groups_answer_is_heard(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11's asyncio.wait_for would swallow it, and SIGTERM would then end nothing."""
    told: list[object] = []

    async def commit_and_stop(client: AIOKafkaConsumer, positions: object) -> None:
        await commit(client, positions)
        told.append(positions)
        task.cancel()

    commit = AIOKafkaConsumer.commit
    monkeypatch.setattr(AIOKafkaConsumer, "commit", commit_and_stop)
    await stage.publish([b"1"])
    task = asyncio.ensure_future(stage.consumer(Ledger()).run())
    _, late = await asyncio.wait({task}, timeout=30)

    assert told
    assert not late
    assert task.cancelled()


async def test_a_lost_connection_to_the_database_loses_nothing(stage: Stage, postgres_url: str) -> None:
    ledger = Ledger()
    ledger.gate.clear()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)):
        await ledger.reached.wait()
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'servicekit_test'"
            )
        ledger.gate.set()
        assert await stage.seen(ALL) == once(0, ALL)


async def test_what_cannot_be_decoded_is_set_aside_alone(stage: Stage) -> None:
    """T5: one poison record moves to its table with its reason; its neighbours in the batch are absorbed."""
    await stage.publish([*numbers(0, 30), b"poison", *numbers(31, ALL)])
    async with running(stage.consumer(Ledger())):
        effects = await stage.seen(ALL)
    async with stage.database.engine.connect() as conn:
        rows = (await conn.execute(sa.text("SELECT * FROM undecodable_records"))).all()

    assert effects == once(0, 30) + once(31, ALL) + Counter({"stale lot-30": 1})
    assert [(row.topic, row.why, row.key, row.value) for row in rows] == [
        (stage.topic, "not a number", "lot-30", b"poison")
    ]


async def test_more_than_ten_undecodable_in_a_minute_stop_the_consumer(stage: Stage) -> None:
    """T5: the eleventh is our bug; it is neither stored nor skipped, and goes through once the minute is over."""
    clock = SteppedClock()
    await stage.publish([b"poison"] * 11)
    with pytest.raises(TooManyUndecodable):
        await stage.consumer(Ledger(), clock).run()
    assert (await stage.effects()).total() == 10

    with pytest.raises(TooManyUndecodable):
        await stage.consumer(Ledger(), clock).run()
    clock.advance(timedelta(minutes=1))
    async with running(stage.consumer(Ledger(), clock)):
        await stage.seen(11)


async def test_a_new_database_of_a_known_group_was_lost(stage: Stage) -> None:
    """T2: no position though the group has one; read from the beginning, and tell once."""
    await stage.publish(numbers(0, ALL))
    await stage.commit(5)
    ledger = Ledger()
    async with running(stage.consumer(ledger)):
        assert await stage.seen(ALL) == once(0, ALL)
    async with running(consumer := stage.consumer(ledger)):
        await caught_up(consumer)

    assert ledger.losses == ["no position though the group has one"]


async def test_a_database_behind_its_group_was_lost(stage: Stage) -> None:
    """T2: restored to an earlier state, it reads again from its own position, and tells once."""
    ledger = Ledger()
    await stage.publish(numbers(0, ALL))
    async with running(consumer := stage.consumer(ledger)):
        await stage.seen(ALL)
    async with stage.database.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE consumer_positions SET next_offset = 1 WHERE next_offset > 1"))
        await conn.execute(sa.text("DELETE FROM effects"))
    for _ in range(2):
        async with running(consumer := stage.consumer(ledger)):
            await stage.seen(ALL - 3)
            await caught_up(consumer)

    assert ledger.losses == ["the position is behind the group's"]


async def test_a_database_restored_under_a_running_consumer_was_lost(stage: Stage) -> None:
    """T2: noticed also while nothing arrives, and without a restart."""
    ledger = Ledger()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)):
        await stage.seen(ALL)
        async with stage.database.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE consumer_positions SET next_offset = 0"))
            await conn.execute(sa.text("DELETE FROM effects"))
        assert await stage.seen(ALL) == once(0, ALL)

    assert ledger.losses == ["the position is behind the group's"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE consumer_positions SET next_offset = 4",
        "DELETE FROM consumer_positions",
        "UPDATE database_noted SET identity = 'the standby that was'",
    ],
)
async def test_a_batch_is_not_absorbed_into_a_database_that_changed(stage: Stage, damage: str) -> None:
    """T2: its records would be stored with a gap before them, so the positions are compared anew first."""
    positions, partition = Positions("g"), TopicPartition(stage.topic, 0)
    absorption = Absorption(stage.database.engine, positions, "g", Ledger(), SteppedClock())
    batch = [Record(stage.topic, 0, 5, "lot-5", b"5", {}, SteppedClock().now())]
    async with stage.database.engine.begin() as conn:
        await positions.read_all(conn, lock=False)
        await positions.begin_at(conn, {partition: 5}, {partition: Extent(None, 0, 6)})
    with owner_operations(stage.database.owner_url) as op:
        op.execute(damage)
    with pytest.raises(PositionLost):
        await absorption.take(partition, batch, at_least=5)

    assert await stage.effects() == Counter()


async def test_two_workers_notice_and_repair_together(stage: Stage) -> None:
    """T2: what either of them lost concerns both; each reads its own share again."""
    ledger = Ledger()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)), running(stage.consumer(ledger)):
        await stage.seen(ALL)
        async with stage.database.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE consumer_positions SET next_offset = 0"))
            await conn.execute(sa.text("DELETE FROM effects"))
        assert await stage.seen(ALL) == once(0, ALL)
        await stage.publish(numbers(ALL, 2 * ALL))
        assert await stage.seen(2 * ALL) == once(0, 2 * ALL)

    assert set(ledger.losses) == {"the position is behind the group's"}


async def test_a_topic_may_be_made_after_its_consumer(database: Database, kafka: KafkaConfig) -> None:
    stage = Stage(database, kafka, new_topic_name())
    consumer = stage.consumer(Ledger())
    async with running(consumer):
        await asyncio.to_thread(create_topics, kafka.bootstrap, [Topic(name=stage.topic, partitions=3)])
        await stage.publish(numbers(0, ALL))
        assert await stage.seen(ALL) == once(0, ALL)
        await caught_up(consumer)


async def test_another_database_than_the_one_noted_was_lost(stage: Stage) -> None:
    """T2: a system identifier, timeline or database that is not the one noted."""
    ledger = Ledger()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)):
        await stage.seen(ALL)
    async with stage.database.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE database_noted SET identity = 'the standby that was'"))
    for _ in range(2):
        async with running(consumer := stage.consumer(ledger)):
            await caught_up(consumer)

    assert ledger.losses == ["this is another database than the one noted"]


@pytest.mark.parametrize("position", [-1, 1_000_000])
async def test_a_position_that_the_topic_does_not_hold_was_lost(stage: Stage, position: int) -> None:
    """T2: go on at the earliest record that is held."""
    ledger = Ledger()
    await stage.publish(numbers(0, ALL))
    async with running(stage.consumer(ledger)):
        await stage.seen(ALL)
    async with stage.database.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE consumer_positions SET next_offset = :at"), {"at": position})
        await conn.execute(sa.text("DELETE FROM effects"))
    async with running(stage.consumer(ledger)):
        assert await stage.seen(ALL) == once(0, ALL)

    assert len(ledger.losses) == 1
    assert "the topic no longer holds the position" in ledger.losses[0]


async def test_caught_up_only_after_reading_what_was_there(stage: Stage) -> None:
    """C1 waits for it: not before the comparison, not in the middle, and then once all is read."""
    await stage.publish(numbers(0, ALL))
    ledger = Ledger()
    ledger.gate.clear()
    consumer = stage.consumer(ledger)
    assert not await consumer.caught_up()
    async with running(consumer):
        await ledger.reached.wait()
        assert not await consumer.caught_up()
        ledger.gate.set()
        await caught_up(consumer)
        assert await stage.effects() == once(0, ALL)
