"""One stock in both shops, in virtual time: what is sold in one is counted once, and goes from the other.

The engine's own code for each shop, with the product's own settings, over the sandboxes' models of the shops and a
store in memory. What a sale waits for here is what the rules and the engine make it wait for, whatever the machine.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
from sandbox.bricklink.switches import Switches as BrickLinkSwitches
from sandbox.brickowl.switches import Switches as BrickOwlSwitches
from simulation.bricklink import BrickLinkModel
from simulation.brickowl import BrickOwlModel
from simulation.failing_shop import FailingShop, Fault
from simulation.passing_time import Agenda
from sync_brickowl.catalog import COLORS
from syncengine.absorb import AnswerNews, ConnectionNews, LotNews, absorb_answer, absorb_connection, absorb_lots
from syncengine.events import Event
from syncengine.lane import Lane
from syncengine.listing import ListingId, LotId, OrderId
from syncengine.marketplace import Create, Limit, Outcome, Remove, Update, Write
from syncengine.rows.connection import ConnectionRow
from syncengine.settings import Settings
from syncengine.store.protocol import Transaction
from syncengine.testing.inventory import SELLER, Inventory
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.model import ShopModel
from syncengine.turn import take_turn

PIECES = 60
"""Of each lot."""
FAULTY = 0.1
"""The share of calls that fail."""
_TURNS = 10
"""As many as the service's worker takes for one connection at once."""
_NET = timedelta(seconds=0.5)
"""The longest time that a worker waits before it looks for work."""
_MESSAGE = timedelta(seconds=0.2)
"""How long one is under way from service to service."""
_NAME = "demo_seller"


@dataclass(slots=True, kw_only=True)
class Sale:
    """Pieces of a lot that a buyer took in one shop, and what became of it."""

    lot_id: LotId
    pieces: int
    order_id: OrderId
    bought_at: datetime
    counted_at: datetime | None = None
    gone_at: datetime | None = None
    """When as many were gone from the other shop as were counted by then."""
    struck: int = 0
    """How many calls that were to take its lot's pieces from the other shop failed meanwhile."""

    @property
    def waited(self) -> timedelta:
        """From the moment at which inventory counted it until it was gone from the other shop."""
        if self.counted_at is None or self.gone_at is None:
            return timedelta.max
        return self.gone_at - self.counted_at


@dataclass(slots=True)
class ServedShop:
    """One of the shops, its sync service, and what inventory knows of it."""

    model: ShopModel
    agenda: Agenda
    settings: Settings
    random: Random
    store: MemoryStore = field(default_factory=MemoryStore)
    inventory: Inventory = field(init=False)
    other: "ServedShop" = field(init=False)
    next_fault: Callable[[Write | ListingId | None], Fault | None] = lambda called: None
    sales: list[Sale] = field(default_factory=list)
    """In this shop."""
    calls: Counter[str] = field(default_factory=Counter)
    _owed: defaultdict[LotId, list[Sale]] = field(default_factory=lambda: defaultdict(list))
    """The other shop's sales that are counted and still to go from here, oldest first."""
    _gone: Counter[LotId] = field(default_factory=Counter)
    """Pieces that our calls took from here beyond those of sales that are gone."""
    _published: int = 0

    def __post_init__(self) -> None:
        self.inventory = Inventory(self.agenda.clock)

    @property
    def connection(self) -> ConnectionRow:
        """The connection's row."""
        return self.store.tables.connections[SELLER]

    # What happens -----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """The seller connects an empty shop; its service begins to work."""
        news = ConnectionNews(
            seller_id=SELLER,
            seq=1,
            connected_at=self.agenda.clock.now(),
            enabled=True,
            key_version=1,
            shop_is_empty=True,
            shop_name=_NAME,
            currency_code="EUR",
        )

        async def absorb(tx: Transaction) -> None:
            await absorb_connection(tx, news, self.agenda.clock.now())

        self._at_once(self._in_transaction(absorb))
        self.agenda.start(self._work())

    def sell(self, random: Random) -> None:
        """A buyer takes one to three pieces of some lot."""
        listings, rows = self.model.listings(), self.store.tables.listings.values()
        row = random.choice([each for each in rows if each.listing_id and listings[each.listing_id].quantity > 3])
        assert row.listing_id is not None
        now, pieces = self.agenda.clock.now(), random.randint(1, 3)
        order_id = self.model.buy(row.listing_id, pieces, now, lag=timedelta(0))
        self.sales.append(Sale(lot_id=row.lot_id, pieces=pieces, order_id=order_id, bought_at=now))

    def shown(self) -> dict[LotId, int]:
        """How many pieces of each lot the shop shows."""
        owners = self.store.tables.owners
        return {owners[SELLER, listing_id]: listing.quantity for listing_id, listing in self.model.listings().items()}

    # The sync service -------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        clock, store = self.agenda.clock, self.store
        while True:
            now = clock.now()
            due = await store.next_due("worker", now)
            lease = await store.take_lease(SELLER, "worker", now, now + self.settings.lease) if due else None
            if lease is None:
                due_at = await store.next_due_at()
                await self.agenda.sleep(_NET if due_at is None else min(_NET, max(_NET / 10, due_at - now)))
                continue
            for _ in range(_TURNS):
                connection, now = self.connection, clock.now()
                rests_until = max(filter(None, (connection.due_at, connection.not_before)), default=now)
                if connection.due_at is None or rests_until > now:
                    await self._in_transaction(self._rest)
                    break
                lane = Lane(store, clock, self._shop(), self.settings, self.random, lease, connection.key_version)
                await take_turn(lane)
                lease = lane.lease
                self._publish()
            await store.release_lease(lease, clock.now())

    async def _rest(self, tx: Transaction) -> None:
        connection = await tx.lock_connection(SELLER)
        if connection.due_at is not None and connection.not_before is not None:
            due_at = max(connection.due_at, connection.not_before)
            await tx.save_connection(replace(connection, due_at=due_at))

    def _shop(self) -> FailingShop:
        return FailingShop(self.model, agenda=self.agenda, next_fault=self._strike, land=self._land)

    def _strike(self, called: Write | ListingId | None) -> Fault | None:
        self.calls["reads" if called is None or isinstance(called, str) else "writes"] += 1
        fault = self.next_fault(called)
        if fault is not None and isinstance(called, Update | Remove):
            for sale in self._owed[self.store.tables.owners[SELLER, called.listing_id]]:
                sale.struck += 1
        return fault

    def _land(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        before, now = self.model.listings(), self.agenda.clock.now()
        several = len(writes) > 1
        outcomes = self.model.write_all(writes, now)[0] if several else [self.model.write(writes[0], now)]
        after = self.model.listings()
        for write in writes:
            if not isinstance(write, Create):
                was, is_now = (each.get(write.listing_id) for each in (before, after))
                taken = (was.quantity if was else 0) - (is_now.quantity if is_now else 0)
                self._take(self.store.tables.owners[SELLER, write.listing_id], taken)
        return outcomes

    def _take(self, lot_id: LotId, pieces: int) -> None:
        self._gone[lot_id] += pieces
        owed = self._owed[lot_id]
        while owed and self._gone[lot_id] >= owed[0].pieces:
            self._gone[lot_id] -= owed[0].pieces
            owed.pop(0).gone_at = self.agenda.clock.now()

    # Messages ---------------------------------------------------------------------------------------------------------

    def _publish(self) -> None:
        outbox = self.store.tables.outbox
        events, self._published = outbox[self._published :], len(outbox)
        if events:
            self.agenda.after(_MESSAGE, lambda: self._count(events))

    def _count(self, events: Sequence[Event]) -> None:
        """Inventory takes in what the service told: what was sold here goes from the lot of both."""
        for event in events:
            if isinstance(event.message, ResultEvent):
                self.inventory.take_result(event.message)
            elif isinstance(event.message, OrderLineTotalled):
                stock = self.inventory.lots[LotId(event.message.lot_id)]
                before = stock.quantity
                self.inventory.take_line(event.message)
                if sold := before - stock.quantity:
                    self.other.inventory.sell_elsewhere(stock.lot_id, sold)
                    self._note(event.message)
        self.tell()
        self.other.tell()

    def _note(self, line: OrderLineTotalled) -> None:
        sale = next(each for each in self.sales if each.order_id == line.order_id)
        sale.counted_at = self.agenda.clock.now()
        self.other._owed[sale.lot_id].append(sale)

    def tell(self) -> None:
        """Inventory tells the service what is news."""
        news, self.inventory.news = self.inventory.news, []
        if news:
            self.agenda.after(_MESSAGE, lambda: self._at_once(self._in_transaction(lambda tx: self._absorb(tx, news))))

    async def _absorb(self, tx: Transaction, news: Sequence[LotNews | AnswerNews]) -> None:
        now = self.agenda.clock.now()
        lots = [replace(each, lot=self.model.told(each.lot)) for each in news if isinstance(each, LotNews)]
        await absorb_lots(tx, lots, self.model.facts, self.settings, now)
        for each in news:
            if isinstance(each, AnswerNews):
                await absorb_answer(tx, each, now)

    async def _in_transaction(self, do: Callable[[Transaction], Coroutine[Any, Any, None]]) -> None:
        async with self.store.transaction() as tx:
            await do(tx)

    def _at_once(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what never waits."""
        try:
            work.send(None)
        except StopIteration:
            return
        raise AssertionError("it waits")


def _strike(fault: Fault | None, chance: Random, called: Write | ListingId | None) -> Fault | None:
    return fault if chance.random() < FAULTY else None


class OneStock:
    """A seller whose lots are all in both shops."""

    def __init__(self, seed: int, *, lots: int, settings: Settings | None = None) -> None:
        """`settings`: the product's own, unless others are given."""
        self.agenda, self.random = Agenda(), Random(seed)
        day, minute = (Limit(name=name, calls=calls, window=window) for name, calls, window in _LIMITS)
        self.bricklink = self._serve(BrickLinkModel(_NAME, day, BrickLinkSwitches()), settings)
        self.brickowl = self._serve(BrickOwlModel(_NAME, minute, BrickOwlSwitches()), settings)
        self.bricklink.other, self.brickowl.other = self.brickowl, self.bricklink
        for shop in self.shops:
            shop.connect()
        self.agenda.pass_time(timedelta(minutes=1))
        for color_id in sorted(COLORS)[1 : lots + 1]:
            for shop in self.shops:
                fields = shop.model.fields("0.1000", f"lot {color_id}", hidden=False)
                shop.inventory.create(f"lot-{color_id:03}", PIECES, shop.model.item(color_id), fields=fields)
        for shop in self.shops:
            shop.tell()
        self.agenda.pass_time(timedelta(hours=1))
        assert all(len(shop.shown()) == lots for shop in self.shops)

    def _serve(self, model: ShopModel, settings: Settings | None) -> ServedShop:
        engines = Random(self.random.random())
        return ServedShop(model, self.agenda, settings or Settings(), engines)

    @property
    def shops(self) -> tuple[ServedShop, ServedShop]:
        """Both."""
        return self.bricklink, self.brickowl

    def fail(self, fault: Fault | None) -> None:
        """From now on a tenth of all calls to both shops fail so; None: none does."""
        for shop in self.shops:
            shop.next_fault = partial(_strike, fault, Random(self.random.random()))

    def sell(self, sales: int, within: timedelta) -> None:
        """Let time pass in which so many sales come in each shop, one at any moment."""
        for shop in self.shops:
            for _ in range(sales):
                self.agenda.after(within * self.random.random(), partial(shop.sell, self.random))
        self.agenda.pass_time(within)

    def wrong(self) -> Iterator[str]:
        """Name what is lost or doubled, at rest."""
        for lot_id, stock in self.bricklink.inventory.lots.items():
            sold = sum(sale.pieces for shop in self.shops for sale in shop.sales if sale.lot_id == lot_id)
            told = [stock.quantity, *(shop.shown().get(lot_id, 0) for shop in self.shops)]
            if told != [PIECES - sold] * 3:
                yield f"{lot_id}: {PIECES - sold} are left; inventory and the shops say {told}"


_LIMITS = (("day", 5000, timedelta(days=1)), ("minute", 600, timedelta(minutes=1)))
"""Of BrickLink and Brick Owl (rule B1)."""
