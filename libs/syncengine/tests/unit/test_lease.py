"""What a worker that was slow, or slept, may still do (rule L2)."""

from datetime import timedelta
from unittest.mock import patch

import pytest

from syncengine.marketplace import Later, Outcome, Ticket, Write
from syncengine.rows.intent import Fate
from syncengine.testing.world import SOON_CERTAIN, World

SECOND = timedelta(seconds=1)


async def with_sleeper(time: timedelta) -> World:
    """Let a worker sleep so long when it has just made an intent, and then go on."""
    world = World(settings=SOON_CERTAIN)
    await world.connect()
    await world.settle(SECOND * 10)
    world.create("a", 10, note="a")
    await world.deliver()
    slept: list[timedelta] = []

    def sleep_on_intent() -> None:
        if not slept and any(intent.fate is Fate.OPEN for intent in world.store.tables.intents.values()):
            slept.append(time)
            world.clock.turn(time)

    world.store.after_commit = sleep_on_intent
    while not world.store.tables.intents:
        world.clock.turn(SECOND)
        await world.turn("sleeper")
    return world


@pytest.mark.parametrize("time", [SOON_CERTAIN.lease, SOON_CERTAIN.call_deadline])
async def test_worker_that_slept_between_intent_and_call_makes_no_call(time: timedelta) -> None:
    """Else the next worker would find it not done, send it again, and the sleeper's came on top.

    Also where the sleeper's lease is still good: a look counts from the intent when a call has surely landed (rule K1).
    """
    world = await with_sleeper(time)
    assert world.shop.writes == []
    assert [intent.fate for intent in world.store.tables.intents.values()] == [Fate.OPEN]
    world.store.after_commit = lambda: None
    await world.settle()
    assert world.shown() == {"a": 10}
    assert len(world.shop.writes) == 1


async def test_calls_deadline_counts_from_its_intent() -> None:
    """Rule K1: a worker that slept for a while has so much less for the call."""
    tickets: list[Ticket] = []

    async def send(self: object, write: Write, ticket: Ticket) -> Outcome:
        tickets.append(ticket)
        return Later(reason="BUSY")

    with patch("syncengine.testing.world.MemoryShop.send", send):
        await with_sleeper(SOON_CERTAIN.call_deadline - SECOND)
    assert len(tickets) == 1
    assert SECOND * 0.9 < tickets[0].deadline <= SECOND
