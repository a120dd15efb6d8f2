"""Whether a call may be made now, and under which stamp: pure (rules B1, B4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from syncengine.marketplace import Facts, Ticket
from syncengine.polling import Pace, even_interval, longest_interval
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK = 10
"""Calls that a look may take: every page of orders twice, the list, and a listing or two."""


@dataclass(frozen=True, slots=True)
class NotBefore:
    """No call now; `reason` is a constant word of ours."""

    at: datetime
    reason: str


def cost_of(facts: Facts, things: int) -> int:
    """Say as how many calls one is charged that asks for so many things (rule B1)."""
    return 1 if things <= 1 else max(facts.batch_costs, things if facts.counts_entries else 1)


def cap_of(connection: ConnectionRow, facts: Facts) -> int:
    """Say how many calls we allow ourselves in the limit's window: the shop's answer may have lowered it (rule B3)."""
    return facts.limit.calls if connection.cap is None else min(facts.limit.calls, connection.cap)


def writes_left(connection: ConnectionRow, facts: Facts, settings: Settings, spent: Spent) -> int:
    """Say how many writes may still be made: looks and order reads own a share that is not lent (rule B2).

    Order reads alone may use that share up; so the last calls are never a write's: what it leaves unknown is looked at.
    """
    cap = cap_of(connection, facts)
    of_all = cap - _for_looks(cap, settings) - spent.calls
    return max(0, min(of_all, int(cap * (1 - settings.reserved_share)) - spent.writes))


def is_nearly_spent(connection: ConnectionRow, facts: Facts, *, used: int) -> bool:
    """Tell whether four fifths of the calls are used (rule B3)."""
    return used * 5 >= cap_of(connection, facts) * 4


def affordable(facts: Facts, settings: Settings, interval: timedelta, *, calls: int) -> timedelta:
    """Stretch an interval so that what is repeated in it leaves writes their share of the calls (rule B2)."""
    return max(interval, facts.limit.window * calls / max(1.0, facts.limit.calls * settings.reserved_share))


def pace_of(facts: Facts, settings: Settings) -> Pace:
    """Say how the shop may be polled; a poll may take a view of the orders that changed last."""
    views = cost_of(facts, facts.views_at_once) if facts.views_at_once else 0
    return Pace(
        shortest=settings.order_poll_interval, longest=settings.order_poll_longest, poll_calls=1 + views, order_calls=1
    )


def poll_interval(connection: ConnectionRow, facts: Facts, settings: Settings) -> timedelta:
    """Say how often orders are polled in the mean, beside the reads that come by themselves and fill the same share."""
    window, pages, pace = facts.limit.window, len(facts.order_pages), pace_of(facts, settings)
    for_polls, _ = for_reads(connection, facts, settings)
    others = window / settings.full_order_interval * (pages - 1) + window / settings.census_interval * (2 * pages + 1)
    even = even_interval(window, for_polls - others, pace)
    return max(settings.order_poll_interval, min(even, longest_interval(window, for_polls, pace)))


def for_reads(connection: ConnectionRow, facts: Facts, settings: Settings) -> tuple[int, int]:
    """Say how many reads in the limit's window polls may fill up, and with how many nothing is polled (rule B2).

    Looks need order reads of their own (K1): what is between the two is theirs, but for a few polls.
    """
    cap = cap_of(connection, facts)
    reserved = int(cap * settings.reserved_share)
    return max(reserved - _for_looks(cap, settings) // 2, reserved // 2), reserved


def _for_looks(cap: int, settings: Settings) -> int:
    return max(_LOOK, int(cap * settings.look_share))


def ticket(
    connection: ConnectionRow,
    facts: Facts,
    settings: Settings,
    *,
    spent: Spent,
    write: bool,
    deadline: timedelta,
    now: datetime,
) -> tuple[ConnectionRow, Ticket] | NotBefore:
    """Charge one call, or say when one may be made. `spent`: calls already charged in the limit's window."""
    if connection.not_before is not None and now < connection.not_before:
        return NotBefore(connection.not_before, connection.waiting_for)
    is_spent = spent.calls >= cap_of(connection, facts) or (
        write and writes_left(connection, facts, settings, spent) <= 0
    )
    may_ask = not write and spent.calls < facts.limit.calls
    if is_spent and not (may_ask and asks_again(connection, settings, now)):
        return NotBefore(_free_at(connection, facts, settings, may_ask=may_ask, now=now), "QUOTA")
    now_utc = now.astimezone(UTC)
    stamp = now_utc - (now_utc - _EPOCH) % facts.stamp_step
    if connection.last_stamp is not None:
        stamp = max(stamp, connection.last_stamp + facts.stamp_step)
    if stamp - now > settings.stamp_lead:
        # Not at the first stamp that is free: a job of several calls would begin anew with each, and never end.
        return NotBefore(stamp - settings.stamp_lead + settings.stamp_rest, "PACE")
    return replace(connection, last_stamp=stamp), Ticket(stamp=stamp, deadline=deadline)


def _free_at(connection: ConnectionRow, facts: Facts, settings: Settings, *, may_ask: bool, now: datetime) -> datetime:
    """When a call may be free: calls leave the window in buckets of a 1/144 of it."""
    at = now + facts.limit.window / 144
    if not may_ask or connection.capped_at is None:
        return at
    return min(at, max(now, connection.capped_at + settings.halt_probe_interval))


def enough_at(
    connection: ConnectionRow,
    facts: Facts,
    settings: Settings,
    charged: Sequence[tuple[datetime, Spent]],
    *,
    calls: int,
    now: datetime,
) -> datetime:
    """When so many calls are free together, or all that there are, if none is made until then.

    `charged`: calls of the limit's window with their moments, oldest first. Where the limit was lowered no later than a
    read asks whether it is over (rule B3).
    """
    cap, at = cap_of(connection, facts), now
    missing = sum(spent.calls for _, spent in charged) + min(calls, cap) - cap
    for moment, spent in charged:
        if missing > 0:
            missing -= spent.calls
            at = max(now, min(moment, now) + facts.limit.window)
    if connection.capped_at is None:
        return at
    return min(at, max(now, connection.capped_at + settings.halt_probe_interval))


def asks_again(connection: ConnectionRow, settings: Settings, now: datetime) -> bool:
    """Tell whether a read asks if a lowered limit is over: a shop does not say when its calls are free again (B3).

    Others may use them: so one read in a while finds out, and its answer ends the lower limit.
    """
    return connection.capped_at is not None and now >= connection.capped_at + settings.halt_probe_interval


def uncapped(connection: ConnectionRow) -> ConnectionRow:
    """Take a shop that gives calls again to have no lower limit any more (rule B3)."""
    return replace(connection, cap=None, capped_at=None)


def asked(
    connection: ConnectionRow, facts: Facts, settings: Settings, *, calls: int, now: datetime
) -> ConnectionRow | None:
    """Count reads that a person asks for ahead of their time; None if people asked for their share already (B2, B3)."""
    since, share = connection.asked_since, max(1, int(facts.limit.calls * settings.asked_share))
    begins = since is None or now >= since + facts.limit.window
    so_far = 0 if begins else connection.asked_calls
    if so_far + calls > max(share, calls if begins else 0):
        return None
    return replace(connection, asked_calls=so_far + calls, asked_since=now if begins else since)
