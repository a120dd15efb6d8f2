"""Waiting for what a seller would wait for: a REST answer that says so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds: far more than anything here takes on a slow machine, so that running out means a fault."""
_INTERVAL = 0.1
_LONGEST_INTERVAL = 0.5
_SHARE = 0.2
"""How much of the time is spent on asking, at most: what is waited for wants the machine, too."""


async def until(
    read: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    *,
    timeout: float = PATIENCE,
    interval: float = _INTERVAL,
) -> T:
    """Ask again and again until the answer holds, and return it; AssertionError with the last answer in the end.

    REST has no event to await yet, so this asks at intervals, shorter at first. It is bounded, returns at once when the
    answer holds, and no test relies on how long it took: it stands for an event and not in place of one.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    while True:
        asked_at = clock()
        answer = await read()
        if holds(answer):
            return answer
        if clock() > deadline:
            raise AssertionError(f"not so within {timeout:g} seconds; the last answer was {answer!r}")
        await asyncio.sleep(max(interval, (clock() - asked_at) / _SHARE))
        interval = max(interval, min(interval * 1.3, _LONGEST_INTERVAL))
