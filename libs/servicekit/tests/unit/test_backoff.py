"""Waits grow, are jittered, and end with success."""

from datetime import timedelta

from servicekit.backoff import Backoff


def test_waits_grow_up_to_the_longest_and_differ() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=8))
    waits = [backoff.failed() for _ in range(2000)]

    assert all(wait <= ceiling for wait, ceiling in zip(waits, [1, 2, 4] + [8] * 2000, strict=False))
    assert min(waits) > 0
    assert 3 < sum(waits[3:]) / len(waits[3:]) < 6
    backoff.succeeded()
    assert backoff.failed() <= 1
