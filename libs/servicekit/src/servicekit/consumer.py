"""A consumer whose effects happen once: its positions are in its database, written with the effect (rules T2, T5)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from sqlalchemy.ext.asyncio import AsyncEngine

from servicekit.absorption import Absorption, TooManyUndecodable
from servicekit.backoff import Backoff
from servicekit.clock import Clock, SystemClock
from servicekit.consumer_tables import create_consumer_tables
from servicekit.kafka import KafkaConfig, ended_within
from servicekit.membership import Membership
from servicekit.positions import ANOTHER_DATABASE, FAILED_OVER, Positions
from servicekit.records import Record, RecordHandler, Undecodable

__all__ = [
    "ANOTHER_DATABASE",
    "FAILED_OVER",
    "Consumer",
    "Record",
    "RecordHandler",
    "TooManyUndecodable",
    "Undecodable",
    "create_consumer_tables",
]

logger = logging.getLogger(__name__)

_STOP_SECONDS = 5


class Consumer:
    """Reads `topics` as a member of `group`, from their beginning, and hands batches to `absorb`.

    Other processes may run the same group. Each batch of one partition is one transaction with the position in it; the
    position goes to the group afterwards. A batch that fails is tried again, and other partitions go on meanwhile.
    One that dies or sleeps (a stopped process, a suspended machine) leaves the group after 6 s; the others go on then,
    with a partition in whose batch it stands still when its transaction ends: see `create_engine`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        kafka: KafkaConfig,
        *,
        group: str,
        topics: Sequence[str],
        absorb: RecordHandler,
        clock: Clock | None = None,
    ) -> None:
        self._engine = engine
        self._kafka = kafka
        self._group = group
        self._topics = tuple(topics)
        self._handler = absorb
        self._positions = Positions(group)
        self._absorption = Absorption(engine, self._positions, group, absorb, clock or SystemClock())
        self._membership: Membership | None = None

    async def run(self) -> None:
        """Consume until cancelled, through outages of database and brokers. Raises TooManyUndecodable (T5)."""
        backoff = Backoff()
        while True:
            try:
                async with self._member() as member:
                    while True:
                        await member.poll()
                        backoff.succeeded()
            except TooManyUndecodable:
                raise
            except Exception as error:
                delay = backoff.failed()
                logger.warning("consumer starts again", exc_info=error, extra={"seconds": round(delay, 2)})
                await asyncio.sleep(delay)

    @property
    def compared(self) -> bool:
        """Whether this process has compared its database with the group, so that a loss would be known by now (T2)."""
        return self._membership is not None and self._membership.compared

    async def caught_up(self) -> bool:
        """Whether all is read that was there when this database was new or lost (C1), over all workers.

        False until this process has compared its database with the group (T2): nothing may be sent before.
        """
        if not self.compared:
            return False
        async with self._engine.connect() as conn:
            return await self._positions.caught_up(conn)

    @asynccontextmanager
    async def _member(self) -> AsyncIterator[Membership]:
        client = AIOKafkaConsumer(
            **self._kafka.client_settings(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # anything else jumps silently; our database says where to read
            session_timeout_ms=6000,
            heartbeat_interval_ms=1000,
            retry_backoff_ms=100,
        )
        try:
            await client.start()
            self._membership = Membership(
                client, self._engine, self._positions, self._absorption, self._handler, self._topics
            )
            yield self._membership
        finally:
            self._membership = None
            await ended_within(_STOP_SECONDS, client.stop)
