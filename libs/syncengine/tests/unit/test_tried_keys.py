"""A person asks whether the keys open the shop: a read is made and charged for it, whatever the connection is at."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.listing import OrderRead
from syncengine.marketplace import Ticket
from syncengine.testing.inventory import SELLER
from syncengine.testing.operator import Operator
from syncengine.testing.shop import Fault, MemoryShop
from syncengine.testing.world import QUICK, World
from syncengine.turn import TESTED_WITHIN

MINUTE = timedelta(minutes=1)
RARELY_READ = replace(QUICK, order_poll_interval=timedelta(hours=1))

Asking = asyncio.Task[pb.TestConnectionResponse]


class InterruptedShop(MemoryShop):
    """Something happens while it lists orders, once."""

    def __init__(self, world: World, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(world.clock)
        self.meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().list_orders(page, ticket)


async def matching() -> World:
    """Inventory has been asked for the lots, and has not answered."""
    world = World()
    await world.connect()
    await served(world)
    return world


async def alarmed() -> World:
    """The shop lists nothing, though it is said not to be empty."""
    world = World()
    await world.connect(shop_is_empty=False)
    await world.settle(MINUTE)
    assert world.connection.census_alarm
    return world


async def ready() -> World:
    world = World(settings=RARELY_READ)
    await world.connect()
    world.create("a", 10, note="a")
    await world.settle()
    assert world.shown() == {"a": 10}
    return world


async def served(world: World) -> None:
    """Let the worker take turns until nothing is due."""
    while await world.turn():
        pass


async def asked(world: World) -> Asking:
    """Begin to ask, as far as that the worker hears of it."""
    before = world.connection.test_asked_at
    asking: Asking = asyncio.ensure_future(Operator(world).ask("TestConnection", pb.TestConnectionRequest()))
    while world.connection.test_asked_at == before and not asking.done():  # noqa: ASYNC110 - the store tells nobody
        await asyncio.sleep(0)
    return asking


async def tried(world: World) -> tuple[bool, str]:
    """Ask, and have the worker serve the connection meanwhile."""
    asking = await asked(world)
    await served(world)
    told = await asking
    return told.ok, told.reason


async def charged(world: World) -> int:
    limit = world.shop.facts.limit
    async with world.store.transaction() as tx:
        return (await tx.calls_since(SELLER, limit.name, world.clock.now() - limit.window)).calls


@pytest.mark.parametrize("begun", [matching, alarmed, ready])
async def test_each_test_is_one_charged_call(begun: Callable[[], Awaitable[World]]) -> None:
    world = await begun()
    for _ in range(2):
        calls, spent = world.shop.calls, await charged(world)
        assert await tried(world) == (True, "")
        assert (world.shop.calls - calls, await charged(world) - spent) == (1, 1)


@pytest.mark.parametrize("begun", [matching, alarmed, ready])
async def test_keys_that_the_shop_no_longer_takes_are_found(begun: Callable[[], Awaitable[World]]) -> None:
    world = await begun()
    assert await tried(world) == (True, "")
    world.shop.read_faults.append(Fault.WRONG_KEY)
    assert await tried(world) == (False, "WRONG_KEY")
    assert await tried(world) == (True, ""), "a halt is probed ahead of its time"
    assert world.connection.halted == ""


async def test_a_first_read_that_failed_lets_nobody_in() -> None:
    """Nor once the pause after it is over: the shop is asked again."""
    world = World()
    world.shop.read_faults.append(Fault.DOWN)
    await world.connect()
    await served(world)
    assert world.connection.wish_id
    world.clock.turn(MINUTE)
    for fault, verdict in ((Fault.WRONG_KEY, (False, "WRONG_KEY")), (None, (True, ""))):
        calls = world.shop.calls
        world.shop.read_faults.append(fault)
        assert await tried(world) == verdict
        assert world.shop.calls == calls + 1


async def test_the_read_with_which_matching_begins_is_the_tests_too() -> None:
    world = World()
    await world.connect()
    assert await tried(world) == (True, "")
    assert (world.shop.calls, await charged(world)) == (1, 1)


async def test_a_read_that_was_under_way_is_no_answer() -> None:
    """And though its turn leaves nothing to do, the next is due at once."""
    world = World()
    begun: list[Asking] = []

    async def ask() -> None:
        begun.append(await asked(world))

    world.shop = InterruptedShop(world, ask)
    await world.connect()
    await world.turn()
    assert (world.shop.calls, world.connection.let_in_at) == (1, None)
    await served(world)
    assert ((await begun[0]).ok, world.shop.calls) == (True, 2)


async def test_a_read_with_keys_that_were_replaced_meanwhile_says_nothing_of_the_new_ones() -> None:
    world = await matching()

    async def replace_keys() -> None:
        await world.connect(key_version=2)

    world.shop = InterruptedShop(world, replace_keys)
    asking = await asked(world)
    await world.turn()
    assert world.connection.let_in_at is None
    told = await asking
    assert (told.ok, told.reason) == (False, "KEYS_REPLACED")


async def test_two_who_ask_at_once_are_both_told() -> None:
    world = await matching()
    asking = [await asked(world), await asked(world)]
    await served(world)
    assert [(await one).ok for one in asking] == [True, True]


async def test_a_test_that_nobody_waits_for_any_more_is_not_made() -> None:
    world = await matching()
    asking = await asked(world)
    asking.cancel()
    world.clock.turn(TESTED_WITHIN)
    calls = world.shop.calls
    await served(world)
    assert world.shop.calls == calls
    world.clock.turn(-TESTED_WITHIN)
    assert await tried(world) == (True, ""), "whatever the clock of the process that hears it next"
