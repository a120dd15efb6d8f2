"""Both shops under sales, edits and an import, with lost, refused and slow calls, and each process killed in turn."""

import asyncio
import time
from statistics import median, quantiles

import pytest

from chaos.hands import Hands
from chaos.matrix import rows
from chaos.rough_day import Day
from chaos.two_shops import Evidence, evidence_of, faulted, faults_in, seconds_to_the_other_shop
from devstack.testing import Stack
from product.pace import LONG

KILLED = ("inventory", "sync-bricklink", "sync-brickowl", "credentials", "gateway")


@pytest.mark.timeout(3600 if LONG else 400)
async def test_a_rough_day(hands: Hands, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost, doubled or wrong, in either shop, and all settles without a hand; in the long form while the
    faults go on.
    """
    async with Day.dawning(stack, seed=7) as day:
        await day.darken()
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(each) for each in (day.edit(), day.bring_in(), *map(day.sell, day.shops))]
            for name in KILLED:
                await hands.kill(name)
                await hands.start(name)
            while LONG and not all(each.done() for each in work):
                for name in KILLED:
                    await hands.kill(name)
                    await hands.start(name)
        ended = time.monotonic()
        if not LONG:
            await day.brighten()
        await day.settled()
        settled_after = time.monotonic() - ended
        evidence = await evidence_of(day)
    assert faults_in(evidence) == []
    assert {(shop, effect) for shop, effect, _ in faulted(evidence)} == {
        (shop, effect) for shop in day.shops for effect in ("drop", "html_503", "delay")
    }
    if LONG:
        with capsys.disabled():
            print(f"\n{measured(evidence)}\nall was at rest {settled_after:.0f} s after the last change")  # noqa: T201


def measured(evidence: Evidence) -> str:
    """What the day came to, to be read."""
    lines = [line for name, shop in evidence.shops.items() for line in rows(name, shop.requests, shop.faults)]
    seconds = seconds_to_the_other_shop(evidence)
    within = sum(each <= 60 for each in seconds) / len(seconds)
    lines.append(f"{sum(faulted(evidence).values())} calls were hit")
    lines.append(
        f"{len(seconds)} sales were gone from the other shop after {median(seconds):.1f} s in the median,"
        f" {quantiles(seconds, n=20)[-1]:.1f} s at p95; {within:.1%} within 60 s"
    )
    return "\n".join(lines)
