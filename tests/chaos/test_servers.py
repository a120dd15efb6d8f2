"""What services lean on killed with -9 under load, stood still, or slow: all adds up."""

import pytest

from chaos.hands import Hands
from chaos.judge import adds_up
from chaos.load import Crowd

pytestmark = pytest.mark.timeout(400)

LANDS_AFTER = 4.0
"""Seconds after a write has arrived: its caller has given it up, and nobody may look for another two (rule K1)."""


async def test_kafka(hands: Hands, crowd: Crowd) -> None:
    """Killed while lots are on their way, and after it stood still; then a publisher dies while it stands still."""
    async with crowd.connecting():
        pass
    async with crowd.creating():
        await crowd[0].shop.wait_for_requests(1, method="POST", applied=True)
        await hands.kill("kafka")
    await hands.start("kafka")
    await crowd.listed()
    async with crowd.trading():
        await crowd[0].answered()
        hands.pause("kafka")
        await crowd[0].answered()
        await hands.kill("kafka")
        await hands.start("kafka")
    hands.pause("kafka")
    async with crowd.finishing():
        pass
    await hands.kill("inventory")
    hands.resume("kafka")
    await hands.start("inventory")
    await adds_up(crowd)


@pytest.mark.long
async def test_postgres(hands: Hands, crowd: Crowd) -> None:
    """Killed while the shop has done a write whose outcome cannot be booked, and while it has yet to do one."""
    async with crowd.connecting():
        pass
    done = await crowd[0].withhold("after", "POST", nth=4)
    async with crowd.creating():
        await done.hit()
        await hands.kill("postgres")
        await done.release()
        await hands.start("postgres")
    await crowd.listed()
    done, undone = await crowd[0].withhold("after", "PUT", nth=2), await crowd[1].withhold("before", "PUT", nth=2)
    async with crowd.trading():
        await done.hit()
        await undone.hit()
        await hands.kill("postgres")
        await done.release()
        await undone.release()
        await hands.start("postgres")
    await adds_up(crowd)


@pytest.mark.long
async def test_a_slow_shop(crowd: Crowd) -> None:
    """Nobody dies, but replies do not come in time: what was asked for is done, or lands later, or never."""
    async with crowd.connecting():
        pass
    held = [
        await crowd[0].withhold("after", "POST", nth=4),
        await crowd[1].withhold("before", "POST", nth=4),
        await crowd[2].withhold("before", "POST", nth=4, lands_late=True, seconds=LANDS_AFTER),
        await crowd[3].withhold("after", "PUT", nth=2),
        await crowd[4].withhold("before", "PUT", nth=2),
        await crowd[5].withhold("before", "PUT", nth=2, lands_late=True, seconds=LANDS_AFTER),
    ]
    async with crowd.creating():
        pass
    async with crowd.trading():
        for reply in held:
            await reply.hit()
    await adds_up(crowd)
