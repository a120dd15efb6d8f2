"""Tidying up while the service runs: the log of leases is kept by months, and old requests are forgotten.

The log has a partition for each month, made ahead, and dropped when it is older than it must be kept. Where nobody made
one, rows go to the partition for the rest, and are moved to their month the next time. Requests are kept for repeats:
nobody repeats one weeks later, and each keeps a wrapped key.

Every process does it, at its start and some times a day. They do not get into each other's way: where there is nothing
to do nothing is locked, and one looks again when it has the lock.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from servicekit.clock import Clock
from servicekit.logs import describe
from servicekit.postgres import CONNECT

logger = logging.getLogger(__name__)

_EVERY: Final = timedelta(hours=6)
_AGAIN_AFTER: Final = timedelta(minutes=10)
_AT_ONCE: Final = 1000

_FORGET: Final = """
    DELETE FROM requests WHERE (seller_id, request_id) IN (
        SELECT seller_id, request_id FROM requests WHERE answered_at < %(before)s
        ORDER BY answered_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    )
"""


class Kept(NamedTuple):
    """What was done with the log of leases: the months made and dropped, as 2026_11."""

    made: list[str]
    dropped: list[str]


async def tidy_regularly(url: str, clock: Clock, *, lease_log_kept: timedelta, requests_kept: timedelta) -> None:
    """Tidy up until cancelled; what cannot be done now is said in the log, and tried again soon."""
    while True:
        try:
            await tidy(url, clock, lease_log_kept=lease_log_kept, requests_kept=requests_kept)
            pause = _EVERY
        except psycopg.Error as error:
            logger.warning("could not tidy up", extra={"because": describe(error)})
            pause = _AGAIN_AFTER
        await asyncio.sleep(pause.total_seconds())


async def tidy(url: str, clock: Clock, *, lease_log_kept: timedelta, requests_kept: timedelta) -> None:
    """Do all of it once. `url` is that of the role that serves. Raises psycopg.Error."""
    kept = await keep_lease_log(url, kept_for=lease_log_kept)
    logger.info("the lease log was kept", extra={"made": kept.made, "dropped": kept.dropped})
    forgotten = await forget_requests(url, now=clock.now(), kept_for=requests_kept, batch=_AT_ONCE)
    logger.info("old requests were forgotten", extra={"forgotten": forgotten})


async def keep_lease_log(url: str, *, kept_for: timedelta) -> Kept:
    """Makes months ahead, moves what is in the rest to its months, drops months that ended `kept_for` ago or earlier.

    One transaction, in which leases wait if there is something to do; 90 days are the least. Raises psycopg.Error.
    """
    async with _session(url) as session:
        found = await (await session.execute("SELECT made, dropped FROM keep_lease_log(%s)", (kept_for,))).fetchone()
    return Kept(*found) if found else Kept([], [])


async def forget_requests(url: str, *, now: datetime, kept_for: timedelta, batch: int) -> int:
    """Forgets requests that were answered `kept_for` ago or earlier; answers how many.

    Each batch is a transaction of its own, so that nobody waits for long and what was done is kept if it is killed; a
    key that is being wrapped anew is left to the next time. Raises psycopg.Error.
    """
    forgotten = 0
    async with _session(url) as session:
        while True:
            found = (await session.execute(_FORGET, {"before": now - kept_for, "batch": batch})).rowcount
            forgotten += found
            if found < batch:
                return forgotten


@asynccontextmanager
async def _session(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """One without the short limits of those that serve: months of rows may have to be moved."""
    conninfo = make_conninfo(url, options="-c timezone=UTC -c lock_timeout=10s", **CONNECT)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as session:
        yield session
