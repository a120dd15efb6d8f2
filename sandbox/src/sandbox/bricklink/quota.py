"""The shop's own count of calls (section 7): a pure account in minutes, for one shop."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.bricklink.switches import Switches

_MINUTES_A_DAY = 24 * 60


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60


class CallCounter:
    """How many calls came in which minute."""

    def __init__(self, minutes: Mapping[int, int] | None = None) -> None:
        self._minutes = dict(minutes or {})

    def charge(self, now: datetime, calls: int = 1) -> tuple[int, int]:
        """Count calls; returns the minute and its count, for the caller to persist."""
        minute = _minute(now)
        self._minutes[minute] = self._minutes.get(minute, 0) + calls
        for old in [old for old in self._minutes if old <= minute - _MINUTES_A_DAY]:
            del self._minutes[old]
        return minute, self._minutes[minute]

    def used(self, now: datetime, switches: Switches) -> int:
        """Return the calls of the last 24 hours, or since midnight UTC, as the switch says."""
        first = _minute(now) - _MINUTES_A_DAY + 1
        if switches.quota_window == "calendar_day":
            first = _minute(now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
        return sum(calls for minute, calls in self._minutes.items() if minute >= first)

    def is_over(self, now: datetime, switches: Switches) -> bool:
        """Tell whether the calls counted so far exceed the limit."""
        return self.used(now, switches) > switches.daily_limit
