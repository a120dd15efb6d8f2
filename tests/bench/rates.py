"""Taking turns: ours and the bare thing do the same several times, so that a busy moment of the machine meets both."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from statistics import median

_ROUNDS = 5

Round = Callable[[], Awaitable[float]]
"""Does its work once and returns how many a second it did."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was compared with what; medians of the rounds, a second."""

    ours: str
    bare: str
    our_rate: float
    bare_rate: float


async def compare(ours: str, our_round: Round, bare: str, bare_round: Round) -> Compared:
    """Let both do their work in turns, after one turn each that is not counted."""
    await our_round()
    await bare_round()
    rates = [(await our_round(), await bare_round()) for _ in range(_ROUNDS)]
    return Compared(
        ours=ours, bare=bare, our_rate=median(our for our, _ in rates), bare_rate=median(bare for _, bare in rates)
    )


async def rate_of(calls: Iterable[Callable[[], Awaitable[object]]], *, at_once: int) -> float:
    """Make all calls, so many at once; how many a second."""
    waiting = list(calls)
    count, started = len(waiting), time.perf_counter()

    async def caller() -> None:
        while waiting:
            await waiting.pop()()

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return count / (time.perf_counter() - started)
