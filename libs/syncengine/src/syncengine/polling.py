"""When orders are read next: as often as calls allow where sales are likely, seldom where not: pure (rules B1-B3).

Where calls are scarce, polls are as dense as the cube root of the sales to be expected: of all ways to spend so many
calls this makes the mean square of the sales' waits least (docs/adr/0019). How dense, the account of calls says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import cbrt, ceil, inf

from syncengine.rhythm import Rhythm

_STEPS = 48
"""In which the window ahead is planned; of a day: half-hours."""
_LOOK_AHEAD = 2
"""In so many steps, an hour of a day, calls must suffice for what they are wanted for; and in two hours, and so on."""
_POLLS_AHEAD = 8
"""An hour in which fewer polls fall than these, if all are alike, says nothing by itself: calls are whole."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What reads have used of the share that looks and order reads own (rule B2)."""

    window: timedelta
    reads: Sequence[tuple[datetime, int]]
    """Calls that were reads, with their moments, oldest first; some may have left the window."""
    for_polls: int
    """So many reads in a window may polls fill up; other reads fill it too."""
    reserved: int
    """While there were so many, nothing is polled: what is between the two is for looks, and for a few polls."""

    def used(self, at: datetime) -> int:
        """Count the reads of the window that ends then; those of a clock that was ahead count."""
        since = at - self.window
        return sum(calls for moment, calls in self.reads if moment > since)

    def freed(self, now: datetime) -> list[int]:
        """Count the reads that will have left the window after each step of the next one."""
        freed, window, now_s = [0] * (_STEPS + 1), self.window.total_seconds(), now.timestamp()
        for moment, calls in self.reads:
            leaves_in = moment.timestamp() + window - now_s
            if leaves_in > 0:
                freed[min(_STEPS, ceil(leaves_in * _STEPS / window))] += calls
        return list(accumulate(freed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a shop may be polled."""

    shortest: timedelta
    """Between two polls, where sales are as likely as in the mean or likelier."""
    longest: timedelta
    """Between two polls while the reserved share has calls; more where the shop gives too few even for that."""
    poll_calls: int
    """Of a poll that finds nothing."""
    order_calls: int
    """More, for each order that is new."""


def next_poll_at(*, last: datetime, rhythm: Rhythm, account: Account, pace: Pace) -> datetime:
    """Say when orders are to be read next, after a read that began at `last`.

    No sooner than the shortest interval and no later than the longest, but never while reads have used the reserved
    share. A `last` after `rhythm.now`, of a clock that was set back, counts as now.
    """
    now, longest = rhythm.now, longest_interval(account.window, account.for_polls, pace)
    density = max(1 / longest.total_seconds(), _density(rhythm, account, pace))
    interval = max(pace.shortest, timedelta(seconds=1 / density))
    return free_at(max(now, min(last, now) + interval), account, pace)


def longest_interval(window: timedelta, for_polls: int, pace: Pace) -> timedelta:
    """Say how long two polls are apart at the most while there are calls for them."""
    return max(pace.shortest, min(window, max(pace.longest, 2 * even_interval(window, for_polls, pace))))


def even_interval(window: timedelta, calls: float, pace: Pace) -> timedelta:
    """Say how far polls are apart that use so many calls of a window, one like the other."""
    return window * pace.poll_calls / max(1.0, calls)


def free_at(at: datetime, account: Account, pace: Pace) -> datetime:
    """Put a poll that would go then off until enough reads have left the window; for a window at the most (rule B2).

    What a poll finds it reads, whatever that costs: a sale is not left unread that is known to be there.
    """
    missing = account.used(at) + pace.poll_calls - max(account.reserved, pace.poll_calls)
    free = at
    for moment, calls in account.reads:
        if missing > 0 and moment > at - account.window:
            missing -= calls
            free = min(moment, at) + account.window
    return free


def _density(rhythm: Rhythm, account: Account, pace: Pace) -> float:
    """Polls a second: with the shape of the sales expected, as high as each look ahead allows."""
    step = account.window / _STEPS
    expected = rhythm.expected([step * (number + 0.5) for number in range(_STEPS)])
    seconds, hours = step.total_seconds(), step / _HOUR
    polls = list(accumulate(cbrt(orders) * seconds for orders in expected))
    lines = list(accumulate(orders * hours * pace.order_calls for orders in expected))
    left, freed, height = account.for_polls - account.used(rhythm.now), account.freed(rhythm.now), inf
    nearest = max(_LOOK_AHEAD, _STEPS * _POLLS_AHEAD * pace.poll_calls // max(1, account.for_polls))
    for ahead in [*range(nearest, _STEPS, _LOOK_AHEAD), _STEPS]:
        # A rush may have used more than planned: what it owes is paid back with half of what becomes free.
        calls = max(left + freed[ahead] - lines[ahead - 1], (max(0, left) + freed[ahead]) / 2)
        height = min(height, calls / (pace.poll_calls * polls[ahead - 1]))
    likely = cbrt(rhythm.orders_an_hour)
    # Where calls abound, what is unlikely is still asked for less often than what is likely.
    return min(height * likely, likely / cbrt(rhythm.mean) / pace.shortest.total_seconds())
