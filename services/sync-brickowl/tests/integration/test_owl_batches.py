"""Many lots at Brick Owl: what their calls are, and what the shop shows at the end, whatever it does with batches (N2).

A hundred lots with every field; each may cost a tenth of a call where batches prove themselves, and 2.1 where not.
"""

from datetime import timedelta
from typing import Any

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from product.owl_world import OwlWorld, brick
from sync_brickowl.catalog import COLORS
from syncengine.batches import CREATES, HIDDEN_QUANTITIES, READS
from syncengine.listing import LotId

pytest_plugins = ["product.brickowl"]

NUMBERS = ("3001", "3020", "3023", "3004")
FIELDS = {"price", "sale_percent", "tier_price", "bulk_qty", "public_note", "personal_note", "my_cost"}


def full(number: str, color_id: int) -> lot_pb2.Lot:
    """A lot with every field that the list shows."""
    tier = lot_pb2.Tier(quantity=50, unit_price=Money(currency_code="EUR", nanos=100_000_000))
    return brick(
        4,
        number=number,
        color_id=color_id,
        description="clean",
        remarks=f"A{color_id}",
        sale_percent=5,
        tiers=[tier],
        cost=Money(currency_code="EUR", nanos=50_000_000),
    )


async def absorb_many(world: OwlWorld, lots: int) -> None:
    colors = sorted(set(COLORS) - {0})[: lots // len(NUMBERS)]
    for number in NUMBERS:
        for color_id in colors:
            await world.absorb(f"{number}-{color_id}", full(number, color_id))


async def wrong(world: OwlWorld) -> list[dict[str, Any]]:
    """Listings that do not show all fields as they should be."""
    there = await world.owl.control.lots()
    seen = {row.listing_id: row for row in world.store.tables.listings.values()}
    return [
        lot
        for lot_id, lot in there.items()
        if (lot["qty"], lot["for_sale"], lot["price"], lot["public_note"], lot["sale_percent"])
        != (4, True, "0.114", "clean", 5)
        or (lot["base_price"], lot["my_cost"], len(lot["tier_price"])) != ("0.120", "0.050", 1)
        or lot["personal_note"] != f"A{seen[str(lot_id)].lot_id.split('-')[1]}"  # type: ignore[index]
    ]


async def cost(world: OwlWorld) -> int:
    """Every call that reached the shop but the polls, of which a test has many; none was one too many (rule B1)."""
    logged = await world.owl.control.requests()
    assert {entry["code"] for entry in logged} <= {200, 400, 404}
    return sum(not entry["path"].startswith("/order") for entry in logged)


@pytest.mark.parametrize(
    ("switches", "at_most"),
    [
        ({}, 25),
        ({"batch_counts": "each"}, 25),
        ({"batch_fields": "absolute_quantity_only", "batch_creates": "refused"}, 210),
        ({"knows_batches": False}, 210),
    ],
)
async def test_many_lots_are_right_in_every_field(world: OwlWorld, switches: dict[str, Any], at_most: int) -> None:
    """And what the shop cannot do together is done one by one."""
    await world.owl.control.switch(**switches)
    before = await cost(world)
    await absorb_many(world, 100)
    await world.settle(timedelta(minutes=4))
    assert len(await world.owl.control.lots()) == 100
    assert await wrong(world) == []
    assert not any(row.parked or row.trouble for row in world.store.tables.listings.values())
    assert all(set(row.settled.values()) == {row.revision} for row in world.store.tables.listings.values())
    assert await cost(world) - before <= at_most
    proves = switches.keys() <= {"batch_counts"}
    assert world.connection.batches[CREATES] is proves
    assert bool({kind for kind in FIELDS if world.connection.batches.get(kind)}) is proves


async def test_a_short_answer_makes_nothing_twice(world: OwlWorld) -> None:
    """What a batch did of which its answer says nothing is looked for by its mark (rules N2, N3)."""
    for number in NUMBERS:
        await world.absorb(f"{number}-1", full(number, 1))
    await world.settle(timedelta(minutes=1))  # every item is known
    await world.owl.control.set_fault("short_batch", when="after", path="/bulk/batch", entries=1, count=2)
    await absorb_many(world, 20)
    await world.settle(timedelta(minutes=6))
    assert len(await world.owl.control.lots()) == 20
    assert await wrong(world) == []
    cut = (await world.owl.control.requests(path="/bulk/batch"))[1]["body"]
    assert {entry["endpoint"] for entry in cut} == {"inventory/create"}


async def test_orders_are_whole_where_the_shop_takes_no_batch(world: OwlWorld) -> None:
    """A refund shows only where an order is viewed: one by one then, from then on."""
    await world.owl.control.switch(knows_batches=False)
    await world.tell("a", brick(10))
    await world.tell("b", brick(10, color_id=5))
    first, second = await world.owl.control.lots()
    order = await world.owl.control.order({first: 4})
    await world.owl.control.order({second: 1})
    await world.settle(timedelta(minutes=1))
    await world.owl.control.refund(order["order_id"], first, 3)
    await world.settle(timedelta(minutes=2))
    lines = {line.lot_id: (line.total, line.returned) for line in world.store.tables.lines.values()}
    assert lines == {"a": (4, 3), "b": (1, 0)}
    assert world.connection.batches[READS] is False
    assert world.connection.all_orders_read_at is not None


async def test_quantities_of_hidden_lots_go_together_unasked(world: OwlWorld) -> None:
    """The facts call them proven: as totals, for nobody buys meanwhile."""
    colors = sorted(set(COLORS) - {0})[:12]
    for color_id in colors:
        await world.absorb(str(color_id), brick(4, color_id=color_id))
    await world.settle(timedelta(minutes=2))
    before = []
    for quantity in (4, 9):
        before.append(await cost(world))
        for color_id in colors:
            await world.absorb(str(color_id), brick(quantity, color_id=color_id, stockroom=lot_pb2.STOCKROOM_A))
        await world.settle(timedelta(minutes=2))
    assert set(await world.there()) == {(9, False, "")}
    assert await cost(world) - before[1] < len(colors)
    logged = await world.owl.control.requests(path="/bulk/batch")
    assert "absolute_quantity" in str(logged[-1]["body"])
    assert HIDDEN_QUANTITIES not in world.connection.batches
    assert all(world.row(str(color_id)).ledger == 9 for color_id in colors)
    assert world.store.tables.listings.keys() == {LotId(str(color_id)) for color_id in colors}
