"""The outbox and its relay over a real PostgreSQL and Kafka: nothing lost, whoever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from servicekit.kafka import KafkaConfig
from servicekit.outbox import Message, Relay, backlog, record
from servicekit.relay import LOCK

from .conftest import Database, ended, until


def message(topic: str, key: str, value: bytes = b"x", *, every_partition: bool = False) -> Message:
    return Message(
        topic=topic, key=key, value=value, type="test.Event", correlation_id="c-1", every_partition=every_partition
    )


async def publish(database: Database, messages: Sequence[Message]) -> None:
    async with database.engine.begin() as conn:
        await record(conn, messages)


@asynccontextmanager
async def running(database: Database, kafka: KafkaConfig) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(Relay(database.engine, database.url, kafka, source="inventory").run())
    try:
        yield task
    finally:
        await ended(task)


async def read(kafka: KafkaConfig, topic: str, count: int) -> list[ConsumerRecord]:
    """The first `count` records of a topic, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, one) for one in range(3)])
        records: list[ConsumerRecord] = []
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                records += batch
        return records
    finally:
        await consumer.stop()


async def emptied(database: Database) -> None:
    """Wait until the outbox is empty."""

    async def nothing_waits() -> bool:
        async with database.engine.connect() as conn:
            return await backlog(conn) == 0

    await until(nothing_waits)


async def test_messages_arrive_in_order_with_their_headers(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """What one transaction recorded is published in its order, whole, and then gone from the table."""
    topic = new_topic()
    async with running(database, kafka):
        await publish(database, [message(topic, "lot-1", str(number).encode()) for number in range(1200)])
        records = await read(kafka, topic, 1200)
        await emptied(database)

    assert [record.value for record in records] == [str(number).encode() for number in range(1200)]
    assert records[0].key == b"lot-1"
    headers = dict(records[0].headers)
    assert headers.pop("id").isdigit()
    assert headers == {"type": b"test.Event", "source": b"inventory", "correlation-id": b"c-1"}


async def test_rolled_back_messages_are_never_published(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    topic = new_topic()
    async with running(database, kafka):
        async with database.engine.connect() as conn:
            await record(conn, [message(topic, "lot-1", b"undone")])
            await conn.rollback()
        await publish(database, [message(topic, "lot-1", b"done")])
        records = await read(kafka, topic, 1)
        await emptied(database)

    assert [record.value for record in records] == [b"done"]


async def test_nothing_to_record_writes_nothing(database: Database) -> None:
    async with database.engine.connect() as conn:
        await record(conn, [])
        assert await backlog(conn) == 0


async def test_a_commit_wakes_the_relay(database: Database) -> None:
    """NOTIFY goes out with the commit, so nobody waits for the poll."""
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as listening:
        await listening.execute("LISTEN outbox")
        await publish(database, [message("any", "lot-1")])
        heard = [notify.channel async for notify in listening.notifies(timeout=5, stop_after=1)]

    assert heard == ["outbox"]


async def test_a_message_for_every_partition_reaches_each(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(partitions=3)
    async with running(database, kafka):
        await publish(database, [message(topic, "seller-1", every_partition=True)])
        records = await read(kafka, topic, 3)

    assert sorted(record.partition for record in records) == [0, 1, 2]


async def test_relay_killed_after_publish_publishes_again(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """Dead between acknowledgement and delete: the next relay sends the same rows again and loses none."""
    topic = new_topic()
    await publish(database, [message(topic, "lot-1", str(number).encode()) for number in range(5)])
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("SELECT id FROM outbox ORDER BY id LIMIT 1 FOR UPDATE")  # the relay's delete waits for this
        async with running(database, kafka) as relay:
            await read(kafka, topic, 5)
            relay.cancel()
    async with running(database, kafka):
        await emptied(database)
        records = await read(kafka, topic, 10)

    assert [record.value for record in records] == [str(number).encode() for number in [*range(5), *range(5)]]


async def test_relay_whose_lock_session_died_publishes_nothing_more(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str], postgres_url: str
) -> None:
    """Its lock may be another's by now: it waits until it has the lock again, and then goes on."""
    topic = new_topic()
    await publish(database, [message(topic, "lot-1", str(number).encode()) for number in range(600)])
    async with (
        await psycopg.AsyncConnection.connect(database.owner_url) as owner,
        await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as another,
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as admin,
    ):
        await owner.execute("SELECT id FROM outbox ORDER BY id LIMIT 1 FOR UPDATE")  # the relay's delete waits for this
        async with running(database, kafka):
            await read(kafka, topic, 500)
            await admin.execute("SELECT pg_terminate_backend(%s)", (await lock_holder(admin),))
            await another.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            await owner.rollback()
            await until(partial(asks_for_the_lock, database))
            published = await end_of(kafka, topic)
            await another.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
            await emptied(database)
            records = await read(kafka, topic, 600)

    assert published == 500
    assert {record.value for record in records} == {str(number).encode() for number in range(600)}


async def asks_for_the_lock(database: Database) -> bool:
    asks = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%try_advisory%$1%'"
    async with database.engine.connect() as conn:
        return bool((await conn.execute(sa.text(asks))).scalar_one())


async def end_of(kafka: KafkaConfig, topic: str) -> int:
    """How many records the topic has had."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    ends = await consumer.end_offsets([TopicPartition(topic, one) for one in range(3)])
    await consumer.stop()
    return sum(ends.values())


async def test_of_two_relays_one_works_and_the_other_takes_over(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str], postgres_url: str
) -> None:
    topic = new_topic()
    async with running(database, kafka) as first:
        await publish(database, [message(topic, "lot-1", b"1")])
        await emptied(database)
        async with running(database, kafka), await psycopg.AsyncConnection.connect(postgres_url) as admin:
            holder = await lock_holder(admin)
            await publish(database, [message(topic, "lot-1", b"2")])
            await emptied(database)
            assert await lock_holder(admin) == holder
            first.cancel()
            await publish(database, [message(topic, "lot-1", b"3")])
            await emptied(database)
            records = await read(kafka, topic, 3)

    assert [record.value for record in records] == [b"1", b"2", b"3"]


async def lock_holder(admin: psycopg.AsyncConnection) -> int:
    """The process id of the session that holds a relay's lock in the newest test database."""
    found = await admin.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
        " AND database = (SELECT max(oid) FROM pg_database WHERE datname LIKE 'servicekit_test%')"
    )
    row = await found.fetchone()
    assert row is not None
    return int(row[0])
