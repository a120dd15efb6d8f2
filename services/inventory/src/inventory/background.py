"""Work that a process does beside its calls, in short steps that each are one transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.backoff import Backoff
from servicekit.outbox import BULK_PAUSES_ABOVE, backlog

logger = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.5
"""How long a step that found nothing to do waits for the next, unless it is woken up."""


class Repeated:
    """Repeats a step until cancelled: at once while it says that there is more, else when woken up or after a while."""

    def __init__(self, name: str, step: Callable[[], Awaitable[bool]], *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._name = name
        self._step = step
        self._idle_seconds = idle_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Repeats through outages of the database, and through faults of ours: the calls must go on."""
        backoff = Backoff()
        while True:
            self._woken.clear()
            try:
                is_more = await self._step()
                backoff.succeeded()
            except Exception as error:
                is_more = False
                delay = backoff.failed()
                logger.exception("a step failed and is repeated", exc_info=error, extra={"step": self._name})
                await asyncio.sleep(delay)
            if not is_more:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._idle_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass


async def is_outbox_long(conn: AsyncConnection) -> bool:
    """Whether bulk work must pause, so that it delays nobody's sale (design, section 3)."""
    return await backlog(conn) > BULK_PAUSES_ABOVE
