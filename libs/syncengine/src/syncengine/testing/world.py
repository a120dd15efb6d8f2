"""One seller, one shop, one inventory that counts as the design says, and the engine between them, all in memory."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
from syncengine.absorb import (
    ConnectionNews,
    LotNews,
    absorb_answer,
    absorb_connection,
    absorb_lots,
    begin_anew_after_loss,
)
from syncengine.lane import Lane
from syncengine.listing import Item, LotId, Value
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.settings import Settings
from syncengine.store.protocol import FencedError
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import BRICK, SELLER, Inventory
from syncengine.testing.memory_store import MemoryStore, Tables
from syncengine.testing.shop import MemoryShop
from syncengine.turn import take_turn

QUICK = Settings(
    late_window=timedelta(seconds=2),
    lag_window=timedelta(seconds=20),
    order_poll_interval=timedelta(seconds=5),
    call_deadline=timedelta(seconds=3),
    list_deadline=timedelta(seconds=3),
    lease=timedelta(seconds=30),
    anchor_doubt=timedelta(seconds=1),
)

SOON_CERTAIN = replace(QUICK, census_interval=timedelta(minutes=3))
"""Where an empty list is soon believed (rule N3): of a shop in which the tests' only lot may not have got."""


class World:
    """Everything of one connection, driven by hand."""

    def __init__(self, seed: int = 0, settings: Settings = QUICK, store: MemoryStore | None = None) -> None:
        self.clock = HandClock()
        self.store = store or MemoryStore()
        self.shop = MemoryShop(self.clock)
        self.inventory = Inventory(self.clock)
        self.settings = settings
        self.random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        self.told = 0

    async def connect(
        self,
        *,
        shop_is_empty: bool = True,
        key_version: int = 1,
        connected_at: datetime | None = None,
        shop_name: str = "testers",
        currency_code: str = "EUR",
        enabled: bool = True,
    ) -> None:
        """The seller connects the shop, replaces its keys, or takes them back."""
        async with self.store.transaction() as tx:
            connection = self.store.tables.connections.get(SELLER)
            await absorb_connection(
                tx,
                ConnectionNews(
                    seller_id=SELLER,
                    seq=(connection.event_seq if connection else 0) + 1,
                    connected_at=connected_at or (connection and connection.connected_at) or self.clock.now(),
                    enabled=enabled,
                    key_version=key_version,
                    shop_is_empty=shop_is_empty,
                    shop_name=shop_name,
                    currency_code=currency_code,
                ),
                self.clock.now(),
            )

    def create(self, lot_id: str, quantity: int, item: Item = BRICK, *, retain: bool = False, **fields: Value) -> None:
        """A user makes a lot."""
        values: dict[str, Value] = {"price": "0.1000", "note": "", "cost": None}
        self.inventory.create(lot_id, quantity, item, retain=retain, fields=values | fields)

    def change(self, lot_id: str, by: int = 0, **fields: Value) -> None:
        """A user changes a lot."""
        self.inventory.change(lot_id, by, fields)

    async def confirm(self) -> None:
        """The seller agrees to the first plan."""
        async with self.store.transaction() as tx:
            connection = await tx.lock_connection(SELLER)
            await tx.save_connection(replace(connection, confirmed_at=self.clock.now(), due_at=self.clock.now()))

    async def agree(self) -> None:
        """The seller agrees to the removals that are held."""
        async with self.store.transaction() as tx:
            connection = await tx.lock_connection(SELLER)
            now = self.clock.now()
            await tx.save_connection(replace(connection, removals_agreed_at=now, removals_held=0, due_at=now))

    async def lose_database(self, backup: Tables | None = None, told: int = 0) -> None:
        """Make the database anew, or restore it from `backup`, when so many of its events had been told."""
        self.store.tables = Tables() if backup is None else backup
        self.told = told
        async with self.store.transaction() as tx:
            await begin_anew_after_loss(tx, self.clock.now())

    async def deliver(self) -> None:
        """Carry the engine's events to inventory, and inventory's to the engine."""
        outbox = self.store.tables.outbox
        for event in outbox[self.told :]:
            if isinstance(event.message, ResultEvent):
                self.inventory.take_result(event.message)
            elif isinstance(event.message, OrderLineTotalled):
                self.inventory.take_line(event.message)
        self.told = len(outbox)
        news, self.inventory.news = self.inventory.news, []
        for item in news:
            async with self.store.transaction() as tx:
                if isinstance(item, LotNews):
                    await absorb_lots(tx, [item], self.shop.facts, self.settings, self.clock.now())
                else:
                    await absorb_answer(tx, item, self.clock.now())

    async def turn(self, owner: str = "worker") -> bool:
        """Let one worker take one turn, if the connection is due and free."""
        now = self.clock.now()
        if await self.store.next_due(owner, now) is None:
            return False
        lease = await self.store.take_lease(SELLER, owner, now, now + self.settings.lease)
        if lease is None:
            return False
        keys = self.connection.key_version
        lane = Lane(self.store, self.clock, self.shop, self.settings, self.random, lease, keys)
        try:
            await take_turn(lane)
        except FencedError:
            return False
        return True

    async def settle(self, for_at_most: timedelta = timedelta(minutes=5)) -> None:
        """Let time pass, a second a step, until nothing moves any more but the polls."""
        end = self.clock.now() + for_at_most
        while self.clock.now() < end:
            for _ in range(200):
                await self.deliver()
                if not await self.turn():
                    break
            self.clock.turn(timedelta(seconds=1))

    @property
    def connection(self) -> ConnectionRow:
        """The connection's row."""
        return self.store.tables.connections[SELLER]

    def row(self, lot_id: str) -> ListingRow:
        """One lot's row."""
        return self.store.tables.listings[LotId(lot_id)]

    def shown(self) -> dict[str, int]:
        """What the shop shows, by note: tests give each lot its own."""
        return {str(listing.fields["note"]): listing.quantity for listing in self.shop.listings.values()}


async def connected(settings: Settings = QUICK) -> World:
    """Make a world whose shop is connected, and read once."""
    world = World(settings=settings)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    return world
