"""The outbox's relay, beside a producer that is handed the same messages."""

import asyncio
import time
import uuid

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.rates import Compared, compare
from bench.transaction import new_database
from devstack.kafka import Topic, create_topics, new_topic_name
from devstack.testing import Stack
from servicekit.kafka import KafkaConfig, start_producer, stop_producer
from servicekit.outbox import Message, Relay, backlog, record
from servicekit.postgres import create_engine
from servicekit.relay import CHANNEL

_MESSAGES = 5_000
_AT_ONCE = 500
_BYTES = 400


async def publishing(stack: Stack) -> Compared:
    """The same messages each; ours are in the outbox already, and are gone from it at the end."""
    topic, urls = new_topic_name("bench"), new_database(stack)
    await asyncio.to_thread(create_topics, stack.kafka_bootstrap, [Topic(name=topic, partitions=12)])
    kafka, engine, open_gate = KafkaConfig(bootstrap=stack.kafka_bootstrap), create_engine(urls.app), asyncio.Event()

    async def may_publish(conn: AsyncConnection) -> bool:
        return open_gate.is_set()

    messages = [_message(topic) for _ in range(_MESSAGES)]
    relay = asyncio.ensure_future(Relay(engine, urls.app, kafka, source="bench", may_publish=may_publish).run())
    producer = await start_producer(kafka)

    async def relayed() -> float:
        async with engine.begin() as conn:
            await record(conn, messages)
        open_gate.set()
        started = time.perf_counter()
        await _emptied(engine)
        seconds = time.perf_counter() - started
        open_gate.clear()
        return _MESSAGES / seconds

    async def produced() -> float:
        started = time.perf_counter()
        await _produce(producer, messages)
        return _MESSAGES / (time.perf_counter() - started)

    try:
        return await compare("messages by the relay", relayed, "by a bare producer", produced)
    finally:
        relay.cancel()
        await asyncio.wait({relay})
        await stop_producer(producer)
        await engine.dispose()


def _message(topic: str) -> Message:
    key = uuid.uuid4().hex
    return Message(topic=topic, key=key, value=bytes(_BYTES), type="bench.Message", correlation_id=key)


async def _emptied(engine: AsyncEngine) -> None:
    """Return once the relay, told that there is something to do, has published all."""
    async with engine.begin() as conn:
        await conn.execute(sa.text(f"NOTIFY {CHANNEL}"))
    async with engine.connect() as conn:
        autocommit = await conn.execution_options(isolation_level="AUTOCOMMIT")
        while await backlog(autocommit):  # noqa: ASYNC110 - a relay tells nobody
            await asyncio.sleep(0.005)


async def _produce(producer: AIOKafkaProducer, messages: list[Message]) -> None:
    for first in range(0, len(messages), _AT_ONCE):
        batch = messages[first : first + _AT_ONCE]
        sent = [await producer.send(one.topic, one.value, key=one.key.encode()) for one in batch]
        await asyncio.gather(*sent)
