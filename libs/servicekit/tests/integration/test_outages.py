"""A broker that dies, and a process that stands still: nothing is lost, nothing happens twice."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psycopg
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

from .conftest import Database, ended, until

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
        await ended(*tasks)


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


AWAKE_WITHIN = 60
"""Seconds for which one that sleeps may hold up the others at the most: see `Relay` and `Consumer`."""

SLEEPER = """
import asyncio, os
from servicekit.kafka import KafkaConfig
from servicekit.outbox import Relay
from servicekit.postgres import create_engine

url, kafka = os.environ["URL"], KafkaConfig(bootstrap=os.environ["KAFKA"])
asyncio.run(Relay(create_engine(url), url, kafka, source="inventory").run())
"""


async def sessions(database: Database, condition: str) -> bool:
    """Whether the database has a session like that."""
    statement = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
    async with database.engine.connect() as conn:
        return bool((await conn.execute(sa.text(statement))).scalar_one())


async def has_seen(database: Database, end: int) -> bool:
    """Whether each value below `end` had an effect."""
    return set(await effects(database)) == set(once(end))


async def test_a_relay_that_sleeps_is_replaced(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """A stopped process keeps its connections, and with them the relay's lock and those of rows that it deletes."""
    topic = new_topic(partitions=3)
    relay = Relay(database.engine, database.url, kafka, source="inventory")
    consumer = Consumer(database.engine, kafka, group=topic, topics=[topic], absorb=Effects())
    await publish(database, topic, 0, 10)
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("SELECT FROM outbox FOR UPDATE")  # the relay's delete waits for this
        sleeper = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SLEEPER, env={"URL": database.url, "KAFKA": kafka.bootstrap}
        )
        try:
            await until(partial(sessions, database, "wait_event_type = 'Lock'"))
            sleeper.send_signal(signal.SIGSTOP)
            await owner.rollback()
            await until(partial(sessions, database, "state = 'idle in transaction'"))
            async with running(asyncio.ensure_future(relay.run()), asyncio.ensure_future(consumer.run())):
                await until(partial(nothing_waits, database), within=AWAKE_WITHIN)
                sleeper.send_signal(signal.SIGCONT)
                await publish(database, topic, 10, 20)
                await until(partial(has_seen, database, 20))
        finally:
            sleeper.kill()
            await sleeper.wait()


PAUSED = """
import asyncio, os, signal
import sqlalchemy as sa
from servicekit.consumer import Consumer
from servicekit.kafka import KafkaConfig
from servicekit.postgres import create_engine

class Effects:
    slept = False

    async def absorb(self, conn, records):
        values = [record.value.decode() for record in records]
        await conn.execute(sa.text("INSERT INTO effects (seen) SELECT unnest(CAST(:seen AS text[]))"), {"seen": values})
        if not self.slept:
            self.slept = True
            os.kill(os.getpid(), signal.SIGSTOP)

async def main():
    engine = create_engine(os.environ["URL"])
    topic = os.environ["TOPIC"]
    kafka = KafkaConfig(bootstrap=os.environ["KAFKA"])
    await Consumer(engine, kafka, group=topic, topics=[topic], absorb=Effects()).run()

asyncio.run(main())
"""


async def test_a_paused_process_that_wakes_applies_nothing_again(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """It slept in the middle of a batch, through a rebalance; its transaction is gone and its records are done."""
    topic = new_topic(partitions=3)
    relay = Relay(database.engine, database.url, kafka, source="inventory")
    awake = Consumer(database.engine, kafka, group=topic, topics=[topic], absorb=Effects())
    paused = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PAUSED, env={"URL": database.url, "KAFKA": kafka.bootstrap, "TOPIC": topic}
    )
    try:
        async with running(asyncio.ensure_future(relay.run())):
            await publish(database, topic, 0, 60)
            await until(
                partial(sessions, database, "state = 'idle in transaction' AND query LIKE 'INSERT INTO effects%'")
            )
            async with running(asyncio.ensure_future(awake.run())):
                await until(partial(has_seen, database, 60), within=AWAKE_WITHIN)
                paused.send_signal(signal.SIGCONT)
                await publish(database, topic, 60, 61)
                await until(partial(has_seen, database, 61))
            await publish(database, topic, 61, 120)
            await until(partial(has_seen, database, 120))  # alone in the group, it goes on with what is new
    finally:
        paused.kill()
        await paused.wait()

    assert await effects(database) == once(120)
