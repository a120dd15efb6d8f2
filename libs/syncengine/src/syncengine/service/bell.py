"""Wakes waiting workers when a connection was left due, wherever that was committed."""

import asyncio
import contextlib
import logging
from typing import Any

import psycopg

from servicekit.backoff import Backoff
from servicekit.logs import describe
from syncengine.store.connections import CHANNEL

logger = logging.getLogger(__name__)


class Bell:
    """Rings for every NOTIFY of the store, and whenever it is rung in this process."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the one who waits, or who looks for work and would wait next."""
        self._rung.set()

    def clear(self) -> None:
        """Forget what rang: for the one who is about to look for work."""
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Wait until it has rung since `clear`, `seconds` at the longest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def listen(self) -> None:
        """Hear what the database says until cancelled, through its outages; meanwhile nobody hears it."""
        backoff = Backoff()
        while True:
            try:
                async with await self._session() as session:
                    backoff.succeeded()
                    self.ring()  # for what was said while nobody listened
                    async for _ in session.notifies():
                        self.ring()
            except (psycopg.Error, OSError) as error:
                delay = backoff.failed()
                logger.warning("nobody listens", extra={"because": describe(error), "seconds": round(delay, 2)})
                await asyncio.sleep(delay)

    async def _session(self) -> psycopg.AsyncConnection[Any]:
        session = await psycopg.AsyncConnection.connect(self._database_url, autocommit=True, connect_timeout=5)
        await session.execute(f"LISTEN {CHANNEL}")
        return session
