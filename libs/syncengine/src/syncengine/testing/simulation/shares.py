"""Whose the calls are: what looks and order reads own no write takes (rules B2, B3, judgement 5)."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from syncengine.marketplace import Ticket
from syncengine.testing.memory_store import charged_at
from syncengine.testing.simulation.stage import Stage

_FOR_LOOKS = 10
"""Calls that a look may take at most: so many are left to reads in any window, however small."""
_STOPS = (
    *("worker killed", "worker slept beyond its lease", "worker slept between an intent and its call"),
    *("worker fenced", "commit cut"),
)
"""After which the engine need not know what a shop answered."""


@dataclass(slots=True)
class Shares:
    """Watches the calls that reach the shop."""

    stage: Stage
    calls: deque[tuple[datetime, bool]] = field(default_factory=deque)
    """Of ours: when each was charged, and whether it was a write."""
    refused: int = 0
    """How many the shop ever refused, as its quota was used up."""
    in_a_row: int = 0
    """So many of the last ones, with nothing between that the engine may have missed."""
    at_last: int = 0
    """Our calls in the window, made or charged, at the last one."""
    at_refusal: int = 0
    """And at the last one that it refused."""
    known: tuple[int, int] = (0, 0)
    """The accidents of workers, and the key version, that the row of refusals was seen under."""

    def begin_anew(self) -> None:
        """The engine's database was lost, and its account of calls with it."""
        self.calls.clear()
        self.in_a_row = 0

    def arrived(self, ticket: Ticket, *, write: bool) -> str:
        """A call reaches the shop; say what is wrong with that, if anything is.

        One whose worker slept counts from when it was charged, which its stamp tells.
        What the shop counts a deadline, or a bucket of the account, before or after the engine does may be in or out.
        """
        stage, limit = self.stage, self.stage.shop.facts.limit
        now, skew = stage.clock.now(), stage.settings.list_deadline + limit.window / 144
        self._count_refusals()
        while self.calls and self.calls[0][0] <= now - limit.window - skew:
            self.calls.popleft()
        self.calls.append((min(now, ticket.stamp), write))
        # What a worker charged and never made, because it died, the account holds all the same (rule B1).
        charged = stage.store.tables.calls
        in_window = len(charged) - bisect_right(charged, now - limit.window - skew, key=charged_at)
        self.at_last = max(in_window, len(self.calls))
        if not write:
            return ""
        recent = [is_write for at, is_write in self.calls if at > now - limit.window + skew]
        # A stamp may be ahead of the clock: then only the account tells of a late call that it was charged long before.
        taken = min(len(recent), len(charged) - bisect_right(charged, now - limit.window + skew, key=charged_at))
        settings, reserved = stage.settings, max(_FOR_LOOKS, int(limit.calls * stage.settings.look_share))
        if taken > limit.calls - reserved:
            return f"a write takes call {taken} of {limit.calls}: the last {reserved} are for looks"
        if sum(recent) > (share := int(limit.calls * (1 - settings.reserved_share))):
            return f"{sum(recent)} writes in a window, whose share is {share}"
        if self.in_a_row > settings.quota_answers and len(recent) > self.at_refusal - reserved:
            return f"a write after the shop refused {self.in_a_row} calls in a row"
        return ""

    def _count_refusals(self) -> None:
        """Count the call before this one in, if the shop refused it."""
        stage = self.stage
        refused = len(stage.network.refused)
        known = sum(stage.struck[name] for name in _STOPS), stage.connection.key_version
        if refused == self.refused or known != self.known:
            self.in_a_row = 0
        if refused > self.refused:
            self.in_a_row += 1
            self.at_refusal = self.at_last
        self.refused, self.known = refused, known
