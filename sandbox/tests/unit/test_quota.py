"""The shop's count of calls (`marketplaces/bricklink.md` section 7)."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.bricklink.quota import CallCounter
from sandbox.bricklink.switches import Switches

EVENING = datetime(2026, 2, 1, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "hours_later", "used"),
    [
        ("rolling", 0, 10),
        ("rolling", 23, 10),
        ("rolling", 24, 0),
        ("calendar_day", 1, 10),
        ("calendar_day", 2, 0),
    ],
)
def test_calls_leave_the_window(window: str, hours_later: int, used: int) -> None:
    counter = CallCounter()
    counter.charge(EVENING, 4)
    assert counter.charge(EVENING, 6) == (int(EVENING.timestamp()) // 60, 10)
    switches = Switches(quota_window=window)  # type: ignore[arg-type]  # the table holds plain strings
    assert counter.used(EVENING + timedelta(hours=hours_later), switches) == used


def test_the_call_after_the_last_allowed_one_is_over() -> None:
    counter, switches = CallCounter(), Switches(daily_limit=3)
    over = []
    for _ in range(4):
        counter.charge(EVENING)
        over.append(counter.is_over(EVENING, switches))
    assert over == [False, False, False, True]
    assert CallCounter({counter.charge(EVENING)[0]: 5}).is_over(EVENING, switches)
