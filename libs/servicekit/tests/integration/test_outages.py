"""A broker that dies, and a process that stands still: nothing is lost, nothing happens twice."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from devstack.kafka import KafkaServer, Topic, create_topics
from devstack.ports import free_port
from devstack.programs import Running
from devstack.state import cache_folder
from servicekit.consumer import Consumer, Record
from servicekit.kafka import KafkaConfig
from servicekit.outbox import Message, Relay, record

from .conftest import Database, until

TOPIC = "outages"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Running]:
    """A Kafka of this test's own, to be killed."""
    port = free_port()
    server = KafkaServer(folder=tmp_path, cache=cache_folder(os.environ), port=port, controller_port=free_port())
    server.prepare()
    running = Running(server.program())
    running.wait_ready()
    create_topics(f"127.0.0.1:{port}", [Topic(name=TOPIC, partitions=3)])
    yield running
    running.stop()


class Effects:
    """Writes each value that it absorbs."""

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        values = [{"seen": (record.value or b"").decode()} for record in records]
        await conn.execute(sa.text("INSERT INTO effects (seen) VALUES (:seen)"), values)

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        raise AssertionError

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        raise AssertionError(why)


@asynccontextmanager
async def running(*tasks: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def publish(database: Database, topic: str, start: int, end: int) -> None:
    async with database.engine.begin() as conn:
        await record(
            conn,
            [
                Message(topic=topic, key=f"lot-{number}", value=b"%d" % number, type="test.Event", correlation_id="c")
                for number in range(start, end)
            ],
        )


async def effects(database: Database) -> Counter[str]:
    async with database.engine.connect() as conn:
        return Counter((await conn.execute(sa.text("SELECT seen FROM effects"))).scalars())


async def seen(database: Database, count: int) -> bool:
    """Whether that many values had an effect."""
    return len(await effects(database)) >= count


def once(end: int) -> Counter[str]:
    return Counter(str(number) for number in range(end))


async def test_broker_killed_between_outbox_and_consumer(database: Database, broker: Running) -> None:
    """What was recorded before, while and after the broker was away arrives, all of it."""
    kafka = KafkaConfig(bootstrap=f"127.0.0.1:{broker.program.port}")
    relay = Relay(database.engine, database.url, kafka, source="inventory")
    consumer = Consumer(database.engine, kafka, group="g", topics=[TOPIC], absorb=Effects())
    async with running(asyncio.ensure_future(relay.run()), asyncio.ensure_future(consumer.run())):
        await publish(database, TOPIC, 0, 100)

        await until(partial(seen, database, 100))
        broker.kill()
        await publish(database, TOPIC, 100, 1500)
        again = Running(broker.program)
        await asyncio.to_thread(again.wait_ready)
        try:
            await publish(database, TOPIC, 1500, 1600)
            await until(partial(seen, database, 1600))
        finally:
            await asyncio.to_thread(again.stop)

    assert set(await effects(database)) == set(once(1600))


async def nothing_waits(database: Database) -> bool:
    """Whether everything recorded was published."""
    async with database.engine.connect() as conn:
        return not (await conn.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one()


async def waits_for_the_broker(database: Database) -> bool:
    """Whether the relay, which looks for rows twice a second, has long not done so: it is sending some."""
    waits = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT 1'
        AND query_start < clock_timestamp() - interval '2 s'
    """
    async with database.engine.connect() as conn:
        return bool((await conn.execute(sa.text(waits))).scalar_one())


async def test_relay_ends_in_time_while_the_broker_is_away(database: Database, broker: Running) -> None:
    """SIGTERM must not wait for a broker: the rows stay for the next relay."""
    relay = Relay(
        database.engine, database.url, KafkaConfig(bootstrap=f"127.0.0.1:{broker.program.port}"), source="inventory"
    )
    task = asyncio.ensure_future(relay.run())

    await publish(database, TOPIC, 0, 1)
    await until(partial(nothing_waits, database))
    broker.kill()
    await publish(database, TOPIC, 1, 2)
    await until(partial(waits_for_the_broker, database))
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)

    assert done == {task}
    assert not await nothing_waits(database)
