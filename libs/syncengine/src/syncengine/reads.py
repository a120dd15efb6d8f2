"""Reads that ask for several things by one call, and what is done where the shop takes no such call (rule N2)."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from syncengine.batches import READS, is_usable
from syncengine.budget import cost_of
from syncengine.lane import Lane
from syncengine.marketplace import BATCH_REFUSED, ReadFailedError, Refused, Ticket

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def reads_together(lane: Lane) -> bool:
    """Tell whether one call may ask this shop for several things."""
    async with lane.transaction() as (_, connection):
        return is_usable(connection, lane.shop.facts, [READS]) is not False


async def read_several(
    lane: Lane, call: Callable[[Ticket], Awaitable[T]], *, things: int, calls: int | None = None
) -> T | None:
    """Ask for so many things by one call; None: the shop takes no such call, now or ever again.

    `calls`: as how many it may count, where that is not one for each thing.

    Raises:
        PausedError: it may not be made now, or brought nothing.
    """

    async def unless_refused(granted: Ticket) -> T | None:
        try:
            return await call(granted)
        except ReadFailedError as failure:
            if failure.outcome == Refused(reason=BATCH_REFUSED):
                return None
            raise

    cost = cost_of(lane.shop.facts, things) if calls is None else calls
    answer = await lane.read(lane.settings.call_deadline, unless_refused, calls=cost)
    if answer is None:
        _log.warning("reads are made one by one from now on", extra={"seller_id": lane.lease.seller_id})
        async with lane.transaction() as (tx, connection):
            await tx.save_connection(replace(connection, batches={**connection.batches, READS: False}))
    return answer
