"""A relay that is told to wait: nothing goes out, nothing is lost, and all of it goes out in order afterwards."""

import asyncio
from collections.abc import Callable

import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.kafka import KafkaConfig
from servicekit.outbox import Message, Relay, backlog, record

from .conftest import Database

LIMIT_SECONDS = 60


class Gate:
    """Says whether rows may go out, and when it was asked."""

    def __init__(self) -> None:
        self.is_open = False
        self.asked = asyncio.Event()

    async def may_publish(self, conn: AsyncConnection) -> bool:
        isolation = (await conn.execute(sa.text("SHOW transaction_isolation"))).scalar_one()
        assert isolation == "repeatable read"  # the batch is read in the snapshot that was judged
        self.asked.set()
        return self.is_open


async def test_rows_wait_while_they_may_not_go_out(
    database: Database, kafka: KafkaConfig, new_topic: Callable[..., str]
) -> None:
    gate, topic = Gate(), new_topic(partitions=1)
    messages = [
        Message(topic=topic, key="lot-1", value=str(number).encode(), type="t", correlation_id="c")
        for number in range(3)
    ]
    async with database.engine.begin() as conn:
        await record(conn, messages)
    relay = Relay(database.engine, database.url, kafka, source="inventory", may_publish=gate.may_publish)
    running = asyncio.ensure_future(relay.run())
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([partition := TopicPartition(topic, 0)])
        async with asyncio.timeout(LIMIT_SECONDS):
            for _ in range(3):
                gate.asked.clear()
                await gate.asked.wait()
            assert (await consumer.end_offsets([partition]))[partition] == 0
            async with database.engine.connect() as conn:
                assert await backlog(conn) == len(messages)
            gate.is_open = True
            assert [(await consumer.getone()).value for _ in messages] == [b"0", b"1", b"2"]
    finally:
        await consumer.stop()
        running.cancel()
        await asyncio.wait({running})
