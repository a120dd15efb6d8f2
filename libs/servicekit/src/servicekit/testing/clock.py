"""A clock that moves only when told to."""

from datetime import UTC, datetime, timedelta


class SteppedClock:
    """Stands still at `start` until `advance` is called."""

    def __init__(self, start: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it stands at, aware, in UTC."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
