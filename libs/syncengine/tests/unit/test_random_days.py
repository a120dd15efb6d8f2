"""Random days in a shop in memory, with faults and deaths, end with both sides equal."""

import contextlib
from datetime import timedelta
from random import Random

import pytest

from syncengine.listing import Item, LotId
from syncengine.testing.shop import Fault
from syncengine.testing.world import SOON_CERTAIN, World


@pytest.mark.parametrize("seed", range(40))
async def test_random_day_ends_with_both_sides_equal(seed: int) -> None:
    """Sales, edits, lost replies, refusals to answer and dead workers, in any order: at rest the stock is one."""
    chance = Random(seed)
    world = World(seed, SOON_CERTAIN)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    items = [Item(item_type="PART", number=str(n), color_id=1, condition="NEW", completeness="") for n in range(3)]
    start: dict[str, int] = {}
    for step in range(250):
        action = chance.choices(
            ["create", "edit", "sell", "fault", "deliver", "turn", "die", "wait"],
            [2 if len(start) < 8 else 0, 6, 6, 2, 10, 20, 1, 4],
        )[0]
        if action == "create":
            name = f"lot{len(start)}"
            start[name] = chance.randint(1, 20)
            world.create(name, start[name], chance.choice(items), note=name)
        elif action == "edit" and start:
            name = chance.choice(sorted(start))
            stock = world.inventory.lots[world_lot(name)]
            by = chance.randint(-max(0, stock.quantity), 10)
            start[name] += by
            world.change(name, by=by, price=f"0.{chance.randint(1000, 9999)}")
        elif action == "sell" and world.shop.listings:
            listing = chance.choice(sorted(world.shop.listings.values(), key=lambda each: each.listing_id))
            if listing.quantity:
                world.shop.buy(listing.listing_id, chance.randint(1, listing.quantity))
        elif action == "fault":
            world.shop.write_faults.append(chance.choice([Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.DOWN, None]))
            world.shop.read_faults.append(chance.choice([Fault.DOWN, None]))
        elif action == "deliver":
            await world.deliver()
        elif action == "turn":
            await world.turn()
        elif action == "die":
            world.store.before_commit = Death(chance.randint(0, 6))
            with contextlib.suppress(Dead):
                await world.turn()
            world.store.before_commit = lambda: None
        elif action == "wait":
            world.clock.turn(timedelta(seconds=chance.randint(1, 8)))
        assert all(listing.quantity >= 0 for listing in world.shop.listings.values()), step
    world.shop.write_faults.clear()
    world.shop.read_faults.clear()
    await world.settle(timedelta(minutes=10))
    sold: dict[str, int] = dict.fromkeys(start, 0)
    for order in world.shop.orders.values():
        for listing_id, pieces in order.lines.items():
            sold[str(world.store.tables.owners["seller", listing_id])] += pieces  # type: ignore[index]
    for name, pieces in start.items():
        row = world.row(name)
        assert row.trouble is None, (name, row)
        quantity = world.inventory.lots[world_lot(name)].quantity
        assert quantity == pieces - sold[name], name
        assert world.shown().get(name, 0) == max(0, quantity), (name, row)
        assert set(row.settled.values()) == {row.revision}, (name, row)
    assert len(world.shop.listings) == sum(quantity > 0 for quantity in world.shown().values())
    writes = len(world.shop.writes)
    await world.settle(timedelta(minutes=5))
    assert len(world.shop.writes) == writes


def world_lot(name: str) -> LotId:
    return LotId(name)


class Dead(Exception):
    """The process was killed."""


class Death:
    """Kills the process at the n-th commit from now."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> None:
        if self.left == 0:
            raise Dead
        self.left -= 1


async def test_lost_database_is_relinked_without_a_write() -> None:
    """Rules C1-C4: sales before, during and after are counted once; nothing sold comes back on sale."""
    world = World()
    world.create("before", 10, note="before")
    connected_at = world.clock.now()
    await world.connect()
    for name in "abcdef":
        world.create(name, 10, note=name)
    await world.settle()
    ids = {str(listing.fields["note"]): listing.listing_id for listing in world.shop.listings.values()}
    world.shop.buy(ids["a"], 3)
    await world.settle()
    world.shop.buy(ids["b"], 2)
    writes = len(world.shop.writes)
    await world.lose_database()
    world.shop.buy(ids["c"], 10)
    await world.connect(connected_at=connected_at)
    world.shop.buy(ids["d"], 1)
    await world.settle()
    assert len(world.shop.writes) == writes
    stock = {lot_id: lot.quantity for lot_id, lot in world.inventory.lots.items()}
    assert stock == {"before": 10, "a": 7, "b": 8, "c": 0, "d": 9, "e": 10, "f": 10}
    assert world.shown() == {name: pieces for name, pieces in stock.items() if pieces}
