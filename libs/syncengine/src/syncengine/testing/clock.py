"""Time that a test turns by hand."""

from datetime import UTC, datetime, timedelta

_TICK = timedelta(microseconds=1)


class HandClock:
    """Moves on when it is turned, and by a microsecond with each reading: no two moments are the same."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Tell the time."""
        self._now += _TICK
        return self._now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
