"""Made-up weeks of a shop's orders, and what a way of polling makes of them: how long sales wait to be seen."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi
from random import Random
from statistics import fmean, quantiles

from syncengine.polling import Account, Pace, next_poll_at
from syncengine.rhythm import RECENTLY, REMEMBERED, Rhythm, hour_of

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
_BUCKETS = 144
"""In which the calls of a window are counted."""
_RELEARNT = timedelta(hours=1)
"""The engine learns a shop's habits anew with each poll; here that would take most of the time."""

NextPoll = Callable[[datetime, Sequence[datetime], Sequence[tuple[datetime, int]]], datetime]
"""After a poll at this moment, that has seen these orders, with these calls in the window: when the next one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a week of polls came to."""

    waits: tuple[float, ...]
    """Of each sale, in seconds, until it was seen."""
    calls: int
    most: int
    """In any window of the limit."""

    @property
    def mean(self) -> float:
        """In seconds."""
        return fmean(self.waits)

    @property
    def p95(self) -> float:
        """In seconds."""
        return quantiles(self.waits, n=20)[-1]


def weeks_of_orders(a_day: float, *, bursts: float, seed: int) -> tuple[list[datetime], list[datetime]]:
    """Make the orders of four weeks before MONDAY and of the week from then on, at so many a day in the mean.

    Evenings are busiest and nights quiet, weekends busier by half. `bursts`: the share of orders that come in rushes,
    of eight within an hour in the mean, as after a restock or a word in a forum.
    """
    random = Random(seed)  # noqa: S311 - a seed that replays, no secret
    begin, end = MONDAY - REMEMBERED, MONDAY + WEEK
    highest = _density(MONDAY + timedelta(days=5, hours=19))
    orders: list[datetime] = []
    for share, size in ((1 - bursts, 1), (bursts, 8)):
        at = begin
        while share:
            at += timedelta(days=random.expovariate(a_day * share / size * highest))
            if at >= end:
                break
            if random.random() * highest > _density(at):
                continue
            followers = int(random.expovariate(1 / (size - 0.5))) if size > 1 else 0
            orders += [at] + [at + timedelta(minutes=random.expovariate(1 / 25)) for _ in range(followers)]
    orders.sort()
    return [at for at in orders if at < MONDAY], [at for at in orders if MONDAY <= at < end]


def _density(at: datetime) -> float:
    """How many times the mean: highest at 19 o'clock, lowest at 7, a twelfth of it."""
    hour = at.hour + at.minute / 60
    by_day = 1.4 if at.weekday() >= 5 else 0.84
    return by_day * (1 + 0.85 * cos((hour - 19) / 24 * 2 * pi))


def lived(orders: Sequence[datetime], next_poll: NextPoll, *, window: timedelta, poll_calls: int) -> Outcome:
    """Poll for a week: each poll sees all that was ordered before, and reads each new order by a call more."""
    waits: list[float] = []
    buckets: deque[tuple[datetime, int]] = deque()
    bucket, at, seen, calls, most = window / _BUCKETS, MONDAY, 0, 0, 0
    while at < MONDAY + WEEK:
        made = poll_calls
        while seen < len(orders) and orders[seen] <= at:
            waits.append((at - orders[seen]).total_seconds())
            seen += 1
            made += 1
        calls += made
        ends = at - (at - MONDAY) % bucket + bucket
        so_far = buckets.pop()[1] if buckets and buckets[-1][0] == ends else 0
        buckets.append((ends, so_far + made))
        while buckets[0][0] <= at - window:
            buckets.popleft()
        most = max(most, sum(each for _, each in buckets))
        at = next_poll(at, orders[:seen], buckets)
    return Outcome(waits=tuple(waits), calls=calls, most=most)


def fixed(interval: timedelta) -> NextPoll:
    """Poll at one pace."""
    return lambda at, seen, reads: at + interval


def adaptive(before: Sequence[datetime], pace: Pace, *, window: timedelta, for_polls: int, reserved: int) -> NextPoll:
    """Poll as the engine does, with the orders of the weeks before known."""
    by_hour = Counter(hour_of(at) for at in before)
    counted, habit = 0, Rhythm.of(by_hour.items(), MONDAY)

    def next_poll(at: datetime, seen: Sequence[datetime], reads: Sequence[tuple[datetime, int]]) -> datetime:
        nonlocal counted, habit
        if habit.now + _RELEARNT < at:
            by_hour.update(hour_of(order) for order in seen[counted:])
            counted, habit = len(seen), Rhythm.of(by_hour.items(), at)
        recent = [order for order in [*before[-50:], *seen[-50:]] if order > at - RECENTLY]
        account = Account(window=window, reads=reads, for_polls=for_polls, reserved=reserved)
        return next_poll_at(last=at, rhythm=habit.after(recent, at), account=account, pace=pace)

    return next_poll
