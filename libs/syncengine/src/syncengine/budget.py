"""Whether a call may be made now, and under which stamp: pure (rules B1, B4)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from syncengine.marketplace import Facts, Ticket
from syncengine.rows import ConnectionRow, Settings


@dataclass(frozen=True, slots=True)
class NotBefore:
    """No call now; `reason` is a constant word of ours."""

    at: datetime
    reason: str


def ticket(
    connection: ConnectionRow,
    facts: Facts,
    settings: Settings,
    *,
    used: int,
    write: bool,
    deadline: timedelta,
    now: datetime,
) -> tuple[ConnectionRow, Ticket] | NotBefore:
    """Charge one call, or say when one may be made. `used`: calls already charged in the limit's window."""
    if connection.not_before is not None and now < connection.not_before:
        return NotBefore(connection.not_before, connection.waiting_for)
    cap = facts.limit.calls if connection.cap is None else min(facts.limit.calls, connection.cap)
    allowed = int(cap * (1 - settings.reserved_share)) if write else cap
    if used >= allowed:
        return NotBefore(now + facts.limit.window / 144, "QUOTA")
    stamp = now.astimezone(UTC).replace(microsecond=0)
    if connection.last_stamp is not None:
        stamp = max(stamp, connection.last_stamp + timedelta(seconds=1))
    if stamp - now > settings.stamp_lead:
        # Not at the first stamp that is free: a job of several calls would begin anew with each, and never end.
        return NotBefore(stamp - settings.stamp_lead + settings.stamp_rest, "PACE")
    return replace(connection, last_stamp=stamp), Ticket(stamp=stamp, deadline=deadline)
