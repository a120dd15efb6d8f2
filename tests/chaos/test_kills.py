"""Every service killed with -9 under load, at points reached from outside, and started again: all adds up."""

import pytest

from chaos.hands import Hands
from chaos.judge import adds_up
from chaos.load import Crowd

pytestmark = pytest.mark.timeout(400)

ALL_CHANGES = "LOCK TABLE changes IN SHARE MODE"
LOTS_OF_ONE = "SELECT FROM lots WHERE seller_id = %s FOR UPDATE"


@pytest.mark.long
async def test_gateway(hands: Hands, crowd: Crowd) -> None:
    """Killed with commands done behind it whose answers are lost, and with commands under way."""
    async with crowd.connecting():
        pass
    async with crowd.creating():
        async with hands.locked("inventory", ALL_CHANGES) as lock:
            await hands.kill_after("gateway", lock)
        await hands.start("gateway")
    await crowd.listed()
    async with crowd.trading():
        await hands.kill_at_lock("gateway", "inventory", LOTS_OF_ONE, crowd[0].seller.seller_id)
        await hands.start("gateway")
    await adds_up(crowd)


async def test_inventory(hands: Hands, crowd: Crowd) -> None:
    """Killed with commands committed and not answered, with a lot locked, with messages published and not deleted."""
    async with crowd.connecting():
        pass
    async with crowd.creating():
        async with hands.commits_held("inventory", "changes") as lock:
            await hands.kill_after("inventory", lock)
        await hands.start("inventory")
    await crowd.listed()
    async with crowd.trading():
        await hands.kill_relay("inventory")
        async with hands.locked("inventory", LOTS_OF_ONE, crowd[0].seller.seller_id) as lots:
            await hands.start("inventory")
            await lots.awaited()
            await hands.kill("inventory")
        await hands.start("inventory")
    await adds_up(crowd)


@pytest.mark.long
async def test_credentials(hands: Hands, crowd: Crowd) -> None:
    """Killed while keys are put, after they were told of, while they are lent, and away when a worker needs them."""
    async with crowd.connecting():
        await hands.kill_at_lock("credentials", "credentials", "LOCK TABLE lifecycle IN SHARE MODE")
        async with hands.locked("credentials", "LOCK TABLE lease_log IN SHARE MODE") as lending:
            await hands.start("credentials")
            await hands.kill_relay("credentials")
            await hands.start("credentials")
            await lending.awaited()
            await hands.kill("credentials")
        await hands.start("credentials")
    async with crowd.creating():
        pass
    await crowd.listed()
    async with crowd.trading():
        await hands.kill("credentials", "sync-bricklink")
        async with hands.hearing("sync-bricklink", "no keys were lent"):
            await hands.start("sync-bricklink")
        await hands.start("credentials")
    await adds_up(crowd)


async def test_sync_bricklink(hands: Hands, crowd: Crowd) -> None:
    """Killed between sending and booking, whether the shop did it, did not, or does it later; and with its relay.

    What lands late is the last to be sent, and lands within the late window, as a look may expect (rule K1).
    """
    async with crowd.connecting():
        pass
    held = [await crowd[0].withhold("after", "POST", nth=4), await crowd[1].withhold("before", "POST", nth=4)]
    late = await crowd[2].withhold("before", "POST", nth=5, lands_late=True)
    async with crowd.creating():
        await late.hit()
        await hands.kill("sync-bricklink")
        await late.release()
        await hands.start("sync-bricklink")
        for reply in held:
            await reply.hit()
    held = [await crowd[3].withhold("after", "PUT", nth=2), await crowd[4].withhold("before", "PUT", nth=2)]
    late = await crowd[5].withhold("before", "PUT", nth=3, lands_late=True)
    async with crowd.trading():
        await late.hit()
        await hands.kill_relay("sync-bricklink")
        await late.release()
        await hands.start("sync-bricklink")
        for reply in held:
            await reply.hit()
    await adds_up(crowd)
