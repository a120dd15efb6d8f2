"""Many new lots for a Brick Owl shop: what their plan says, what they cost, and the virtual clock: `make measure-plan`.

The engine's own code and times, and the adapter's, with a store in memory and the sandbox's model of the shop.
"""

import argparse
import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import TypeVar

from rich.console import Console

from bench.indexed_store import IndexedStore
from brickops.sync.v1 import sync_service_pb2 as pb
from product.owl import known_numbers
from product.owl_world import brick
from sandbox.brickowl.switches import Switches
from simulation.brickowl import CATALOG, BrickOwlModel
from sync_brickowl.catalog import COLORS
from sync_brickowl.listing import lot_of
from syncengine.absorb import LotNews, absorb_lots
from syncengine.listing import Listing, ListingId, LotId
from syncengine.marketplace import Limit, Outcome, Ticket, Write
from syncengine.settings import Settings
from syncengine.testing.inventory import SELLER
from syncengine.testing.operator import Operator
from syncengine.testing.running_out import go_on
from syncengine.testing.simulation.modelled_shop import ModelledShop
from syncengine.testing.world import World

T = TypeVar("T")

SHOPS: dict[str, Switches] = {
    "whose batches do everything": Switches(),
    "that counts each thing in a batch": Switches(batch_counts="each"),
    "whose batches read, and set totals": Switches(batch_fields="absolute_quantity_only", batch_creates="refused"),
    "without batches": Switches(knows_batches=False),
}
_CALLS_A_MINUTE = 600
_THINGS_A_MINUTE = _CALLS_A_MINUTE * 8 // 10
"""That writes may do, each counted as a call (rule B2)."""
_THINGS_OF_A_LOT = 2
"""It is listed, and told what a create does not take (rule F4)."""
_CALL = timedelta(milliseconds=100)
"""How long one takes."""
_UNTIL_CERTAIN = timedelta(hours=1)
"""After a census increases wait for orders that are listed late (rule C4)."""
_COLORS = 25
"""Of each part."""
_SELLER = "demo_seller"


class CalmShop(ModelledShop):
    """Does every call, and notes when it did writes."""

    def __init__(self, model: BrickOwlModel, world: World) -> None:
        super().__init__(model, world.clock)
        self.calls = 0
        self.last_write: datetime | None = None
        self._pass = world.clock.turn

    async def _write(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        self.calls += 1
        self._pass(_CALL)
        self.last_write = self._clock.now()
        if len(writes) == 1:
            return [self._model.write(writes[0], self.last_write)]
        return self._model.write_all(writes, self.last_write)[0]

    async def _read(
        self, ticket: Ticket, look: Callable[[], T], *, listing_id: ListingId | None = None, things: int = 1
    ) -> T:
        self.calls += 1
        self._pass(_CALL)
        return look()


@dataclass(slots=True, kw_only=True)
class NewLots:
    """Lots that are to be listed once the seller agrees, and the plan for them."""

    world: World
    model: BrickOwlModel
    shop: CalmShop
    lots: int
    asked_at: datetime
    told: pb.PlanResponse
    calls_before: int
    took: timedelta = field(init=False)
    """From the question to the last write."""

    @property
    def said(self) -> timedelta:
        """From the question to the finish that was told."""
        return self.told.finish_at.ToDatetime(UTC) - self.asked_at

    @property
    def allowed(self) -> timedelta:
        """The time that the limit takes, of which writes have four fifths; those of the first minute go at once."""
        things = _THINGS_OF_A_LOT * self.lots - _THINGS_A_MINUTE
        return timedelta(minutes=max(0, things) / _THINGS_A_MINUTE)

    @property
    def calls(self) -> int:
        """That it took, whatever for."""
        return self.shop.calls - self.calls_before

    @property
    def listings(self) -> list[Listing]:
        """What the shop shows of them."""
        return [listing for listing in self.model.listings().values() if listing.external_id]

    async def run_out(self) -> None:
        """The seller agrees, and time passes until inventory is told that every lot is in the shop."""
        await self.world.confirm()
        while not self._is_done():
            await go_on(self.world, timedelta(minutes=1))
        assert self.shop.last_write is not None
        self.took = self.shop.last_write - self.asked_at

    def _is_done(self) -> bool:
        rows = self.world.store.tables.listings.values()
        return all(row.listing_id and set(row.settled.values()) == {row.revision} for row in rows)


async def plan_new_lots(lots: int, switches: Switches) -> NewLots:
    """Connect a shop that has one listing, tell it of so many lots, and ask for the plan once their items are known."""
    world = World(settings=Settings(), store=IndexedStore())
    limit = Limit(name="minute", calls=_CALLS_A_MINUTE, window=timedelta(minutes=1))
    model = BrickOwlModel(_SELLER, limit, switches)
    model.put_up(model.item(1), 1, model.fields("0.1000", "theirs", hidden=False), world.clock.now())
    world.shop = shop = CalmShop(model, world)  # type: ignore[assignment]
    await world.connect(shop_name=_SELLER, shop_is_empty=False)
    await go_on(world, _UNTIL_CERTAIN)
    await _absorb(world, lots)
    while not all(row.desired.is_mapped for row in world.store.tables.listings.values()):
        await go_on(world, timedelta(minutes=1))
    asked_at = world.clock.now()
    told: pb.PlanResponse = await Operator(world).ask("Plan", pb.PlanRequest())
    return NewLots(
        world=world, model=model, shop=shop, lots=lots, asked_at=asked_at, told=told, calls_before=shop.calls
    )


async def _absorb(world: World, lots: int) -> None:
    """Inventory tells of them, as its topic does."""
    numbers = [number for number, _ in known_numbers(CATALOG, -(-lots // _COLORS))]
    colors = sorted(set(COLORS) - {0})[:_COLORS]
    news = [
        LotNews(
            seller_id=SELLER,
            lot_id=LotId(f"{number}-{color_id}"),
            revision=1,
            counted_seq=0,
            counted_at=world.clock.now(),
            listing_ids=(),
            lot=lot_of(brick(4, number=number, color_id=color_id, sale_percent=5, remarks="A1")),
            correlation_id="",
        )
        for number, color_id in islice(product(numbers, colors), lots)
    ]
    async with world.store.transaction() as tx:
        await absorb_lots(tx, news, world.shop.facts, world.settings, world.clock.now())


async def _measure(lots: int, console: Console) -> None:
    for kind, switches in SHOPS.items():
        new = await plan_new_lots(lots, switches)
        await new.run_out()
        console.print(
            f"{lots} new lots in a Brick Owl shop {kind}: done {new.said} after the question, it was said, bound by"
            f" {new.told.bound_by}. They took {new.took}, {new.took / new.said:.3f} of that, by {new.calls} calls;"
            f" four fifths of the limit take {new.allowed}."
        )


if __name__ == "__main__":
    logging.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=20_000)
    asyncio.run(_measure(parser.parse_args().lots, Console(width=200)))
