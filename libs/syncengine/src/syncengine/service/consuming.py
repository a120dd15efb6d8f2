"""What a sync service takes from its topics: lots and answers from inventory, connections from credentials."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.consumer import Record
from servicekit.kafka import KafkaConfig
from syncengine.absorb import (
    AnswerNews,
    ConnectionNews,
    LotNews,
    absorb_answer,
    absorb_connection,
    absorb_lots,
    begin_anew_after_loss,
    mark_stale,
)
from syncengine.clock import Clock
from syncengine.listing import LotId, SellerId
from syncengine.marketplace import Facts
from syncengine.service.bell import tell_ended
from syncengine.service.events import LotOf, connection_event, lot_event
from syncengine.settings import Settings
from syncengine.store.postgres import PostgresStore, PostgresTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where other services publish what this one takes in."""

    lots: str
    connections: str


class Consuming:
    """Implements `RecordHandler`: each batch is absorbed in the transaction that moves the position."""

    def __init__(
        self,
        *,
        store: PostgresStore,
        clock: Clock,
        facts: Facts,
        settings: Settings,
        lot_of: LotOf,
        topics: Topics,
        partitions: Callable[[], Awaitable[int]],
    ) -> None:
        """`partitions` tells how many the topic of lots has: a wish is answered when each has brought one (T4)."""
        self._store = store
        self._clock = clock
        self._facts = facts
        self._settings = settings
        self._lot_of = lot_of
        self._topics = topics
        self._partitions = partitions

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Take in a batch of one partition. Raises Undecodable."""
        if records[0].topic == self._topics.connections:
            decoded = [connection_event(record, self._facts.marketplace) for record in records]
            await self._absorb_connections(conn, [news for news in decoded if news is not None])
        else:
            await self._absorb_lots(self._store.join(conn), [lot_event(record, self._lot_of) for record in records])

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        """Mark the lot of a record that was set aside as stale (rule T5)."""
        if record.topic == self._topics.lots and record.key is not None:
            await mark_stale(self._store.join(conn), LotId(record.key), self._facts)

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        """Begin anew with every connection (rules T2, C1)."""
        await begin_anew_after_loss(self._store.join(conn), self._clock.now())

    async def _absorb_connections(self, conn: AsyncConnection, connections: Sequence[ConnectionNews]) -> None:
        tx = self._store.join(conn)
        await _lock(tx, (news.seller_id for news in connections))
        for news in connections:
            await absorb_connection(tx, news, self._clock.now())
            connection = await tx.lock_connection(news.seller_id)
            await tell_ended(conn, news.seller_id, connection.key_version - connection.enabled)

    async def _absorb_lots(self, tx: PostgresTransaction, news: Sequence[LotNews | AnswerNews]) -> None:
        lots = [one for one in news if isinstance(one, LotNews)]
        answers = [one for one in news if isinstance(one, AnswerNews)]
        if answers:
            await _lock(tx, (one.seller_id for one in news))
        if lots:
            await absorb_lots(tx, lots, self._facts, self._settings, self._clock.now())
        # All of a seller's lots stand before the answer, so the answers may wait until the lots of the batch are in.
        partitions = await self._partitions() if any(answer.request_id for answer in answers) else 0
        for answer in answers:
            await absorb_answer(tx, replace(answer, partitions=partitions), self._clock.now())


async def partition_count(kafka: KafkaConfig, topic: str) -> int:
    """Ask Kafka how many partitions a topic has. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**kafka.client_settings(), request_timeout_ms=5000)
    try:
        await admin.start()
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    if described["error_code"]:
        raise for_code(described["error_code"])
    return len(described["partitions"])


async def _lock(tx: PostgresTransaction, seller_ids: Iterable[SellerId]) -> None:
    """Lock connections in the order of their ids, as everybody does, so that nobody deadlocks."""
    for seller_id in sorted(set(seller_ids)):
        await tx.lock_connection(seller_id)
