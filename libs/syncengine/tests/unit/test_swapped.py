"""Keys of a shop that is not the seller's: a quiet one, or one that comes while the last is asked for its name (W1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.identity import identify_shop
from syncengine.lane import Lane
from syncengine.listing import Item
from syncengine.marketplace import Shop, Ticket
from syncengine.testing.world import World


def an_item(number: str) -> Item:
    return Item(item_type="PART", number=number, color_id=5, condition="NEW", completeness="")


async def test_keys_of_a_quiet_shop_without_any_of_our_listings_write_nothing() -> None:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in "abcd":
        world.create(name, 10, an_item(name), note=name)
    await world.settle()
    ours = dict(world.shop.listings)
    theirs = replace(next(iter(ours.values())), item=an_item("theirs"))
    world.shop.listings.clear()
    world.shop.add(theirs)
    await world.connect(key_version=2, shop_is_empty=False)
    writes = len(world.shop.writes)
    world.create("new", 3, an_item("new"), note="new")
    world.change("a", by=-2)
    await world.settle(timedelta(minutes=5))
    assert [write.write for write in world.shop.writes[writes:]] == []


async def test_keys_that_come_while_a_shop_is_identified_are_identified_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the old ones opened proves nothing of theirs (Brick Owl's life 5518)."""
    world = World()
    world.shop.facts = replace(world.shop.facts, tells_shop=True)
    asked: list[int] = []

    async def identify(ticket: Ticket) -> Shop:
        asked.append(world.connection.key_version)
        return Shop(name="testers", currency_code="EUR")

    async def replaced_meanwhile(lane: Lane) -> None:
        await identify_shop(lane)
        if asked == [1]:
            await world.connect(key_version=2)

    monkeypatch.setattr(world.shop, "identify", identify)
    monkeypatch.setattr("syncengine.turn.identify_shop", replaced_meanwhile)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    assert asked == [1, 2]
