"""Rows of a service's database, locked by a test: whoever comes for them stands still at that very point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg

from product.waiting import until

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


class Lock:
    """A transaction of the test's own."""

    def __init__(self, session: psycopg.AsyncConnection[Any]) -> None:
        self._session = session

    async def execute(self, statement: LiteralString, *values: object) -> int:
        """Lock more; returns the number of rows."""
        return (await self._session.execute(statement, values)).rowcount

    async def awaited(self) -> None:
        """Wait until somebody waits for it."""
        await until(self._waiting, bool)

    async def _waiting(self) -> int:
        row = await (await self._session.execute(_WAITING)).fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def locked(url: str, statement: LiteralString, *values: object) -> AsyncIterator[Lock]:
    """Hold what a statement locks (`LOCK TABLE ...` or `SELECT ... FOR UPDATE`) until the block ends.

    `url` is that of the tables' owner.
    """
    session = await psycopg.AsyncConnection.connect(url)
    try:
        lock = Lock(session)
        await lock.execute(statement, *values)
        yield lock
    finally:
        await asyncio.shield(session.close())
