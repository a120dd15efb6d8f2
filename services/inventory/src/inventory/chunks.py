"""Operations that go on by themselves, chunk by chunk: imports, bulk edits, and the undo of either.

A chunk is one transaction: what it made of lots, their changes, the outbox, and how far the operation has come. So a
crash loses at most a chunk that nobody saw, and whichever process takes the next one goes on where the last commit
stood.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inventory.background import is_outbox_long
from inventory.storage.unit_of_work import UnitOfWork
from servicekit.clock import Clock

CHUNK: Final = 50

O = TypeVar("O")  # noqa: E741 - an operation


class Chunks(ABC, Generic[O]):
    """Makes chunks of whatever operation of one kind waits longest."""

    def __init__(
        self, engine: AsyncEngine, transaction: Callable[[], UnitOfWork], clock: Clock, *, limit: int = CHUNK
    ) -> None:
        self._engine = engine
        self._transaction = transaction
        self._clock = clock
        self._limit = limit
        """Rows, lots or changes of one chunk."""

    async def make_chunk(self) -> bool:
        """Move one operation on; False if there is nothing to do now, as while the outbox is long."""
        operation: O | None = None
        try:
            async with self._transaction() as work:
                operation = await self._next(work.conn)
                if operation is None:
                    return False
                await self._move(operation, work)
                await work.commit()
        except Exception:
            if operation is not None:
                # one that fails must not hold up the others
                async with self._engine.begin() as conn:
                    await self._put_last(operation, conn)
            raise
        return True

    async def _next(self, conn: AsyncConnection) -> O | None:
        """The operation to move on, locked: none while the outbox is long."""
        operation = await self._lock(conn)
        return None if operation is None or await is_outbox_long(conn) else operation

    @abstractmethod
    async def _lock(self, conn: AsyncConnection) -> O | None:
        """The unfinished operation that waits longest and that no other process is at."""

    @abstractmethod
    async def _move(self, operation: O, work: UnitOfWork) -> None:
        """Do the next of it, and write down how far it has come."""

    @abstractmethod
    async def _put_last(self, operation: O, conn: AsyncConnection) -> None:
        """Let the others go first."""
