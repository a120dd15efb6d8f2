"""Two of each at once, and one that sleeps while another does its work: nothing is done twice."""

from collections.abc import AsyncIterator

import pytest

from chaos.hands import Hands
from chaos.judge import adds_up
from chaos.load import Crowd

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def hands(hands: Hands) -> AsyncIterator[Hands]:
    """Afterwards each service is there once again, awake."""
    yield hands
    await hands.leave_one_of_each()


@pytest.mark.long
async def test_two_of_each(hands: Hands, crowd: Crowd) -> None:
    """Both work; then the first, which had the relay's lock, is killed in the middle, and the other goes on alone."""
    other = {service: await hands.start_second(service) for service in ("credentials", "inventory", "sync-bricklink")}
    async with crowd.connecting():
        async with hands.hearing(other["credentials"], "relay is active"):
            await hands.kill("credentials")
        await hands.start("credentials")
    async with crowd.creating():
        pass
    await crowd.listed()
    held = await crowd[0].withhold("after", "PUT", nth=2)
    async with crowd.trading():
        await held.hit()
        async with hands.hearing(other["sync-bricklink"], "relay is active"):
            await hands.kill("sync-bricklink")
            await crowd[0].written_to()
        await hands.start("sync-bricklink")
        async with hands.hearing(other["inventory"], "relay is active"):
            await hands.kill("inventory")
        await hands.start("inventory")
    await adds_up(crowd)


@pytest.mark.long
async def test_a_worker_that_sleeps_beyond_its_lease(hands: Hands, crowd: Crowd) -> None:
    """Stopped before the first byte of a write, with writes under way, and while it books one; another finishes all."""
    async with crowd.connecting():
        pass
    async with crowd.creating():
        pass
    await crowd.listed()
    held = [
        await crowd[0].withhold("after", "PUT", nth=2),
        await crowd[1].withhold("before", "PUT", nth=2),
        await crowd[2].withhold("after", "PUT", nth=2),
    ]
    one_connection = "SELECT FROM connections WHERE seller_id = %s FOR UPDATE"
    async with crowd.trading():
        for reply in held:
            await reply.hit()
        async with (
            hands.locked("sync-bricklink", one_connection, crowd[2].seller.seller_id) as booking,
            hands.commits_held("sync-bricklink", "intents") as intending,
        ):
            await held[2].release()
            await booking.awaited()
            await intending.awaited()
            hands.pause("sync-bricklink")
            await intending.release()
        for reply in held[:2]:
            await reply.release()
        await hands.start_second("sync-bricklink")
    await crowd.settled()
    async with hands.hearing("sync-bricklink", "the lease went to another worker"):
        hands.resume("sync-bricklink")
    await adds_up(crowd)
