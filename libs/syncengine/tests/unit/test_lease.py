"""What a worker that was slow, or slept, may still do (rule L2)."""

from datetime import timedelta

from syncengine.rows import Fate
from syncengine.testing.world import SOON_CERTAIN, World


async def test_worker_that_slept_between_intent_and_call_makes_no_call() -> None:
    """Else the next worker would find it not done, send it again, and the sleeper's came on top."""
    world = World(settings=SOON_CERTAIN)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.deliver()

    def sleep_on_intent() -> None:
        if any(intent.fate is Fate.OPEN for intent in world.store.tables.intents.values()):
            world.clock.turn(world.settings.lease)

    world.store.after_commit = sleep_on_intent
    while not world.store.tables.intents:
        world.clock.turn(timedelta(seconds=1))
        await world.turn("sleeper")
    assert world.shop.writes == []
    assert [intent.fate for intent in world.store.tables.intents.values()] == [Fate.OPEN]
    world.store.after_commit = lambda: None
    await world.settle()
    assert world.shown() == {"a": 10}
    assert len(world.shop.writes) == 1
