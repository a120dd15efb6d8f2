"""Locks that a test holds in a service's database: whoever comes for them stands still at that very point."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from product.waiting import until

_WAITING = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
_TRANSACTIONS = "SELECT transactionid::text FROM pg_locks WHERE pid = ANY(%s) AND granted AND transactionid IS NOT NULL"
_UNDER_WAY = "SELECT pid FROM pg_locks WHERE transactionid::text = ANY(%s)"

_KEY = 0x6368616F73
"""Of the advisory lock that statements and commits can be made to wait for."""
_MAKE_WAIT = """
    CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared({key}); RETURN NULL; END'
"""
_AT_COMMIT = """
    CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_for_test()
"""
_AT_DELETE = """
    CREATE TRIGGER wait_for_test AFTER DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION wait_for_test()
"""
_REMOVE_WAIT = "DROP TRIGGER wait_for_test ON {table}; DROP FUNCTION wait_for_test"


class Lock:
    """Something that a session of the test's own holds."""

    def __init__(self, session: psycopg.AsyncConnection[Any], let_go: LiteralString) -> None:
        self._session = session
        self._let_go = let_go

    async def awaited(self) -> None:
        """Wait until somebody waits for it."""
        await until(self._waiting, bool)

    async def release(self) -> None:
        """Let go, and wait until those who waited have committed."""
        transactions = await self._column(_TRANSACTIONS, await self._waiting())
        await self._session.execute(self._let_go)
        await until(lambda: self._column(_UNDER_WAY, transactions), lambda under_way: not under_way)

    async def _waiting(self) -> list[Any]:
        return await self._column(_WAITING)

    async def _column(self, statement: LiteralString, *values: Sequence[object]) -> list[Any]:
        return [row[0] for row in await (await self._session.execute(statement, values)).fetchall()]


@asynccontextmanager
async def locked(url: str, statement: LiteralString, *values: object) -> AsyncIterator[Lock]:
    """Hold what a statement locks (`LOCK TABLE ...`, `SELECT ... FOR UPDATE`) until it is released or the block ends.

    `url` is that of the tables' owner, here and below.
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as session:
        await session.execute("BEGIN")
        await session.execute(statement, values)
        yield Lock(session, "ROLLBACK")


def commits_held(url: str, table: str) -> AbstractAsyncContextManager[Lock]:
    """Hold up whoever has inserted into a table, in the middle of COMMIT: it will be committed, whoever dies."""
    return _held(url, _AT_COMMIT, table)


def deletes_held(url: str, table: str) -> AbstractAsyncContextManager[Lock]:
    """Hold up whoever deletes from a table, before COMMIT: if its process dies, nothing is deleted."""
    return _held(url, _AT_DELETE, table)


@asynccontextmanager
async def _held(url: str, trigger: LiteralString, table: str) -> AsyncIterator[Lock]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as session:
        names = {"key": sql.Literal(_KEY), "table": sql.Identifier(table)}
        lock = Lock(session, "SELECT pg_advisory_unlock_all()")
        await session.execute("SELECT pg_advisory_lock(%s)", (_KEY,))
        await session.execute(sql.SQL(_MAKE_WAIT).format(**names))
        await session.execute(sql.SQL(trigger).format(**names))
        try:
            yield lock
        finally:
            await session.execute("SELECT pg_advisory_unlock_all()")
            await session.execute(sql.SQL(_REMOVE_WAIT).format(**names))
