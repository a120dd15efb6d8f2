"""One seed's life: users, buyers, workers and accidents as the seed chooses, then rest, then judgement."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
from brickops.inventory.v1.lot_sync_pb2 import FIELD_GROUP_QUANTITY
from syncengine.absorb import (
    AnswerNews,
    ConnectionNews,
    LotNews,
    absorb_answer,
    absorb_connection,
    absorb_lots,
    begin_anew_after_loss,
)
from syncengine.events import Event
from syncengine.lane import Lane
from syncengine.listing import Item, Listing, LotId, OrderId
from syncengine.rows import Settings
from syncengine.store.protocol import FencedError
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import SELLER, Inventory
from syncengine.testing.memory_store import MemoryStore, Tables
from syncengine.testing.simulation.judges import Judges, Misjudged
from syncengine.testing.simulation.schedule import Task, pause
from syncengine.testing.simulation.shop import Accident, FaultyShop, Network, ShopModel
from syncengine.turn import take_turn

SETTINGS = Settings(
    late_window=timedelta(seconds=20),
    lag_window=timedelta(seconds=90),
    order_poll_interval=timedelta(seconds=15),
    full_order_interval=timedelta(minutes=5),
    census_interval=timedelta(minutes=30),
    halt_probe_interval=timedelta(seconds=60),
    call_deadline=timedelta(seconds=5),
    list_deadline=timedelta(seconds=8),
    lease=timedelta(seconds=20),
    lease_margin=timedelta(seconds=2),
    anchor_doubt=timedelta(seconds=1),
    backoff_cap=timedelta(seconds=30),
)

EVENTS = 1000
_WORKERS = 2
_TURNS_AT_ONCE = 6
_WRITE_ACCIDENTS = (
    Accident.LOST_BEFORE,
    Accident.LOST_AFTER,
    Accident.LATE,
    Accident.ERROR_BEFORE,
    Accident.ERROR_AFTER,
    Accident.BUSY,
    Accident.BUSY_UNTIL,
    Accident.SLOW,
)
_READ_ACCIDENTS = (Accident.LOST_BEFORE, Accident.ERROR_BEFORE, Accident.BUSY, Accident.SHORT_LIST)


class CutError(Exception):
    """The database's connection broke in a commit; nobody can say whether it was one."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a seed's life came to."""

    seed: int
    events: int
    struck: Counter[str]


class Life:
    """One seller's shop from connection to rest."""

    def __init__(self, seed: int, model: Callable[[Settings], ShopModel], *, colors: tuple[int, ...]) -> None:
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        self.clock = HandClock()
        self.settings = SETTINGS
        self.inventory = Inventory(self.clock)
        self.judges = Judges(self.inventory)
        self.shop = model(self.settings)
        self.network = Network(self.shop, self.clock, self.settings, self.random, self.judges.landed)
        self.judges.network = self.network
        self.store = MemoryStore()
        self.colors = colors
        self.topic: list[Event] = []
        """The engine's events, as published: they outlive its database."""
        self.published = 0
        self.consumed = 0
        self.workers = [self._worker(f"worker-{n}") for n in range(_WORKERS)]
        self.names = 0
        self.connected_at = self.clock.now()
        self.connection_seq = 0
        self.key_version = 1
        self.snapshot: Tables | None = None
        self.struck: Counter[str] = Counter()

    # One life ---------------------------------------------------------------------------------------------------------

    def live(self) -> Outline:
        """Live it; raises Misjudged."""
        self._connect()
        for _ in range(EVENTS):
            self._happen()
            self._watch()
        self._calm_down()
        writes = len(self.network.stamps)
        self._rest(timedelta(minutes=40))
        self._find_lots_for_a_person()
        self.judges.judge_rest()
        landed = self._count_writes()
        self._rest(timedelta(minutes=40))
        if self._count_writes() != landed:
            raise Misjudged(8, "a settled lot caused a write")
        return Outline(self.seed, EVENTS + writes, self.struck + self.network.struck)

    def _find_lots_for_a_person(self) -> None:
        """After a loss nobody can say whose an order is that names a listing made just before it (rule C4)."""
        if not self.struck["database lost"] + self.struck["database restored"]:
            return
        connection = self.store.tables.connections[SELLER]
        if connection.census_alarm == "LIST_IS_EMPTY" and not self.shop.listings():
            self.judges.for_a_person |= (
                self.inventory.lots.keys()
            )  # sold out meanwhile; by the list alone it is closed (C5)
        held = connection.held_items
        self.judges.for_a_person |= {lot_id for lot_id, stock in self.inventory.lots.items() if stock.item in held}

    def _happen(self) -> None:
        happenings: list[tuple[int, Callable[[], None]]] = [
            (120, self._step_worker),
            (14, self._deliver),
            (20, self._pass_time),
            (4, self._create),
            (16, self._edit),
            (8, self._buy),
            (2, self._buy_more),
            (1, self._file_order),
            (9, self._accident),
            (1, self._kill_worker),
            (1, self._freeze_worker),
            (1, self._cut_commit),
            (1, self._redeliver),
        ]
        if self.random.random() < 0.001:
            self._lose_database()
        elif self.random.random() < 0.0005:
            self._replace_keys()
        weights = [weight for weight, _ in happenings]
        self.random.choices([happening for _, happening in happenings], weights)[0]()

    def _watch(self) -> None:
        for intent in self.store.tables.intents.values():
            self.judges.intents[intent.stamp.isoformat()] = intent
        self.network.land_late_ones()
        self._publish()
        self.judges.judge_step()

    def _calm_down(self) -> None:
        self.network.accidents.clear()
        self.store.before_commit = self.store.after_commit = lambda: None
        for worker in self.workers:
            worker.frozen_until = None

    def _rest(self, how_long: timedelta) -> None:
        end = self.clock.now() + how_long
        while self.clock.now() < end:
            for _ in range(40):
                for worker in self.workers:
                    self._step(worker)
                self._deliver_all()
                self._watch()
                if not self._is_due():
                    break
            self.clock.turn(timedelta(seconds=1))

    def _is_due(self) -> bool:
        connection = self.store.tables.connections[SELLER]
        return connection.due_at is not None and connection.due_at <= self.clock.now()

    def _count_writes(self) -> int:
        return len(self.store.tables.intents)

    # Workers ----------------------------------------------------------------------------------------------------------

    def _worker(self, name: str) -> Task:
        return Task(name, self._work(f"{name}-{self.random.getrandbits(32)}"))

    async def _work(self, owner: str) -> None:
        while True:
            await pause()
            now = self.clock.now()
            if await self.store.next_due(owner, now) is None:
                continue
            lease = await self.store.take_lease(SELLER, owner, now, now + self.settings.lease)
            if lease is None:
                continue
            shop, keys = FaultyShop(self.network), self.store.tables.connections[SELLER].key_version
            lane = Lane(self.store, self.clock, shop, self.settings, self.random, lease, keys)
            try:
                for _ in range(_TURNS_AT_ONCE):
                    await pause()
                    await take_turn(lane)
            except FencedError:
                continue
            except CutError:
                self.struck["commit cut"] += 1
                continue
            await self.store.release_lease(lane.lease, self.clock.now())

    def _step_worker(self) -> None:
        self._step(self.random.choice(self.workers))

    def _step(self, worker: Task) -> None:
        if worker.frozen_until is not None and worker.frozen_until > self.clock.now():
            return
        worker.step()
        self._publish()

    def _kill_worker(self) -> None:
        place = self.random.randrange(len(self.workers))
        self.workers[place].kill()
        self.workers[place] = self._worker(f"worker-{place}")
        self.struck["worker killed"] += 1

    def _freeze_worker(self) -> None:
        worker = self.random.choice(self.workers)
        worker.frozen_until = self.clock.now() + self.settings.lease * self.random.uniform(0.5, 3)
        self.struck["worker slept beyond its lease"] += 1

    def _cut_commit(self) -> None:
        count = self.random.randint(0, 8)
        lost = self.random.random() < 0.5

        def cut() -> None:
            nonlocal count
            count -= 1
            if count < 0:
                self.store.before_commit = self.store.after_commit = lambda: None
                raise CutError

        if lost:
            self.store.before_commit = cut
        else:
            self.store.after_commit = cut

    # Databases and topics ---------------------------------------------------------------------------------------------

    def _publish(self) -> None:
        outbox = self.store.tables.outbox
        for event in outbox[self.published :]:
            self.topic.append(event)
            if isinstance(event.message, ResultEvent) and event.message.WhichOneof("result") == "lot_settled":
                self._judge_saying(event.message)
        self.published = len(outbox)

    def _judge_saying(self, result: ResultEvent) -> None:
        settled = result.lot_settled
        for group in settled.groups:
            if group.group == FIELD_GROUP_QUANTITY and group.settled_revision == settled.desired_revision:
                self.judges.judge_saying(LotId(settled.lot_id), settled.desired_revision)

    def _deliver(self) -> None:
        for event in self.topic[self.consumed : self.consumed + self.random.randint(1, 5)]:
            self._consume(event)
            self.consumed += 1
        count = self.random.randint(0, len(self.inventory.news))
        self._absorb(count)

    def _deliver_all(self) -> None:
        for event in self.topic[self.consumed :]:
            self._consume(event)
        self.consumed = len(self.topic)
        self._absorb(len(self.inventory.news))

    def _redeliver(self) -> None:
        back = self.random.randint(0, min(10, self.consumed))
        for event in self.topic[self.consumed - back : self.consumed]:
            self._consume(event)
        self.struck["redelivery"] += 1

    def _consume(self, event: Event) -> None:
        if isinstance(event.message, ResultEvent):
            self.inventory.take_result(event.message)
        elif isinstance(event.message, OrderLineTotalled):
            self.inventory.take_line(event.message)
        for stock in self.inventory.lots.values():
            # A sale makes a revision of its own; what users made of the lot is as before.
            for revision in range(stock.revision, 0, -1):
                if (stock.lot_id, revision) in self.judges.totals:
                    self.judges.totals.setdefault(
                        (stock.lot_id, stock.revision), self.judges.totals[stock.lot_id, revision]
                    )
                    break

    def _absorb(self, count: int) -> None:
        for _ in range(count):
            item = self.inventory.news.pop(0)
            _now(self._absorb_one(item))

    async def _absorb_one(self, item: LotNews | AnswerNews) -> None:
        with self._uncut():
            async with self.store.transaction() as tx:
                if isinstance(item, LotNews):
                    await absorb_lots(tx, [item], self.shop.facts, self.clock.now())
                else:
                    await absorb_answer(tx, item, self.clock.now())

    @contextmanager
    def _uncut(self) -> Iterator[None]:
        """Let a transaction through that a consumer would repeat anyway."""
        cuts = self.store.before_commit, self.store.after_commit
        self.store.before_commit = self.store.after_commit = lambda: None
        yield
        self.store.before_commit, self.store.after_commit = cuts

    def _connect(self) -> None:
        self.connection_seq += 1
        _now(
            self._absorb_connection(
                ConnectionNews(
                    seller_id=SELLER,
                    seq=self.connection_seq,
                    connected_at=self.connected_at,
                    enabled=True,
                    key_version=self.key_version,
                    shop_is_empty=True,
                    shop_name="demo_seller",
                    currency_code="EUR",
                )
            )
        )

    async def _absorb_connection(self, news: ConnectionNews) -> None:
        with self._uncut():
            async with self.store.transaction() as tx:
                await absorb_connection(tx, news, self.clock.now())

    def _replace_keys(self) -> None:
        self.key_version += 1
        self._connect()
        self.struck["keys replaced"] += 1

    def _lose_database(self) -> None:
        self.store.before_commit = self.store.after_commit = lambda: None
        self._publish()
        restored = self.snapshot if self.random.random() < 0.5 else None
        stamp = self.store.tables.connections[SELLER].last_stamp
        self.store.tables = restored.copy() if restored is not None else Tables()
        self.store.tables.outbox = []
        self.published = 0
        self.snapshot = None
        _now(self._begin_anew())
        if restored is None:
            self._connect()
        # The shop remembers the stamps it saw; a clock that has moved on is above them (rule B4).
        if stamp is not None and stamp >= self.clock.now():
            self.clock.turn(stamp - self.clock.now() + timedelta(seconds=1))
        self.struck["database restored" if restored is not None else "database lost"] += 1

    async def _begin_anew(self) -> None:
        async with self.store.transaction() as tx:
            await begin_anew_after_loss(tx, self.clock.now())

    # People -----------------------------------------------------------------------------------------------------------

    def _pass_time(self) -> None:
        self.clock.turn(timedelta(seconds=self.random.choice((0.2, 1, 2, 5, 12))))
        if self.random.random() < 0.1:
            self.snapshot = self.store.tables.copy()

    def _create(self) -> None:
        if self.names >= 10:
            return
        self.names += 1
        lot_id = LotId(f"lot-{self.names:02}")
        quantity = self.random.randint(1, 25)
        color_id = self.random.choice(self.colors)
        item = Item(item_type="PART", number="3001", color_id=color_id, condition="NEW", completeness="")
        self.inventory.create(lot_id, quantity, item, fields=self.shop.fields(self._price(), f"note {self.names}"))
        self.judges.increases[lot_id] += quantity
        self.judges.totals[lot_id, 1] = quantity

    def _price(self) -> str:
        return f"0.{self.random.randint(1, 9999):04}"

    def _edit(self) -> None:
        if not self.inventory.lots:
            return
        lot_id = self.random.choice(sorted(self.inventory.lots))
        stock = self.inventory.lots[lot_id]
        by = self.random.choice((0, self.random.randint(1, 12), -self.random.randint(0, max(0, stock.quantity))))
        if self.random.random() < 0.1:
            by = -max(0, stock.quantity)
        before = self.judges.totals[lot_id, stock.revision]
        note = f"note {lot_id.removeprefix('lot-').lstrip('0')}"
        fields = self.shop.fields(self._price(), note) if self.random.random() < 0.5 else {}
        self.inventory.change(lot_id, by=by, fields=fields)
        self.judges.totals[lot_id, stock.revision] = before + by
        self.judges.increases[lot_id] += max(0, by)

    def _listings(self) -> list[Listing]:
        listings = [listing for listing in self.shop.listings().values() if listing.quantity > 0]
        return sorted(listings, key=lambda listing: listing.listing_id)

    def _lag(self) -> timedelta:
        if self.random.random() < 0.6:
            return timedelta(0)
        self.struck["order listed late"] += 1
        return self.settings.lag_window * self.random.random() * 0.8

    def _buy(self) -> None:
        if listings := self._listings():
            listing = self.random.choice(listings)
            pieces = self.random.choice((1, listing.quantity, self.random.randint(1, listing.quantity)))
            self.shop.buy(listing.listing_id, pieces, self.clock.now(), lag=self._lag())

    def _buy_more(self) -> None:
        listings, orders = self._listings(), sorted({order_id for order_id, _ in self.shop.lines()})
        if listings and orders:
            listing = self.random.choice(listings)
            self.shop.buy_more(self.random.choice(orders), listing.listing_id, 1, self.clock.now(), lag=self._lag())

    def _file_order(self) -> None:
        orders: list[OrderId] = sorted({order_id for order_id, _ in self.shop.lines()})
        if orders:
            self.shop.file(self.random.choice(orders))

    def _accident(self) -> None:
        write = self.random.random() < 0.85
        accident = self.random.choice(_WRITE_ACCIDENTS if write else _READ_ACCIDENTS)
        self.network.accidents.append((accident, write))


def _now(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine that never pauses."""
    Task("now", work).step()
