"""One transaction of a command: what it changed, its answer, and what goes out, all or nothing."""

from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inventory.events import LotTopics
from inventory.storage import requests
from inventory.storage.recorder import Recorder
from inventory.storage.requests import RequestKey


class UnitOfWork:
    """`async with` opens a transaction; what `commit` has not kept by its end is undone."""

    conn: AsyncConnection
    recorder: Recorder

    def __init__(self, engine: AsyncEngine, topics: LotTopics) -> None:
        self._engine = engine
        self._topics = topics
        self._claimed: RequestKey | None = None

    async def __aenter__(self) -> Self:
        self.conn = await self._engine.connect()
        self.recorder = Recorder(self.conn, self._topics)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.conn.close()

    async def claim(self, request: RequestKey, now: datetime) -> bytes | None:
        """Take a request on: None if it is new, else its answer. Raises RequestIdReused."""
        self._claimed = request
        return await requests.claim(self.conn, request, now)

    async def commit(self, answer: bytes = b"") -> None:
        """Write what was recorded, keep the answer of the claimed request, and make it all visible."""
        await self.recorder.write()
        if self._claimed is not None:
            await requests.answer(self.conn, self._claimed, answer)
        await self.conn.commit()
