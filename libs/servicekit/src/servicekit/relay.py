"""The relay: publishes the outbox. It runs in every process of a service; an advisory lock lets one of them work."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from psycopg.conninfo import make_conninfo
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from servicekit.backoff import Backoff
from servicekit.kafka import KafkaConfig, start_producer, stop_producer
from servicekit.logs import describe
from servicekit.postgres import CONNECT

logger = logging.getLogger(__name__)

CHANNEL = "outbox"
"""NOTIFY goes out on it with every commit that recorded messages."""

LOCK = 0x6F7574626F78  # "outbox"
"""The advisory lock whose holder publishes."""

_BATCH = 500
_POLL_SECONDS = 0.5
# A process that was stopped keeps its connections: without this the lock would stay with one that publishes nothing. It
# also ends the session of a relay that waits so long for the broker, which then has another relay wait in its place.
_SESSION_OPTIONS = "-c idle_session_timeout=10s"
_OUTAGES = (psycopg.Error, DBAPIError, KafkaError, OSError, TimeoutError)

_NEXT = sa.text(
    "SELECT id, topic, key, value, type, correlation_id, every_partition FROM outbox ORDER BY id LIMIT :batch"
)
_DELETE = sa.text("DELETE FROM outbox WHERE id = ANY(:ids)")


MayPublish = Callable[[AsyncConnection], Awaitable[bool]]
"""Whether what waits in this database may go out now."""


class Relay:
    """Takes outbox rows in id order, in batches of 500, sends them, and deletes those ids once all are acknowledged.

    Killed in between it sends them again. One that sleeps (a stopped process, a suspended machine) loses the lock after
    10 s, and its grip on rows that it was deleting; the next takes over half a second later.

    `database_url` is for the connection of its own that holds the lock and listens; `source` is the name of the
    publishing service. `may_publish` is asked before each batch, in the snapshot in which the batch is read: while it
    says no, the rows wait.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        database_url: str,
        kafka: KafkaConfig,
        *,
        source: str,
        may_publish: MayPublish | None = None,
    ) -> None:
        self._engine = engine
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
        self._may_publish = may_publish
        self._database_url = database_url
        self._kafka = kafka
        self._source = source

    async def run(self) -> None:
        """Publish until cancelled, through outages of the database and of the brokers."""
        backoff = Backoff()
        while True:
            try:
                async with self._elected() as session, self._producer() as producer:
                    logger.info("relay is active")
                    while True:
                        await self._publish_waiting(session, producer)
                        backoff.succeeded()
                        await _wait_for_news(session)
            except _OUTAGES as error:
                delay = backoff.failed()
                logger.warning("relay waits", extra={"because": describe(error), "seconds": round(delay, 2)})
                await asyncio.sleep(delay)

    @asynccontextmanager
    async def _elected(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A database session that holds the lock; waits while another relay's does."""
        session = await psycopg.AsyncConnection.connect(
            make_conninfo(self._database_url, options=_SESSION_OPTIONS, **CONNECT), autocommit=True
        )
        async with session:
            while not await _locks(session):  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(_POLL_SECONDS)
            await session.execute(f"LISTEN {CHANNEL}")
            yield session

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = await start_producer(self._kafka)
        try:
            yield producer
        finally:
            await stop_producer(producer)

    async def _publish_waiting(self, session: psycopg.AsyncConnection[Any], producer: AIOKafkaProducer) -> None:
        while True:
            await session.execute("SELECT 1")  # raises if the session died, and the lock with it
            async with self._snapshots.connect() as conn:
                if self._may_publish is not None and not await self._may_publish(conn):
                    return
                rows = (await conn.execute(_NEXT, {"batch": _BATCH})).all()
            if not rows:
                return
            await self._send(producer, rows)
            async with self._engine.begin() as conn:
                await conn.execute(_DELETE, {"ids": [row.id for row in rows]})

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[sa.Row[Any]]) -> None:
        acknowledgements = []
        for row in rows:
            headers = {
                "type": row.type,
                "source": self._source,
                "correlation-id": row.correlation_id,
                "id": str(row.id),
            }
            partitions = sorted(await producer.partitions_for(row.topic)) if row.every_partition else [None]
            for partition in partitions:
                sending = await producer.send(
                    row.topic,
                    bytes(row.value),
                    key=row.key.encode(),
                    partition=partition,
                    headers=[(name, value.encode()) for name, value in headers.items()],
                )
                acknowledgements.append(sending)
        for acknowledged in await asyncio.gather(*acknowledgements, return_exceptions=True):
            if isinstance(acknowledged, BaseException):
                raise acknowledged


async def _locks(session: psycopg.AsyncConnection[Any]) -> bool:
    row = await (await session.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))).fetchone()
    return row is not None and bool(row[0])


async def _wait_for_news(session: psycopg.AsyncConnection[Any]) -> None:
    async for _ in session.notifies(timeout=_POLL_SECONDS, stop_after=1):
        pass
