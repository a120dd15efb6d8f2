"""How likely sales are by the shop's own orders: by hour of the day, by day of the week, and just now: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import exp

REMEMBERED = timedelta(days=28)
"""How far back orders say when this shop sells: four of each day of the week."""
RECENT = timedelta(minutes=30)
"""How long a rush lasts, or a lull: an order a half-hour old counts for a third of one just placed."""
RECENTLY = 4 * RECENT
"""Older orders say nothing of a rush."""

_HOUR_S = 3600
_UNKNOWN_ORDERS, _UNKNOWN_DAYS = 2.0, 1.0
"""What a shop of which nothing is known is taken to have had: so many orders in so many days."""
_DOUBT_ORDERS, _DOUBT_DAYS = 1.0, 3.0
"""How much of the even rate stands beside what was seen of an hour, or of a day: a day or two prove no habit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When this shop sells. Without any orders: at all times alike."""

    mean: float
    """Orders an hour."""
    hours: tuple[float, ...]
    """By hour of the day (UTC): how many times the mean."""
    weekdays: tuple[float, ...]
    """The same by day of the week, Monday first."""
    now: datetime
    rush: float
    """How many times as many orders as usual come just now; it passes as `RECENT` says."""

    @classmethod
    def of(cls, by_hour: Iterable[tuple[datetime, int]], now: datetime) -> "Rhythm":
        """Learn it from the hours in which there were orders, and how many: the habit, without a rush.

        Orders later than `now`, by a shop's clock that is ahead, count as of now; those long ago do not count.
        """
        now_hour, oldest = now.timestamp() // _HOUR_S, (now - REMEMBERED).timestamp() // _HOUR_S
        in_hour, on_weekday, total, first = [0] * 24, [0] * 7, 0, now_hour
        for at, orders in by_hour:
            hour = int(min(now_hour, at.timestamp() // _HOUR_S))
            if hour >= oldest:
                in_hour[hour % 24] += orders
                on_weekday[_weekday(hour)] += orders
                total, first = total + orders, min(first, hour)
        days = (now_hour - first) / 24
        mean = (total + _UNKNOWN_ORDERS) / (days + _UNKNOWN_DAYS) / 24
        smooth = [(in_hour[hour - 1] + 2 * in_hour[hour] + in_hour[(hour + 1) % 24]) / 4 for hour in range(24)]
        hours = tuple(_times_the_mean(seen, mean * days, mean) for seen in smooth)
        weekdays = tuple(_times_the_mean(seen, mean * 24 * days / 7, mean * 24) for seen in on_weekday)
        return cls(mean=mean, hours=hours, weekdays=weekdays, now=now, rush=1.0)

    def after(self, recent: Iterable[datetime], now: datetime) -> "Rhythm":
        """Take the orders of the last two hours for a rush, if they are more than usual."""
        lately = sum(exp(-max(timedelta(0), now - at) / RECENT) for at in recent)
        usual = replace(self, now=now, rush=1.0)
        expected = usual.orders_an_hour * RECENT.total_seconds() / _HOUR_S
        return replace(usual, rush=max(1.0, (lately + 1) / (expected + 1)))

    @property
    def orders_an_hour(self) -> float:
        """Expect so many orders an hour now; always above 0."""
        return self.expected([timedelta(0)])[0]

    def expected(self, after: Sequence[timedelta]) -> list[float]:
        """Expect so many orders an hour, so long after now."""
        now, fades = self.now.timestamp(), RECENT.total_seconds()
        expected: list[float] = []
        for later in (each.total_seconds() for each in after):
            hour = int((now + later) // _HOUR_S)
            usual = self.mean * self.hours[hour % 24] * self.weekdays[_weekday(hour)]
            expected.append(usual * (1 + (self.rush - 1) * exp(-later / fades)))
        return expected


def _weekday(hour: int) -> int:
    """Say which day of the week an hour since 1970 is in, which began on a Thursday."""
    return (hour // 24 + 3) % 7


def _times_the_mean(seen: float, expected: float, in_one: float) -> float:
    """Compare what was seen with what was to be expected, both beside a doubt that is even."""
    doubt = _DOUBT_ORDERS + _DOUBT_DAYS * in_one
    return (seen + doubt) / (expected + doubt)


def hour_of(at: datetime) -> datetime:
    """Say in which hour it was."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
