"""From the topics into the rows, over a real Kafka and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from google.protobuf.message import Message

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from brickops.events.v1.lot_event_pb2 import LotChanged, LotEvent, StateAnswered
from brickops.inventory.v1 import lot_pb2
from servicekit.clock import SystemClock
from servicekit.consumer import Consumer, Record
from servicekit.kafka import KafkaConfig
from syncengine.listing import Lot, LotId, SellerId
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.service.bell import Bell
from syncengine.service.consuming import Consuming, Topics, partition_count
from syncengine.settings import Settings
from syncengine.store.postgres import PostgresStore
from syncengine.testing.shop import FACTS
from syncengine.testing.store_contract.scenery import BRICK, BUCKET

from .conftest import Database

A, B = SellerId("seller-a"), SellerId("seller-b")
PARTITIONS = 3


def lot_of(lot: lot_pb2.Lot) -> Lot:
    return Lot(item=BRICK, quantity=lot.quantity, for_sale=True, retain=False, fields={"price": "0.1000"})


def lot_changed(seller_id: str, lot_id: str, quantity: int = 5, revision: int = 1) -> LotEvent:
    lot = lot_pb2.Lot(lot_id=lot_id, quantity=quantity, revision=revision)
    return LotEvent(lot_changed=LotChanged(seller_id=seller_id, lot=lot, listing_ids=["77"]))


def answered(seller_id: str, request_id: str) -> LotEvent:
    return LotEvent(state_answered=StateAnswered(seller_id=seller_id, request_id=request_id))


def connected(seller_id: str, *, seq: int = 1, marketplace: str = FACTS.marketplace) -> ConnectionChanged:
    event = ConnectionChanged(seller_id=seller_id, marketplace=marketplace, seq=seq, enabled=True, key_version=1)
    event.connected_at.FromDatetime(datetime(2026, 11, 21, tzinfo=UTC))
    return event


@dataclass
class Stage:
    """A database, topics of its own, and what takes in from them."""

    store: PostgresStore
    database: Database
    kafka: KafkaConfig
    topics: Topics

    @property
    def consuming(self) -> Consuming:
        return Consuming(
            store=self.store,
            clock=SystemClock(),
            facts=FACTS,
            settings=Settings(),
            lot_of=lot_of,
            topics=self.topics,
            partitions=partial(partition_count, self.kafka, self.topics.lots),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        consumer = Consumer(
            self.database.engine,
            self.kafka,
            group=f"group of {self.topics.lots}",
            topics=[self.topics.lots, self.topics.connections],
            absorb=self.consuming,
        )
        task = asyncio.ensure_future(consumer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def publish(self, topic: str, partition: int, *values: Message | bytes, key: str = "key") -> None:
        """Write records as a service's relay does."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        kind = ConnectionChanged if topic == self.topics.connections else LotEvent
        headers = [("type", kind.DESCRIPTOR.full_name.encode())]
        for value in values:
            written = value if isinstance(value, bytes) else value.SerializeToString()
            await producer.send_and_wait(topic, written, key=key.encode(), partition=partition, headers=headers)
        await producer.stop()

    async def connection_once(self, seller_id: SellerId, true: Callable[[ConnectionRow], bool]) -> ConnectionRow:
        """The connection, once it is as is waited for."""
        async with asyncio.timeout(30):
            while True:
                async with self.store.transaction() as tx:
                    connection = await tx.find_connection(seller_id)
                if connection is not None and true(connection):
                    return connection
                await asyncio.sleep(0.02)

    async def listing_once(self, lot_id: str, true: Callable[[ListingRow], bool]) -> ListingRow:
        """The lot's row, once it is as is waited for."""
        async with asyncio.timeout(30):
            while True:
                async with self.store.transaction() as tx:
                    row = await tx.find_listing(LotId(lot_id))
                if row is not None and true(row):
                    return row
                await asyncio.sleep(0.02)


@pytest.fixture
def stage(database: Database, kafka_bootstrap: str, new_topic: Callable[..., str]) -> Stage:
    topics = Topics(
        lots=new_topic("lots", partitions=PARTITIONS),
        connections=new_topic("connections", partitions=PARTITIONS, compacted=True),
    )
    store = PostgresStore(database.engine, bucket=BUCKET)
    return Stage(store, database, KafkaConfig(bootstrap=kafka_bootstrap), topics)


async def test_connection_and_lots_arrive_and_an_answer_is_whole_with_its_last_partition(stage: Stage) -> None:
    """Rules T3, T4."""
    await stage.publish(stage.topics.connections, 0, connected(A), connected(B, marketplace="another"))
    async with stage.running():
        connection = await stage.connection_once(A, lambda row: row.enabled)
        assert connection.census_reason is CensusReason.CONNECTED
        async with stage.store.transaction() as tx:
            await tx.save_connection(replace(await tx.lock_connection(A), wish_id="wish"))
        for partition in range(PARTITIONS):
            lots = [lot_changed(A, f"lot {partition}", revision=revision) for revision in (1, 2)]
            await stage.publish(stage.topics.lots, partition, *lots, answered(A, "wish"))
            connection = await stage.connection_once(A, partial(has_answer_of, partition))
            assert (connection.answered_at is not None) == (partition == PARTITIONS - 1)
            assert (await stage.listing_once(f"lot {partition}", lambda _: True)).revision == 2
    async with stage.store.transaction() as tx:
        assert await tx.find_connection(B) is None
        assert connection.due_at is not None


@dataclass
class HeardKeys:
    """Keys of a process that consumes nothing itself."""

    listening: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Queue[tuple[SellerId, int]] = field(default_factory=asyncio.Queue)

    def end(self, seller_id: SellerId, version: int) -> None:
        self.ended.put_nowait((seller_id, version))

    def end_all(self) -> None:
        self.listening.set()


async def test_every_process_hears_of_keys_that_ended_with_the_event_that_ended_them(stage: Stage) -> None:
    keys = HeardKeys()
    listening = asyncio.ensure_future(Bell(stage.database.url, keys).listen())
    try:
        async with asyncio.timeout(60):
            await keys.listening.wait()
        first, rotated, revoked = (connected(A, seq=seq) for seq in (1, 2, 3))
        rotated.key_version = revoked.key_version = 2
        revoked.enabled = False
        resealed, late = connected(B, seq=5), connected(B, seq=4)
        for event in (first, rotated, revoked, resealed, late):
            async with stage.database.engine.begin() as conn:
                await stage.consuming.absorb(conn, [as_record(stage.topics.connections, event)])
        async with asyncio.timeout(60):
            heard = [await keys.ended.get() for _ in range(5)]
        assert heard == [(A, 0), (A, 1), (A, 2), (B, 0), (B, 0)]
    finally:
        listening.cancel()
        await asyncio.wait({listening})


def has_answer_of(partition: int, connection: ConnectionRow) -> bool:
    return partition in connection.answered_partitions


async def test_lot_whose_event_cannot_be_decoded_waits_for_a_newer_one(stage: Stage) -> None:
    """Rule T5."""
    async with stage.running():
        await stage.publish(stage.topics.lots, 1, lot_changed(A, "lot"), b"\xff\xff", key="lot")
        await stage.listing_once("lot", lambda row: row.stale)
        await stage.publish(stage.topics.lots, 1, lot_changed(A, "lot", revision=3), key="lot")
        row = await stage.listing_once("lot", lambda row: not row.stale)
    assert row.revision == 3


async def test_loss_begins_anew_with_every_connection(stage: Stage) -> None:
    """Rules T2, C1."""
    now = SystemClock().now()
    async with stage.store.transaction() as tx:
        for seller_id in (A, B):
            await tx.save_connection(ConnectionRow(seller_id=seller_id, enabled=True, census_at=now, answered_at=now))
    async with stage.database.engine.begin() as conn:
        await stage.consuming.lost(conn, "it was")
    for seller_id in (A, B):
        connection = await stage.connection_once(seller_id, lambda _: True)
        assert connection.census_reason is CensusReason.DATABASE_LOST
        assert (connection.census_at, connection.answered_at) == (None, None)


async def test_batches_that_name_sellers_in_opposite_orders_do_not_deadlock(stage: Stage) -> None:
    """Every writer locks connections in the order of their ids."""

    async def take(sellers: list[str], seq: int) -> None:
        events = [connected(seller_id, seq=seq) for seller_id in sellers]
        lots = [lot_changed(sellers[0], f"lot of {sellers[0]}", revision=seq), answered(sellers[1], "wish")]
        async with stage.database.engine.begin() as conn:
            await stage.consuming.absorb(conn, [as_record(stage.topics.connections, event) for event in events])
        async with stage.database.engine.begin() as conn:
            await stage.consuming.absorb(conn, [as_record(stage.topics.lots, event) for event in lots])

    async with asyncio.timeout(60):
        for seq in range(1, 11):
            await asyncio.gather(take([A, B], seq), take([B, A], seq))


def as_record(topic: str, event: Message) -> Record:
    return Record(
        topic=topic,
        partition=0,
        offset=0,
        key="key",
        value=event.SerializeToString(),
        headers={"type": event.DESCRIPTOR.full_name},
        timestamp=datetime(2026, 11, 21, tzinfo=UTC),
    )


async def test_partitions_are_counted_by_asking_kafka(stage: Stage) -> None:
    assert await partition_count(stage.kafka, stage.topics.lots) == PARTITIONS
    with pytest.raises(KafkaError):
        await partition_count(stage.kafka, "no-such-topic")
