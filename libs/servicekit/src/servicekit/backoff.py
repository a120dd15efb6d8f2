"""How long to wait before trying again: exponential, with full jitter."""

import random
from datetime import timedelta


class Backoff:
    """Waits that grow from `first` to `longest` while nothing succeeds; each is a random part of what it might be."""

    def __init__(
        self, first: timedelta = timedelta(milliseconds=200), longest: timedelta = timedelta(seconds=10)
    ) -> None:
        self._first = first.total_seconds()
        self._longest = longest.total_seconds()
        self._failures = 0

    def failed(self) -> float:
        """Note a failure; the seconds to wait."""
        ceiling = min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return random.uniform(0.1, 1) * ceiling  # noqa: S311 - spreads load, hides nothing

    def succeeded(self) -> None:
        """Note a success: the next wait is a short one again."""
        self._failures = 0
