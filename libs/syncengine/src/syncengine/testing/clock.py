"""Time that a test turns by hand."""

from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands still until it is turned."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Tell the time."""
        return self._now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
