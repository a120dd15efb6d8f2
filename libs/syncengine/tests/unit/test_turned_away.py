"""A write that was answered 503: the call is over, and nobody says that it was not done (ADR 28)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto

import pytest

from syncengine.listing import ListingId, ListingRead
from syncengine.marketplace import TURNED_AWAY, Outcome, Ticket, Unknown, Update, Write
from syncengine.settings import Settings
from syncengine.testing.world import World

SETTINGS = Settings()
MINUTE = timedelta(minutes=1)


class Done(Enum):
    """What became of a write that was turned away."""

    AT_ONCE = auto()
    NEVER = auto()
    LATE = auto()


async def trading() -> World:
    world = World(settings=SETTINGS)
    await world.connect()
    await world.settle(MINUTE)
    world.create("a", 100, note="a")
    await world.settle(5 * MINUTE)
    assert world.shown() == {"a": 100}
    return world


def turn_away(world: World, monkeypatch: pytest.MonkeyPatch, done: Done) -> tuple[list[Write], Sequence[datetime]]:
    """Turn the next write away; what was held back until it lands late, and when the listing was looked at."""
    late, looked, send, read, next_ones = list[Write](), list[datetime](), world.shop.send, world.shop.read, [done]

    async def answer(write: Write, ticket: Ticket) -> Outcome:
        if not next_ones:
            return await send(write, ticket)
        match next_ones.pop():
            case Done.AT_ONCE:
                await send(write, ticket)
            case Done.LATE:
                late.append(write)
        return Unknown(reason=TURNED_AWAY)

    async def look(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        looked.append(world.clock.now())
        return await read(listing_id, ticket)

    monkeypatch.setattr(world.shop, "send", answer)
    monkeypatch.setattr(world.shop, "read", look)
    return late, looked


@pytest.mark.parametrize("done", [Done.AT_ONCE, Done.NEVER])
async def test_a_decrease_is_looked_at_soon_and_gone_within_half_a_minute(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await trading()
    turn_away(world, monkeypatch, done)
    world.change("a", by=-3)
    await world.settle(timedelta(seconds=30))
    assert (world.shown(), world.row("a").unknown) == ({"a": 97}, False)


async def test_an_increase_is_looked_at_no_sooner_than_it_may_land(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice done it would offer pieces that are not there (rule K1)."""
    world = await trading()
    _, looked = turn_away(world, monkeypatch, Done.NEVER)
    sent_at = world.clock.now()
    world.change("a", by=3)
    await world.settle(5 * MINUTE)
    assert looked[0] >= sent_at + SETTINGS.call_deadline + SETTINGS.late_window


async def test_what_lands_after_it_was_sent_again_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shop is known to do that. Too few are on sale until the last look, a lag window later (rule K5)."""
    world = await trading()
    late, _ = turn_away(world, monkeypatch, Done.LATE)
    world.change("a", by=-3)
    await world.settle(MINUTE)
    assert world.shown() == {"a": 97}
    [write] = late
    assert isinstance(write, Update)
    listing = world.shop.listings[write.listing_id]
    world.shop.listings[write.listing_id] = replace(listing, quantity=listing.quantity + write.delta)
    assert world.shown() == {"a": 94}
    await world.settle(3 * SETTINGS.lag_window)
    assert (world.shown(), world.row("a").trouble) == ({"a": 97}, None)
