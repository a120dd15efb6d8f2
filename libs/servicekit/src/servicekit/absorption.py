"""One batch of one partition: effects and position in one transaction; what cannot be decoded is set aside (T5)."""

import json
import logging
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from servicekit.clock import Clock
from servicekit.positions import Positions
from servicekit.records import Record, RecordHandler, Undecodable

logger = logging.getLogger(__name__)

_UNDECODABLE_A_MINUTE = 10

_COUNT_SET_ASIDE = sa.text(
    "SELECT count(*) FROM undecodable_records WHERE consumer_group = :group AND recorded_at > :since"
)
_SET_ASIDE = sa.text("""
    INSERT INTO undecodable_records
        (consumer_group, topic, partition, record_offset, why, key, value, headers, recorded_at)
    VALUES (:group, :topic, :partition, :record_offset, :why, :key, :value, CAST(:headers AS json), :recorded_at)
""")


class TooManyUndecodable(Exception):
    """More than ten records in a minute could not be decoded: our bug, so the consumer stops (T5)."""


class Absorption:
    """Takes batches into the database, each record's effects once, whoever else thinks the partition is his."""

    def __init__(
        self, engine: AsyncEngine, positions: Positions, group: str, handler: RecordHandler, clock: Clock
    ) -> None:
        self._engine = engine
        self._positions = positions
        self._group = group
        self._handler = handler
        self._clock = clock

    async def take(self, partition: TopicPartition, records: Sequence[Record], *, at_least: int) -> int:
        """Take in one batch and return the next offset.

        The database's position, not Kafka's, says which records are new: a consumer that slept through a rebalance
        would apply old ones again. Raises PositionLost if that position is below `at_least`, and TooManyUndecodable.
        """
        next_offset = records[-1].offset + 1
        try:
            async with self._engine.begin() as conn:
                position = await self._positions.lock(conn, partition, at_least=at_least)
                fresh = [record for record in records if record.offset >= position]
                if fresh:
                    await self._handler.absorb(conn, fresh)
                    await self._positions.move(conn, partition, next_offset)
        except Undecodable as undecodable:
            if len(records) == 1:
                await self._set_aside(partition, records[0], str(undecodable), at_least=at_least)
                return next_offset
            middle = len(records) // 2
            reached = await self.take(partition, records[:middle], at_least=at_least)
            return await self.take(partition, records[middle:], at_least=reached)
        return max(next_offset, position)

    async def _set_aside(self, partition: TopicPartition, record: Record, why: str, *, at_least: int) -> None:
        now = self._clock.now()
        async with self._engine.begin() as conn:
            position = await self._positions.lock(conn, partition, at_least=at_least)
            if record.offset < position:
                return
            if await self._set_aside_since(conn, now - timedelta(minutes=1)) >= _UNDECODABLE_A_MINUTE:
                raise TooManyUndecodable(f"{record.topic}/{record.partition} at {record.offset}: {why}")
            await conn.execute(
                _SET_ASIDE,
                {
                    "group": self._group,
                    "topic": record.topic,
                    "partition": record.partition,
                    "record_offset": record.offset,
                    "why": why,
                    "key": record.key,
                    "value": record.value,
                    "headers": json.dumps(dict(record.headers)),
                    "recorded_at": now,
                },
            )
            await self._handler.undecodable(conn, record)
            await self._positions.move(conn, partition, record.offset + 1)
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        logger.error("a record was set aside as undecodable", extra=place | {"why": why})

    async def _set_aside_since(self, conn: AsyncConnection, since: object) -> int:
        return int((await conn.execute(_COUNT_SET_ASIDE, {"group": self._group, "since": since})).scalar_one())
