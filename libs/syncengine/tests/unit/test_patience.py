"""How long the reply to a change is waited for, while everything else of the connection waits (ADR 26)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from syncengine.listing import ListingId, ListingRead
from syncengine.marketplace import Outcome, Ticket, Unknown, Update, Write
from syncengine.settings import Settings
from syncengine.testing.world import World

SETTINGS = Settings()
MINUTE = timedelta(minutes=1)


async def trading() -> World:
    world = World(settings=SETTINGS)
    await world.connect()
    await world.settle(MINUTE)
    world.create("a", 100, note="a")
    await world.settle(5 * MINUTE)
    assert world.shown() == {"a": 100}
    return world


def waits_for(world: World, monkeypatch: pytest.MonkeyPatch, *replies: timedelta | None) -> Sequence[timedelta]:
    """Give the next changes these replies, each after so long, None: none; all are done. Tell how long each took."""
    coming, waited, send = list(replies), list[timedelta](), world.shop.send

    async def take_long(write: Write, ticket: Ticket) -> Outcome:
        assert isinstance(write, Update)
        takes = coming.pop(0) if coming else timedelta()
        outcome = await send(write, ticket)
        is_lost = takes is None or takes > ticket.deadline
        waited.append(ticket.deadline if takes is None or is_lost else takes)
        world.clock.turn(waited[-1])
        return Unknown(reason="NO_REPLY") if is_lost else outcome

    monkeypatch.setattr(world.shop, "send", take_long)
    return waited


async def test_a_reply_that_never_comes_keeps_the_connection_for_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the look waits as long as ever: what was sent may land until then (rule K1)."""
    world = await trading()
    waited = waits_for(world, monkeypatch, None)
    looked: list[datetime] = []
    read = world.shop.read

    async def look(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        looked.append(world.clock.now())
        return await read(listing_id, ticket)

    monkeypatch.setattr(world.shop, "read", look)
    sent_at = world.clock.now()
    world.change("a", by=-1)
    await world.settle(5 * MINUTE)
    assert list(waited) == [SETTINGS.reply_patience]
    assert looked[0] >= sent_at + SETTINGS.call_deadline + SETTINGS.late_window
    assert (world.shown(), world.row("a").unknown) == ({"a": 99}, False)


async def test_a_shop_that_is_slow_to_do_changes_is_given_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer after two replies that were waited for in vain, whatever is read between; from then on at once."""
    world = await trading()
    takes = 1.5 * SETTINGS.reply_patience
    waited = waits_for(world, monkeypatch, *[takes] * 4)
    for _ in range(4):
        world.change("a", by=-1)
        await world.settle(5 * MINUTE)
    assert list(waited) == [SETTINGS.reply_patience, SETTINGS.reply_patience, takes, takes]
    assert world.shown() == {"a": 96}


async def test_a_reply_in_time_ends_what_was_waited_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await trading()
    waited = waits_for(world, monkeypatch, None, timedelta(seconds=1), None, None)
    for _ in range(4):
        world.change("a", by=-1)
        await world.settle(5 * MINUTE)
    assert list(waited) == [SETTINGS.reply_patience, timedelta(seconds=1)] + [SETTINGS.reply_patience] * 2
