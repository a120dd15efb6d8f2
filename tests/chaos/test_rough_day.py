"""Both shops under sales, edits and an import, with lost, refused and slow calls, and each process killed in turn."""

import time

import pytest

from chaos.hands import Hands
from chaos.rough_day import Day
from chaos.two_shops import evidence_of, faulted, faults_in, told
from devstack.testing import Stack
from product.pace import LONG


@pytest.mark.timeout(3600 if LONG else 400)
async def test_a_rough_day(hands: Hands, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost, doubled or wrong, in either shop, and all settles without a hand; in the long form while the
    faults go on.
    """
    async with Day.dawning(stack, seed=7) as day:
        await day.live(hands)
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
    if LONG:  # a shorter day has too little to measure
        said = told(evidence)
        assert "never" not in said, "each call that was hit is made good"
        with capsys.disabled():
            print(f"\n{said}\nall was at rest {settled_after:.0f} s after the last change")  # noqa: T201
