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


SLEEPER = """
import asyncio, os
from servicekit.kafka import KafkaConfig
from servicekit.outbox import Relay
from servicekit.postgres import create_engine

url, kafka = os.environ["URL"], KafkaConfig(bootstrap=os.environ["KAFKA"])
asyncio.run(Relay(create_engine(url), url, kafka, source="inventory").run())
"""


async def test_a_relay_that_sleeps_is_replaced(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """A stopped process keeps its connections, so the lock would stay with it until somebody ended it by hand."""
    topic = new_topic(partitions=3)
    environ = {"URL": database.url, "KAFKA": kafka.bootstrap}
    sleeper = await asyncio.create_subprocess_exec(sys.executable, "-c", SLEEPER, env=environ)
    relay = Relay(database.engine, database.url, kafka, source="inventory")
    consumer = Consumer(database.engine, kafka, group=topic, topics=[topic], absorb=Effects())
    try:
        await publish(database, topic, 0, 10)
        await until(partial(nothing_waits, database))
        sleeper.send_signal(signal.SIGSTOP)
        async with running(asyncio.ensure_future(relay.run()), asyncio.ensure_future(consumer.run())):
            await publish(database, topic, 10, 20)
            await until(partial(nothing_waits, database))
            sleeper.send_signal(signal.SIGCONT)
            await publish(database, topic, 20, 30)
            await until(partial(seen, database, 30))
    finally:
        sleeper.kill()
        await sleeper.wait()

    assert set(await effects(database)) == set(once(30))


PAUSED = """
import asyncio, os
import sqlalchemy as sa
from servicekit.consumer import Consumer
from servicekit.kafka import KafkaConfig
from servicekit.postgres import create_engine

resumed = asyncio.Event()

class Effects:
    async def absorb(self, conn, records):
        values = [record.value.decode() for record in records]
        await conn.execute(sa.text("INSERT INTO effects (seen) SELECT unnest(CAST(:seen AS text[]))"), {"seen": values})
        print("absorbing", flush=True)
        await resumed.wait()

async def main():
    asyncio.get_running_loop().add_reader(0, resumed.set)
    engine = create_engine(os.environ["URL"])
    topic = os.environ["TOPIC"]
    kafka = KafkaConfig(bootstrap=os.environ["KAFKA"])
    await Consumer(engine, kafka, group=topic, topics=[topic], absorb=Effects()).run()

asyncio.run(main())
"""


@pytest.mark.timeout(300)  # it sits out a session time-out, a transaction time-out and three rebalances
async def test_a_paused_process_that_wakes_applies_nothing_again(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    """It slept in the middle of a batch, through a rebalance; its transaction is gone and its records are done."""
    topic, pipe = new_topic(partitions=3), asyncio.subprocess.PIPE
    environ = {"URL": database.url, "KAFKA": kafka.bootstrap, "TOPIC": topic}
    relay = Relay(database.engine, database.url, kafka, source="inventory")
    awake = Consumer(database.engine, kafka, group=topic, topics=[topic], absorb=Effects())
    paused = await asyncio.create_subprocess_exec(sys.executable, "-c", PAUSED, env=environ, stdin=pipe, stdout=pipe)
    assert paused.stdin
    assert paused.stdout
    try:
        async with running(asyncio.ensure_future(relay.run())):
            await publish(database, topic, 0, 60)
            await paused.stdout.readline()
            paused.send_signal(signal.SIGSTOP)
            async with running(asyncio.ensure_future(awake.run())):
                await until(partial(seen, database, 60))
                paused.send_signal(signal.SIGCONT)
                paused.stdin.write(b"go on")
                await publish(database, topic, 60, 61)
                await until(partial(seen, database, 61))
            await publish(database, topic, 61, 120)
            await paused.stdout.readline()  # alone in the group, it goes on with what is new
            await until(partial(seen, database, 120))
    finally:
        paused.kill()
        await paused.wait()

    assert await effects(database) == once(120)
