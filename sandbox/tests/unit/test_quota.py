"""A shop's count of calls, by a day's limit (`marketplaces/bricklink.md` section 7) and a minute's."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.model.quota import CallCounter, Window

EVENING = datetime(2026, 2, 1, 22, 0, tzinfo=UTC)
DAY = Window(length=timedelta(days=1), step=timedelta(minutes=1))
MINUTE = Window(length=timedelta(minutes=1), step=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("fixed", "hours_later", "used"),
    [(False, 0, 10), (False, 23, 10), (False, 24, 0), (True, 1, 10), (True, 2, 0)],
)
def test_calls_leave_the_window(fixed: bool, hours_later: int, used: int) -> None:
    counter = CallCounter(DAY)
    counter.charge(EVENING + timedelta(seconds=30), 4)
    assert counter.charge(EVENING + timedelta(seconds=59), 6) == (int(EVENING.timestamp()), 10)
    assert counter.used(EVENING + timedelta(hours=hours_later), fixed=fixed) == used


def test_a_counter_goes_on_from_what_was_kept() -> None:
    step, calls = CallCounter(DAY).charge(EVENING, 5)
    assert CallCounter(DAY, {step: calls}).used(EVENING, fixed=False) == 5


@pytest.mark.parametrize(("fixed", "seconds"), [(False, 50), (True, 40)])
def test_a_caller_is_told_when_there_is_room_again(fixed: bool, seconds: int) -> None:
    counter = CallCounter(MINUTE)
    counter.charge(EVENING + timedelta(seconds=10), 2)
    counter.charge(EVENING + timedelta(seconds=15), 2)
    now = EVENING + timedelta(seconds=20)
    assert counter.seconds_until(now, below=4, fixed=fixed) == seconds
    assert counter.used(now + timedelta(seconds=seconds), fixed=fixed) < 4
