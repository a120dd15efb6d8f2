"""A plan for many lots, and what then happens in the virtual clock."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.absorb import LotNews, absorb_lots
from syncengine.settings import Settings
from syncengine.testing.inventory import BRICK
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.operator import Operator
from syncengine.testing.world import World

_LATER = timedelta(minutes=5)
_STEP = timedelta(seconds=1)
_NEW_PRICE = "0.3000"


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesPlanned:
    """A shop whose lots all wait for another price, and the plan for them."""

    world: World
    asked_at: datetime
    told: pb.PlanResponse

    @property
    def said(self) -> timedelta:
        """From the question to the finish that was told."""
        return self.told.finish_at.ToDatetime(UTC) - self.asked_at

    async def run_out(self) -> timedelta:
        """Let time pass until the shop shows every new price; return how long that took from the question."""
        shop = self.world.shop
        while any(listing.fields["price"] != _NEW_PRICE for listing in shop.listings.values()):
            await go_on(self.world, timedelta(hours=1))
        return max(write.at for write in shop.writes) - self.asked_at


async def plan_prices(
    lots: int, *, calls_a_day: int, settings: Settings, store: MemoryStore | None = None
) -> PricesPlanned:
    """Fill a shop with lots, give each another price, and ask for the plan.

    The shop makes a hundred listings by one call, and allows `calls_a_day` in any 24 hours.
    """
    world = World(settings=settings, store=store)
    facts = world.shop.facts
    world.shop.facts = replace(facts, creates_at_once=100, limit=replace(facts.limit, calls=calls_a_day))
    await world.connect()
    await go_on(world, _LATER)
    for number in range(lots):
        world.create(f"lot{number:05}", 10, replace(BRICK, number=str(number)), note=f"lot{number}")
    await _absorb_all(world)
    await go_on(world, _LATER)
    while any(row.listing_id is None for row in world.store.tables.listings.values()):
        await go_on(world, _LATER)
    for number in range(lots):
        world.change(f"lot{number:05}", price=_NEW_PRICE)
    await _absorb_all(world)
    asked_at = world.clock.now()
    told: pb.PlanResponse = await Operator(world).ask("Plan", pb.PlanRequest())
    return PricesPlanned(world=world, asked_at=asked_at, told=told)


async def _absorb_all(world: World) -> None:
    """Absorb what inventory published at once: a transaction for each lot copies every table of the store."""
    news = [item for item in world.inventory.news if isinstance(item, LotNews)]
    world.inventory.news = []
    async with world.store.transaction() as tx:
        await absorb_lots(tx, news, world.shop.facts, world.settings, world.clock.now())


async def go_on(world: World, while_passes: timedelta) -> None:
    """Let the one worker work; where nothing is due, time jumps to when something is."""
    end = world.clock.now() + while_passes
    while (now := world.clock.now()) < end:
        await world.deliver()
        due_at = await world.store.next_due_at()
        if due_at is not None and due_at > now:
            world.clock.turn(min(due_at, end) - now)
        elif not await world.turn():
            world.clock.turn(_STEP)
