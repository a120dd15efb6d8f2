"""One membership in a consumer group: from joining to the first failure that needs a new one."""

import asyncio
import logging
from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from servicekit.absorption import Absorption, TooManyUndecodable
from servicekit.backoff import Backoff
from servicekit.logs import describe
from servicekit.positions import Extent, PositionLost, Positions, resume
from servicekit.records import Record, RecordHandler, record_of

logger = logging.getLogger(__name__)

_BATCH = 500
_POLL_MS = 500
_VERIFY_SECONDS = 1
_TAKE_UP_SECONDS = 20
_COMMIT_SECONDS = 5


class Membership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Joins with a started client, takes up the partitions that it is assigned, and takes in what arrives on them."""

    def __init__(
        self,
        client: AIOKafkaConsumer,
        engine: AsyncEngine,
        positions: Positions,
        absorption: Absorption,
        absorb: RecordHandler,
        topics: Sequence[str],
    ) -> None:
        self.compared = False
        """Whether this membership has compared the database with the group and the topics (T2)."""
        self._client = client
        self._engine = engine
        self._positions = positions
        self._absorption = absorption
        self._handler = absorb
        self._topics = topics
        self._held: dict[TopicPartition, int] = {}  # partitions taken up, and the position our database has at least
        self._resting: dict[TopicPartition, float] = {}  # partitions whose last batch failed, and until when
        self._backoffs: dict[TopicPartition, Backoff] = {}
        self._failure: Exception | None = None
        self._verify_at = 0.0
        client.subscribe(topics, listener=self)

    async def poll(self) -> None:
        """Take in what has arrived; return after half a second at the latest if nothing has.

        Raises PositionLost if the database is not what it was when the partitions were taken up, KafkaError for what
        the client does not mend by itself, and TooManyUndecodable.
        """
        if self._failure:
            raise self._failure
        now = asyncio.get_running_loop().time()
        for partition in [one for one, until in self._resting.items() if until <= now]:
            del self._resting[partition]
            self._client.resume(partition)
        try:
            batches = await self._client.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
        except NoOffsetForPartitionError:  # aiokafka looks for a position while `on_partitions_assigned` still does
            return
        for partition, fetched in batches.items():
            if partition in self._held:  # else fetched before its position was known: it comes again
                await self._take(partition, [record_of(one) for one in fetched])
        if not batches and now >= self._verify_at:
            await self._verify()
            self._verify_at = now + _VERIFY_SECONDS

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance."""
        self._held.clear()
        self._resting.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance. It swallows exceptions, so they are kept for `poll` to raise."""
        try:
            async with asyncio.timeout(_TAKE_UP_SECONDS):
                positions, why = await self._compare()
            self._held = {partition: positions[partition] for partition in assigned}
        except Exception as error:  # noqa: BLE001 - of any kind: without positions nothing may be read
            self._failure = error
            return
        for partition, position in self._held.items():
            self._client.seek(partition, position)
        if why:
            logger.error("the database was lost, restored or failed over", extra={"why": why})
            await self._commit(self._held)  # or the next comparison would find the same loss again
        self.compared = True

    async def _compare(self) -> tuple[dict[TopicPartition, int], str]:
        """Compare the database with the group and the topics, and repair what does not fit (T2).

        Returns the positions of all partitions, and what was lost. Other workers' are compared too: what any of them
        lost concerns all. The order matters: the group's positions are read before ours and the topics' ends after
        them, as all of them only grow.
        """
        partitions = self._all_partitions()
        committed = {partition: await self._client.committed(partition) for partition in partitions}
        async with self._engine.begin() as conn:
            for lock in (False, True):  # a loss is believed only while no batch can move a position
                stored = await self._positions.read_all(conn, lock=lock)
                earliest = await self._client.beginning_offsets(partitions)
                end = await self._client.end_offsets(partitions)
                extents = {one: Extent(committed[one], earliest[one], end[one]) for one in partitions}
                positions, why = resume(stored, extents)
                if not why:
                    break
            new = positions if why else {one: at for one, at in positions.items() if one not in stored.positions}
            await self._positions.begin_at(conn, new, extents)
            if why:
                await self._handler.lost(conn, why)
        return positions, why

    def _all_partitions(self) -> list[TopicPartition]:
        numbers = {topic: self._client.partitions_for_topic(topic) for topic in self._topics}
        if not all(numbers.values()):  # known a moment after the topic is made
            raise UnknownTopicOrPartitionError
        return [TopicPartition(topic, number) for topic in self._topics for number in sorted(numbers[topic])]

    async def _take(self, partition: TopicPartition, records: Sequence[Record]) -> None:
        backoff = self._backoffs.setdefault(partition, Backoff())
        try:
            next_offset = await self._absorption.take(partition, records, at_least=self._held[partition])
        except (PositionLost, TooManyUndecodable):
            raise
        except Exception as error:
            delay = backoff.failed()
            place = {"topic": partition.topic, "partition": partition.partition, "offset": records[0].offset}
            logger.warning("a batch waits", exc_info=error, extra=place | {"seconds": round(delay, 2)})
            if partition in self._held:  # a rebalance may have taken it away meanwhile
                self._client.pause(partition)
                self._client.seek(partition, records[0].offset)
                self._resting[partition] = asyncio.get_running_loop().time() + delay
            return
        backoff.succeeded()
        if partition in self._held:
            self._held[partition] = next_offset
            await self._commit({partition: next_offset})

    async def _commit(self, positions: dict[TopicPartition, int]) -> None:
        """Tell the group. It is told again with the next batch, so a failure is only noted."""
        try:
            # not wait_for: in Python 3.11 it swallows a cancellation that comes with the answer, which may be SIGTERM's
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._client.commit(positions)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            logger.info("the group was not told its position", extra={"because": describe(error)})

    async def _verify(self) -> None:
        """Notice a lost database also while nothing arrives."""
        try:
            async with self._engine.connect() as conn:
                await self._positions.verify(conn, self._held)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the database does not answer", extra={"because": describe(error)})
