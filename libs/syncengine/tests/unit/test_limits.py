"""What holds calls back: many removals, a foreign currency, a shop whose calls are spent (rules B3, B5, W2)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.budget import NotBefore, enough_at, ticket
from syncengine.guard import count_removal, held_removals
from syncengine.listing import Group, Item, ListingId
from syncengine.marketplace import Later, ReadFailedError, Remove
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.settings import Settings
from syncengine.testing.inventory import BRICK, SELLER
from syncengine.testing.shop import FACTS, Fault
from syncengine.testing.world import QUICK, World

COLORS = range(1, 40)


def of_color(color_id: int) -> Item:
    return replace(BRICK, color_id=color_id)


async def with_lots(count: int, settings: Settings = QUICK) -> World:
    world = World(settings=settings)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for number in range(count):
        world.create(f"lot-{number}", 5, of_color(number + 1), note=f"{number}")
    await world.settle(timedelta(minutes=2))
    assert len(world.shop.listings) == count
    return world


def removals(world: World) -> int:
    return sum(isinstance(write.write, Remove) for write in world.shop.writes)


async def test_many_removals_wait_for_consent_and_nothing_else_does() -> None:
    world = await with_lots(5, replace(QUICK, removals_free=2))
    for number in range(4):
        world.change(f"lot-{number}", by=-5)
    world.change("lot-4", by=-1)
    await world.settle()
    assert (removals(world), world.connection.removals_held) == (0, 4)
    assert world.shown()["4"] == 4
    await world.agree()
    await world.settle()
    assert (removals(world), world.connection.removals_held) == (4, 0)


async def test_removals_that_sales_caused_never_wait() -> None:
    world = await with_lots(5, replace(QUICK, removals_free=2))
    for number in range(5):
        world.inventory.sell_elsewhere(f"lot-{number}", 5)
    await world.settle()
    assert removals(world) == 5


async def test_few_removals_need_no_consent() -> None:
    world = await with_lots(5, replace(QUICK, removals_free=2))
    world.change("lot-0", by=-5)
    world.change("lot-1", by=-5)
    await world.settle()
    assert removals(world) == 2
    world.change("lot-2", by=-5)
    await world.settle()
    assert (removals(world), world.connection.removals_held) == (2, 1)
    world.clock.turn(timedelta(days=1))
    await world.settle()
    assert (removals(world), world.connection.removals_held) == (3, 0)


def test_a_large_shop_may_lose_a_tenth() -> None:
    connection, now = ConnectionRow(seller_id=SELLER), World().clock.now()
    assert held_removals(connection, Settings(), waiting=100, listed=1000, now=now) == 0
    assert held_removals(connection, Settings(), waiting=101, listed=1000, now=now) == 101
    for _ in range(60):
        connection = count_removal(connection, now)
    assert held_removals(connection, Settings(), waiting=41, listed=940, now=now) == 41
    assert held_removals(connection, Settings(), waiting=40, listed=940, now=now) == 0


async def test_prices_in_another_currency_are_set_aside_and_quantities_are_not() -> None:
    world = await with_lots(1)
    world.inventory.lots[world.row("lot-0").lot_id].currency_code = "USD"
    world.change("lot-0", by=-2, price="0.9000")
    world.inventory.create("b", 5, of_color(30), fields={"price": "0.1000"}, currency_code="USD")
    await world.settle()
    assert world.shown() == {"0": 3}
    assert world.shop.listings[ListingId("1001")].fields["price"] == "0.1000"
    assert world.row("lot-0").parked.keys() == {Group.PRICE}
    assert world.row("b").parked.keys() == {Group.PRICE}
    world.inventory.lots[world.row("b").lot_id].currency_code = "EUR"
    world.change("b")
    await world.settle()
    assert len(world.shop.listings) == 2


async def test_a_quota_answer_lowers_the_cap_and_one_read_an_hour_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await with_lots(1)
    full = ReadFailedError(Later(reason="QUOTA"))

    async def refuse(*_: object) -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(world.shop, "list_orders", refuse)
        await world.settle()
        capped = world.connection
        assert capped.cap is not None
        assert capped.cap < 100
    granted = ticket(
        capped,
        FACTS,
        world.settings,
        spent=Spent(capped.cap),
        write=False,
        deadline=timedelta(seconds=1),
        now=capped.not_before or world.clock.now(),
    )
    assert isinstance(granted, NotBefore)
    world.change("lot-0", by=-1)
    world.clock.turn(world.settings.halt_probe_interval)
    await world.settle()
    assert world.connection.cap is None
    assert world.shown() == {"0": 4}


async def test_a_burst_of_quota_answers_lowers_no_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await with_lots(1)
    answers = [ReadFailedError(Later(reason="QUOTA"))] * 3
    list_orders = world.shop.list_orders

    async def sometimes(page: str, ticket: object) -> object:
        if answers:
            raise answers.pop()
        return await list_orders(page, ticket)  # type: ignore[arg-type]

    monkeypatch.setattr(world.shop, "list_orders", sometimes)
    await world.settle()
    assert not answers
    assert world.connection.cap is None


async def test_reads_for_a_create_do_not_use_up_what_is_left_of_a_spent_quota() -> None:
    """After a removal a create waits for orders to be read: not while no write is free (seed 137)."""
    world = await with_lots(1)
    world.change("lot-0", by=-5)
    await world.settle()
    limit = FACTS.limit
    world.shop.facts = replace(FACTS, limit=replace(limit, calls=5000))
    world.store.tables.calls += [(SELLER, limit.name, world.clock.now(), Spent(1, 1))] * 4000
    read_at = world.connection.all_orders_read_at
    world.change("lot-0", by=5)
    await world.settle(timedelta(minutes=1))
    assert world.connection.all_orders_read_at == read_at
    assert not world.shop.listings
    world.shop.facts = FACTS
    world.clock.turn(timedelta(minutes=20))
    await world.settle(timedelta(minutes=1))
    assert len(world.shop.listings) == 1


async def test_look_that_the_quota_breaks_off_waits_for_all_its_calls_instead_of_beginning_anew_with_each() -> None:
    """One call in three seconds becomes free: a look takes five (rules K1, B2)."""
    world = await with_lots(1)
    limit = replace(FACTS.limit, calls=20, window=timedelta(minutes=1))
    world.shop.facts = replace(FACTS, limit=limit)
    world.store.tables.calls.clear()
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.change("lot-0", by=-1)
    await world.deliver()
    while not world.row("lot-0").unknown:
        assert await world.turn()
    now = world.clock.now()
    world.store.tables.calls[:] = [
        (SELLER, limit.name, now - limit.window + timedelta(seconds=3 * number), Spent(1)) for number in range(1, 21)
    ]
    await world.settle(timedelta(minutes=3))
    assert world.shown() == {"0": 4}


def test_calls_are_free_together_once_enough_have_left_the_window() -> None:
    now = World().clock.now()
    limit = replace(FACTS.limit, calls=10, window=timedelta(minutes=1))
    facts, connection = replace(FACTS, limit=limit), ConnectionRow(seller_id=SELLER)
    charged = [(now - timedelta(seconds=50), Spent(4)), (now - timedelta(seconds=20), Spent(5))]

    def wait(calls: int, connection: ConnectionRow = connection) -> float:
        return (enough_at(connection, facts, Settings(), charged, calls=calls, now=now) - now).total_seconds()

    assert [wait(calls) for calls in (1, 2, 5, 6, 10, 99)] == [0, 10, 10, 40, 40, 40]
    asked_again_at = now + timedelta(seconds=30)
    lowered = replace(connection, cap=9, capped_at=asked_again_at - Settings().halt_probe_interval)
    assert [wait(calls, lowered) for calls in (1, 5, 99)] == [10, 30, 30]
