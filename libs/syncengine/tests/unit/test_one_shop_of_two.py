"""A shop that two sellers have the keys of: it is kept by the one who pinned it first, of those enabled (rule W1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.absorb import ConnectionNews, absorb_connection
from syncengine.listing import SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.testing.inventory import SELLER
from syncengine.testing.world import World

OTHERS = [SellerId("a-before"), SellerId("z-after")]
"""One whose id sorts before, and one whose id sorts behind that of the world's own seller."""
both_orders = pytest.mark.parametrize("other", OTHERS)


async def hear(world: World, seller_id: SellerId, *, enabled: bool, shop_name: str = "testers") -> None:
    """Credentials tell that a seller revoked the keys, or put new ones."""
    async with world.store.transaction() as tx:
        connection = await tx.lock_connection(seller_id)
        now = world.clock.now()
        news = ConnectionNews(
            seller_id=seller_id,
            seq=connection.event_seq + 1,
            connected_at=now if enabled or connection.connected_at is None else connection.connected_at,
            enabled=enabled,
            key_version=connection.key_version + 1,
            shop_is_empty=False,
            shop_name=shop_name,
            currency_code="EUR",
        )
        await absorb_connection(tx, news, now)
        if seller_id != SELLER:  # the world's worker serves nobody else
            await tx.save_connection(replace(await tx.lock_connection(seller_id), due_at=None))


async def left(world: World, *, proven: bool = True) -> None:
    """The seller's shop has a lot of 10; they revoke the keys and go on counting."""
    await world.connect()
    await world.settle()
    world.create("a", 10, note="a")
    await world.settle()
    async with world.store.transaction() as tx:
        await tx.save_connection(replace(await tx.lock_connection(SELLER), pin_proven=proven))
    await hear(world, SELLER, enabled=False)
    world.change("a", by=-3)


async def taken_by(world: World, other: SellerId) -> None:
    """Another seller connects the same shop, which is theirs since then."""
    async with world.store.transaction() as tx:
        assert await tx.shop_pinned_by("testers", besides=other) is None
        await tx.save_connection(ConnectionRow(seller_id=other, enabled=True, pinned_name="Testers"))


async def other_than(world: World, other: SellerId) -> SellerId | None:
    async with world.store.transaction() as tx:
        return await tx.shop_pinned_by("testers", besides=other)


def test_the_others_sort_to_either_side() -> None:
    assert sorted([*OTHERS, SELLER])[1] == SELLER


@both_orders
@pytest.mark.parametrize("proven", [True, False])
async def test_who_comes_back_to_a_shop_that_another_took_is_refused(other: SellerId, proven: bool) -> None:
    world = World()
    await left(world, proven=proven)
    await taken_by(world, other)
    writes = len(world.shop.writes)
    await hear(world, SELLER, enabled=True)
    assert await other_than(world, other) is None, "not even meanwhile is the holder refused"
    await world.settle()
    assert (world.connection.halted, len(world.shop.writes)) == ("SHOP_OF_ANOTHER_SELLER", writes)
    assert await other_than(world, other) is None
    await hear(world, SELLER, enabled=True)
    await world.settle()
    assert world.connection.halted == "SHOP_OF_ANOTHER_SELLER", "new keys do not make it theirs"


@both_orders
async def test_who_holds_a_shop_goes_on_though_one_who_had_it_comes_back(other: SellerId) -> None:
    world = World()
    async with world.store.transaction() as tx:
        await tx.save_connection(ConnectionRow(seller_id=other, pinned_name="testers", pin_proven=True, key_version=1))
    await world.connect()
    await world.settle()
    await hear(world, other, enabled=True)
    world.create("a", 10, note="a")
    world.clock.turn(world.settings.census_interval)
    await world.settle()
    assert (world.connection.halted, world.shown()) == ("", {"a": 10})
    assert await other_than(world, other) == SELLER


@both_orders
async def test_a_shop_that_the_other_left_is_ones_own_again(other: SellerId) -> None:
    world = World()
    await left(world)
    await taken_by(world, other)
    await hear(world, SELLER, enabled=True)
    await world.settle()
    await hear(world, other, enabled=False)
    await hear(world, SELLER, enabled=True)
    await world.settle(timedelta(minutes=10))
    assert (world.connection.halted, world.connection.pin_lapsed, world.shown()) == ("", False, {"a": 7})
    await hear(world, other, enabled=True)
    assert await other_than(world, SELLER) is None
    assert await other_than(world, other) == SELLER


@both_orders
async def test_who_comes_back_to_a_shop_that_nobody_took_holds_it_from_that_moment(other: SellerId) -> None:
    world = World()
    await left(world)
    assert await other_than(world, other) is None
    await hear(world, SELLER, enabled=True)
    assert await other_than(world, other) == SELLER


@both_orders
async def test_who_types_another_shop_than_the_one_that_was_taken_is_not_refused(other: SellerId) -> None:
    """What was typed and never proven is nobody's (rule W1)."""
    world = World()
    await left(world, proven=False)
    await taken_by(world, other)
    await hear(world, SELLER, enabled=True, shop_name="mine")
    await world.settle()
    assert (world.connection.halted, world.connection.pinned_name) == ("", "mine")
    assert await other_than(world, other) is None
