"""After this database was restored: nothing goes out until its lots' revisions are above all that ever were (rule T6).

A restored database gives out revisions that were given out before, and its outbox may hold what was sent long ago. So
whoever finds the loss writes down a recovery in the same transaction, and while one is open the relay leaves the outbox
alone. The recovery moves every lot's revisions into a new epoch, drops what waits in the outbox, and asks for every
seller's lots to be sent again. The change log keeps the numbers that it recorded; they are of an older epoch.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inventory.events import LotTopics
from inventory.republish import drop_unsent, wish_for_all
from inventory.storage.recoveries import (
    Recovery,
    allow_recovery,
    begin_recovery,
    finish_recovery,
    is_recovered,
    may_publish,
    move_recovery,
    open_one,
    open_recovery,
    raise_revisions,
)
from servicekit.clock import Clock
from servicekit.consumer import ANOTHER_DATABASE, FAILED_OVER, Consumer

logger = logging.getLogger(__name__)

CHUNK_LOTS: Final = 500
COMMAND: Final = "python -m inventory recover"
_BY_HAND: Final = "asked for by hand"
_BETWEEN_REMINDERS: Final = timedelta(minutes=1)


async def note_loss(conn: AsyncConnection, why: str, now: datetime) -> None:
    """A consumer found that this database was lost, restored or failed over: publish nothing from its commit on.

    After a mere failover the recovery begins by itself. If this very database was recovered before any consumer had
    noted it, nothing was published from it since it was restored, and nothing is left to do.
    """
    told = {"why": why}
    if (ANOTHER_DATABASE in why or FAILED_OVER in why) and await is_recovered(conn):
        logger.warning("this database was restored and is recovered already", extra=told)
        return
    await open_recovery(conn, why, now, waits=why != FAILED_OVER)
    logger.error("this database is not the one it was; nothing is published until it is recovered", extra=told)


class Fence:
    """Whether this process may publish what waits in the outbox."""

    def __init__(self, consumers: Sequence[Consumer], groups: Sequence[str]) -> None:
        self._consumers = consumers
        self._groups = list(groups)

    @property
    def knows(self) -> bool:
        """Whether every loss that a consumer group gives away would be written down by now (rule T2)."""
        return all(consumer.compared for consumer in self._consumers)

    async def may_publish(self, conn: AsyncConnection) -> bool:
        """Not before this database was compared with the groups, and not while it is to be recovered."""
        return self.knows and await may_publish(conn, self._groups)


class Recoverer:
    """Carries a recovery through, chunk by chunk; any process may do the next, and a crash repeats none."""

    def __init__(self, engine: AsyncEngine, topics: LotTopics, clock: Clock, *, chunk_lots: int = CHUNK_LOTS) -> None:
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._chunk_lots = chunk_lots
        self._reminded_at: datetime | None = None

    async def allow(self) -> None:
        """Let the recovery that waits begin; where none does, the loss left no trace, and this opens one."""
        async with self._engine.begin() as conn:
            await allow_recovery(conn, _BY_HAND, self._clock.now())

    async def recover_chunk(self) -> bool:
        """Raise the revisions of the next lots; False if there is nothing to do or a person has not said so yet."""
        async with self._engine.begin() as conn:
            recovery = await open_one(conn, lock=True)
            if recovery is None:
                return False
            if recovery.waits:
                self._remind(recovery)
                return False
            epoch = recovery.epoch if recovery.epoch is not None else await begin_recovery(conn, recovery)
            lot_ids = await raise_revisions(conn, epoch=epoch, after=recovery.last_lot_id, limit=self._chunk_lots)
            if lot_ids:
                await move_recovery(conn, recovery, lot_ids)
                return True
            await self._finish(conn, recovery)
        logger.warning("this database is recovered; all lots are sent again", extra={"lots": recovery.lots})
        return False

    async def _finish(self, conn: AsyncConnection, recovery: Recovery) -> None:
        now = self._clock.now()
        await drop_unsent(conn, now)
        await wish_for_all(conn, self._topics, now, seller_id=None)
        await finish_recovery(conn, recovery, now)

    def _remind(self, recovery: Recovery) -> None:
        now = self._clock.now()
        if self._reminded_at is not None and now < self._reminded_at + _BETWEEN_REMINDERS:
            return
        self._reminded_at = now
        told = {"why": recovery.why, "since": recovery.found_at.isoformat(), "run": COMMAND}
        logger.critical("NOTHING IS PUBLISHED: this database was restored and waits for a command", extra=told)
