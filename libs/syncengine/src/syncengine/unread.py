"""Orders that cannot be read, or that went into one which is not listed yet: no other order waits for them (S1, S2).

What such an order holds stays unbooked, so as long as there is one no read of orders proves anything (rules K1, K2, K4,
N3, C3): it may explain any number. But what other orders sold is booked and goes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncengine.lane import Lane, PausedError
from syncengine.listing import OrderId
from syncengine.rows.connection import ConnectionRow, Unread
from syncengine.settings import Settings

_TRIED_AT_ONCE = 2
"""So many failures in a row may be bad luck: where a tenth of all calls fails, a hundredth does twice."""
TOLD_AFTER = timedelta(minutes=10)
"""So long is an order unread before the seller is told."""


class OrdersUnreadError(PausedError):
    """Orders are left out until `at`, so this read of orders does not prove what was asked of it."""


def in_turn(changed: Sequence[OrderId], unread: Mapping[OrderId, Unread], now: datetime) -> list[OrderId]:
    """List which orders are to be read now: those that could not be read come last, or later."""
    due = [order_id for order_id in changed if order_id not in unread or unread[order_id].try_at <= now]
    return sorted(due, key=lambda order_id: order_id in unread)


async def note_unread(lane: Lane, order_ids: Collection[OrderId]) -> None:
    """Remember that an order, and with it those that went into it, could not be booked just now."""
    async with lane.transaction() as (tx, connection):
        noted, now = dict(connection.unread), lane.clock.now()
        for order_id in order_ids:
            known = noted.get(order_id, Unread(since=now, failures=0, try_at=now))
            failures = known.failures + 1
            noted[order_id] = replace(known, failures=failures, try_at=now + _pause(failures, lane.settings))
        await tx.save_connection(replace(connection, unread=noted))


def _pause(failures: int, settings: Settings) -> timedelta:
    if failures <= _TRIED_AT_ONCE:
        return timedelta(0)
    return min(settings.order_poll_longest, settings.backoff_base * (1 << min(failures - _TRIED_AT_ONCE - 1, 20)))


def forget(connection: ConnectionRow, order_ids: Collection[OrderId]) -> ConnectionRow:
    """Note that these orders were read, or need not be any more.

    Each as soon as it is booked: where a tenth of all calls fails, seldom does a read bring all that is new, and every
    read views anew what could not be read.
    """
    return replace(connection, unread={id_: each for id_, each in connection.unread.items() if id_ not in order_ids})


def tried_at(connection: ConnectionRow, at: datetime) -> datetime:
    """Put off what an order read is to prove until each order may be read."""
    return max([at, *(unread.try_at for unread in connection.unread.values())])


def must_be_told(connection: ConnectionRow, now: datetime) -> bool:
    """Tell whether an order has been unread for so long that the seller should know."""
    return any(now >= unread.since + TOLD_AFTER for unread in connection.unread.values())
