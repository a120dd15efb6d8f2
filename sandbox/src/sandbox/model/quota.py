"""A shop's own count of calls against one of its limits: a pure account in steps of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """How long a call counts, and how exactly its time is kept."""

    length: timedelta
    step: timedelta


class CallCounter:
    """How many calls came in which step, by the step's first second since 1970."""

    def __init__(self, window: Window, counts: Mapping[int, int] | None = None) -> None:
        self._length = int(window.length.total_seconds())
        self._step = int(window.step.total_seconds())
        self._counts = dict(counts or {})

    def charge(self, now: datetime, calls: int = 1) -> tuple[int, int]:
        """Count calls; returns the step and its count, for the caller to persist."""
        step = self._floor(now, self._step)
        self._counts[step] = self._counts.get(step, 0) + calls
        for old in [old for old in self._counts if old <= step - self._length]:
            del self._counts[old]
        return step, self._counts[step]

    def used(self, now: datetime, *, fixed: bool) -> int:
        """Return the calls of the window up to now or, if windows are fixed, since the present one began (at UTC)."""
        first = self._floor(now, self._length) if fixed else self._floor(now, self._step) - self._length + self._step
        return sum(calls for step, calls in self._counts.items() if step >= first)

    def seconds_until(self, now: datetime, *, below: int, fixed: bool) -> int:
        """Return after how many seconds fewer calls than `below` are in the window."""
        second = int(now.timestamp())
        if fixed:
            return self._length - second % self._length
        used = self.used(now, fixed=False)
        for step in sorted(step for step in self._counts if step > second - self._length):
            used -= self._counts[step]
            if used < below:
                return max(1, step + self._length - second)
        return 1

    @staticmethod
    def _floor(now: datetime, seconds: int) -> int:
        return int(now.timestamp()) // seconds * seconds
