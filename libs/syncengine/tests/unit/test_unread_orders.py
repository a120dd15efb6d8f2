"""An order whose lines cannot be read: no other order waits for it, and what it may have sold is not guessed (S1)."""

from collections import Counter
from datetime import timedelta
from itertools import groupby

import pytest

from syncengine.listing import Item, OrderId, OrderLine
from syncengine.marketplace import Later, ReadFailedError, Ticket
from syncengine.rows.connection import Spent
from syncengine.service.status import status_of
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

MINUTE = timedelta(minutes=1)


async def trading() -> World:
    """Two lots of a hundred pieces in the shop."""
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in ("sick", "well"):
        item = Item(item_type="PART", number=name, color_id=5, condition="NEW", completeness="")
        world.create(name, 100, item, note=name)
    await world.settle(MINUTE)
    assert world.shown() == {"sick": 100, "well": 100}
    return world


def buy(world: World, name: str, pieces: int) -> OrderId:
    listing_id = world.row(name).listing_id
    assert listing_id is not None
    return world.shop.buy(listing_id, pieces)


def counted(world: World) -> dict[str, int]:
    return {str(lot_id): stock.quantity for lot_id, stock in world.inventory.lots.items()}


def sicken(world: World, order_id: OrderId, tries: Counter[OrderId], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the shop does not give the lines of this order."""
    order_lines = world.shop.order_lines

    async def lines_of_others(asked: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        if asked == order_id:
            tries[asked] += 1
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return await order_lines(asked, ticket)

    monkeypatch.setattr(world.shop, "order_lines", lines_of_others)


def reason(world: World) -> str:
    now = world.clock.now()
    return status_of(world.connection, world.shop.facts, world.settings, spent=Spent(), now=now).reason


async def test_orders_behind_one_that_cannot_be_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seller is told after a while, and it is counted as soon as it can be read."""
    world, tries = await trading(), Counter[OrderId]()
    sicken(world, buy(world, "sick", 3), tries, monkeypatch)
    for number in range(1, 21):
        buy(world, "well", 1)
        await world.settle(MINUTE / 2)
        world.change("well", by=-1)
        await world.settle(MINUTE / 2)
        left = 100 - 2 * number
        assert (counted(world), world.shown()) == ({"sick": 100, "well": left}, {"sick": 97, "well": left})
        assert (reason(world) == "ORDER_UNREAD") == (number >= 10)
    assert tries.total() <= 14
    calls = world.shop.calls
    await world.settle(10 * MINUTE)
    assert world.shop.calls - calls <= 10 * 60 / 5 * 2 + 20, "polls go on at their pace, and nothing else does"
    monkeypatch.undo()
    await world.settle(world.settings.order_poll_longest + MINUTE)
    assert (counted(world), reason(world)) == ({"sick": 97, "well": 60}, "")
    assert world.shown() == {"sick": 97, "well": 60}


async def test_what_it_may_explain_waits_until_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An increase that may have been done, less the pieces of that order, is neither repeated nor a conflict (K2)."""
    world, tries = await trading(), Counter[OrderId]()
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.change("sick", by=5)
    sicken(world, buy(world, "sick", 5), tries, monkeypatch)
    await world.settle(10 * MINUTE)
    assert world.row("sick").unknown
    assert world.row("sick").trouble is None
    world.change("well", by=-1)
    await world.settle(MINUTE)
    assert world.shown() == {"sick": 100, "well": 99}
    monkeypatch.undo()
    await world.settle(world.settings.order_poll_longest + 5 * MINUTE)
    assert not world.row("sick").unknown
    assert world.shown() == counted(world) == {"sick": 100, "well": 99}


async def test_a_match_waits_for_it_and_asks_ever_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines are the baseline's, or count after it (C3)."""
    world, tries = await trading(), Counter[OrderId]()
    sicken(world, buy(world, "sick", 3), tries, monkeypatch)
    await world.connect(key_version=2)
    calls = world.shop.calls
    await world.settle(20 * MINUTE)
    assert (world.connection.census_reason is None, reason(world)) == (False, "ORDER_UNREAD")
    assert world.shop.calls - calls <= 60
    monkeypatch.undo()
    await world.settle(world.settings.order_poll_longest + MINUTE)
    assert world.connection.census_reason is None
    assert world.shown() == counted(world) == {"sick": 97, "well": 100}


async def test_one_that_fails_once_is_read_at_once() -> None:
    world = await trading()
    buy(world, "sick", 3)
    world.shop.read_faults.extend([None, Fault.DOWN])
    await world.settle(timedelta(seconds=15))
    assert counted(world) == {"sick": 97, "well": 100}
    assert not world.connection.unread


async def test_one_that_was_read_is_none_of_those_that_could_not_be() -> None:
    """Whatever becomes of the orders behind it: each read of orders would else view it anew."""
    world = await trading()
    first, second = buy(world, "sick", 3), buy(world, "well", 1)
    world.shop.read_faults.extend([None, Fault.DOWN, None, Fault.DOWN, None, None, Fault.DOWN])
    unread = []
    while counted(world)["well"] == 100:
        if not await world.turn():
            world.clock.turn(timedelta(seconds=1))
        await world.deliver()
        unread.append(set(world.connection.unread))
    assert [orders for orders, _ in groupby(unread)] == [{first}, {first, second}, {second}, set()]
