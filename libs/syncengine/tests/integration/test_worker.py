"""Workers over a real database: who serves whom, what a stop finishes, and what one bad connection costs the others."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg
import pytest

from servicekit.clock import SystemClock
from servicekit.logs import correlation_id
from syncengine.absorb import LotNews, absorb_lots
from syncengine.listing import ListingId, Lot, LotId, OrderRead, SellerId
from syncengine.marketplace import Halted, Outcome, ReadFailedError, Ticket, Write
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Fate
from syncengine.service import worker as worker_module
from syncengine.service.bell import Bell
from syncengine.service.worker import Worker
from syncengine.settings import Settings
from syncengine.store.postgres import PostgresStore
from syncengine.testing.shop import FACTS, MemoryShop
from syncengine.testing.store_contract.scenery import BRICK, BUCKET

from .conftest import ROLE, Database

CLOCK = SystemClock()
SETTINGS = Settings(
    call_deadline=timedelta(seconds=5),
    list_deadline=timedelta(seconds=5),
    lease=timedelta(seconds=15),
    order_poll_interval=timedelta(hours=1),
)
A, B = SellerId("seller-a"), SellerId("seller-b")


class WatchedShop(MemoryShop):
    """Sees whether two ever serve it at once; a test may make it hesitate, or fail."""

    def __init__(self) -> None:
        super().__init__(CLOCK)
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.failure: Exception | None = None
        self.callers = 0
        self.most_callers = 0

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        await self._hesitate()
        return await super().send(write, ticket)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        await self._hesitate()
        return await super().list_orders(page, ticket)

    async def _hesitate(self) -> None:
        self.callers += 1
        self.most_callers = max(self.most_callers, self.callers)
        self.asked.set()
        try:
            await asyncio.sleep(0)
            await self.may_answer.wait()
            if self.failure is not None:
                raise self.failure
        finally:
            self.callers -= 1


@dataclass
class Town:
    """All shops, and who opened them."""

    shops: dict[SellerId, WatchedShop] = field(default_factory=dict)
    opened: list[SellerId] = field(default_factory=list)
    closed: ReadFailedError | None = None

    async def open(self, seller_id: SellerId, key_version: int) -> WatchedShop:
        self.opened.append(seller_id)
        if self.closed is not None:
            raise self.closed
        return self.shops[seller_id]


class NoKeys:
    """The shops of these tests need none."""

    def end(self, seller_id: SellerId, version: int) -> None: ...

    def end_all(self) -> None: ...


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database.engine, bucket=BUCKET)


async def always() -> bool:
    return True


@dataclass
class Stage:
    """A database, its shops, and workers on both."""

    store: PostgresStore
    database: Database
    town: Town = field(default_factory=Town)

    @asynccontextmanager
    async def working(
        self, town: Town | None = None, *, lanes: int = 3, ready: Callable[[], Awaitable[bool]] = always
    ) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a worker in the block; it is stopped at its end."""
        worker = Worker(
            store=self.store,
            clock=CLOCK,
            settings=SETTINGS,
            shops=town or self.town,
            bell=Bell(self.database.url, NoKeys()),
            ready=ready,
            lanes=lanes,
        )
        running = asyncio.ensure_future(worker.run())
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def connect(self, seller_id: SellerId, *lots: str) -> WatchedShop:
        """Make a connection that may send, with lots to list."""
        now = CLOCK.now()
        shop = self.town.shops[seller_id] = WatchedShop()
        async with self.store.transaction() as tx:
            await tx.save_connection(
                ConnectionRow(
                    seller_id=seller_id,
                    enabled=True,
                    connected_at=now,
                    baseline_at=now,
                    confirmed_at=now,
                    census_at=now,
                    orders_read_at=now,
                    all_orders_read_at=now,
                    due_at=now,
                )
            )
        await self.want(seller_id, *lots)
        return shop

    async def want(self, seller_id: SellerId, *lots: str) -> None:
        """Let lots arrive."""
        news = [lot_news(seller_id, name) for name in lots]
        async with self.store.transaction() as tx:
            await absorb_lots(tx, news, FACTS, SETTINGS, CLOCK.now())

    async def connection(self, seller_id: SellerId) -> ConnectionRow:
        async with self.store.transaction() as tx:
            return await tx.lock_connection(seller_id)

    async def change(self, seller_id: SellerId, **fields: object) -> None:
        """Change a connection's row."""
        async with self.store.transaction() as tx:
            await tx.save_connection(replace(await tx.lock_connection(seller_id), **fields))  # type: ignore[arg-type]

    async def is_free(self, seller_id: SellerId) -> bool:
        """Whether nobody holds the lease."""
        now = CLOCK.now()
        return await self.store.take_lease(seller_id, "somebody else", now, now) is not None


@pytest.fixture
def stage(store: PostgresStore, database: Database) -> Stage:
    return Stage(store, database)


def lot_news(seller_id: SellerId, name: str) -> LotNews:
    lot = Lot(
        item=replace(BRICK, number=name),
        quantity=5,
        for_sale=True,
        retain=False,
        fields={"price": "0.1000", "note": name, "cost": None},
    )
    return LotNews(
        seller_id=seller_id,
        lot_id=LotId(f"{seller_id}/{name}"),
        revision=1,
        counted_seq=0,
        counted_at=None,
        listing_ids=(),
        lot=lot,
        correlation_id=f"cause of {name}",
    )


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what another task writes to the database."""
    async with asyncio.timeout(20):
        while not await true():  # noqa: ASYNC110 - of another session there is no event
            await asyncio.sleep(0.01)


async def test_two_workers_share_connections_and_never_serve_one_at_once(stage: Stage) -> None:
    """Rule L1: twelve connections, two processes' worth of lanes, every lot listed once."""
    sellers = [SellerId(f"seller-{n}") for n in range(12)]
    for seller_id in sellers:
        await stage.connect(seller_id, "1", "2", "3")
    other = Town(stage.town.shops)
    shops = stage.town.shops

    async def all_listed() -> bool:
        return all(len(shop.listings) == 3 for shop in shops.values())

    async def both_have_begun() -> bool:
        return bool(stage.town.opened and other.opened)

    for shop in shops.values():
        shop.may_answer.clear()
    async with stage.working(), stage.working(other):
        await until(both_have_begun)
        for shop in shops.values():
            shop.may_answer.set()
        await until(all_listed)
        await stage.want(sellers[0], "4")
        await until(lambda: listed(shops[sellers[0]], 4))
    assert [len(shops[seller_id].writes) for seller_id in sellers] == [4] + [3] * 11
    assert {shop.most_callers for shop in shops.values()} == {1}
    assert len(set(stage.town.opened)) < 12
    assert len(set(other.opened)) < 12
    assert {*stage.town.opened, *other.opened} == set(sellers)


async def listed(shop: WatchedShop, count: int) -> bool:
    return len(shop.listings) == count


async def test_stop_finishes_and_books_the_write_under_way(stage: Stage) -> None:
    shop = await stage.connect(A, "1", "2")
    shop.may_answer.clear()
    async with stage.working() as running:
        await shop.asked.wait()
        running.cancel()
        await asyncio.wait({running}, timeout=0.3)
        assert not running.done()
        shop.may_answer.set()
        await asyncio.wait({running})
    assert len(shop.writes) == 1
    async with stage.store.transaction() as tx:
        rows = await tx.listings_of(A)
        assert await tx.open_intents(A) == []
    assert [row.listing_id for row in rows] == [ListingId("1001"), None]
    assert await stage.is_free(A)


async def test_stop_gives_up_a_read(stage: Stage) -> None:
    """It changes nothing at the shop, and the next worker reads again at once."""
    shop = await stage.connect(A, "1")
    shop.may_answer.clear()
    await stage.change(A, orders_read_at=None)
    async with stage.working() as running:
        await shop.asked.wait()
        running.cancel()
        await asyncio.wait({running})
    assert shop.callers == 0
    assert shop.writes == []
    connection = await stage.connection(A)
    assert connection.due_at is not None
    assert connection.due_at <= CLOCK.now()
    assert connection.failures == 0
    assert await stage.is_free(A)


async def test_one_connection_that_breaks_stops_no_other(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = await stage.connect(A, "1"), await stage.connect(B)
    broken.failure = ZeroDivisionError("a value that is nobody's business")

    async def put_off() -> bool:
        return (await stage.connection(A)).waiting_for == "INTERNAL_ERROR"

    async with stage.working(lanes=1):
        await until(put_off)
        await stage.want(B, "1")
        await until(lambda: listed(sound, 1))
    connection = await stage.connection(A)
    assert connection.failures >= 1
    assert connection.due_at is not None
    assert connection.due_at >= (connection.not_before or connection.due_at)
    assert "ZeroDivisionError" in caplog.text
    assert "a turn failed" in caplog.text


async def test_connection_without_keys_is_halted(stage: Stage) -> None:
    await stage.connect(A, "1")
    stage.town.closed = ReadFailedError(Halted(reason="NO_KEYS"))

    async def halted() -> bool:
        return (await stage.connection(A)).halted == "NO_KEYS"

    async with stage.working():
        await until(halted)
        opened = len(stage.town.opened)
        await stage.want(A, "2")
        await until(lambda: waits(stage, A))
    assert len(stage.town.opened) == opened
    connection = await stage.connection(A)
    assert connection.due_at == connection.not_before
    assert connection.not_before == (connection.halted_at or CLOCK.now()) + SETTINGS.halt_probe_interval


async def waits(stage: Stage, seller_id: SellerId) -> bool:
    due_at = (await stage.connection(seller_id)).due_at
    return due_at is not None and due_at > CLOCK.now()


async def test_worker_that_lost_its_lease_writes_nothing_more(stage: Stage) -> None:
    """Rule L2: its call's outcome is found by the next worker's look."""
    shop = await stage.connect(A, "1")
    shop.may_answer.clear()
    async with stage.working() as running:
        await shop.asked.wait()
        later = CLOCK.now() + timedelta(seconds=60)
        assert await stage.store.take_lease(A, "thief", later, later + timedelta(seconds=60)) is not None
        shop.may_answer.set()
        await until(lambda: idle(shop))
        shop = await stage.connect(B, "1")
        await until(lambda: listed(shop, 1))
        assert not running.done()
    async with stage.store.transaction() as tx:
        (intent,) = await tx.open_intents(A)
        (row,) = await tx.listings_of(A)
    assert intent.fate is Fate.OPEN
    assert row.intent_id == intent.intent_id


async def idle(shop: WatchedShop) -> bool:
    return shop.callers == 0


async def test_arrival_wakes_a_worker_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_NET_SECONDS", 3600.0)
    shop = await stage.connect(A)
    async with stage.working():
        await until(lambda: waits(stage, A))
        await stage.want(A, "1")
        await until(lambda: listed(shop, 1))
        await stage.want(A, "2")
        await until(lambda: listed(shop, 2))


async def test_nothing_is_served_before_the_database_may_be_believed(stage: Stage) -> None:
    """Rules T2, C1."""
    shop = await stage.connect(A, "1")
    asked: list[bool] = []
    believed = False

    async def ready() -> bool:
        asked.append(believed)
        return believed

    async with stage.working(ready=ready):
        await until(lambda: counted(asked, 3))
        assert stage.town.opened == []
        believed = True
        await until(lambda: listed(shop, 1))


async def counted(asked: list[bool], count: int) -> bool:
    return len(asked) >= count


async def test_disabled_connection_rests(stage: Stage) -> None:
    await stage.connect(A, "1")
    await stage.change(A, enabled=False)

    async def rests() -> bool:
        return (await stage.connection(A)).due_at is None

    async with stage.working():
        await until(rests)
    assert stage.town.opened == []
    assert await stage.is_free(A)


async def test_outage_of_the_database_is_survived(stage: Stage, postgres_url: str) -> None:
    shop = await stage.connect(A)
    async with stage.working() as running:
        await until(lambda: waits(stage, A))
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as admin:
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [ROLE])
        await stage.want(A, "1")
        await until(lambda: listed(shop, 1))
        assert not running.done()


async def test_log_line_of_a_call_follows_its_cause(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    causes: dict[str, str] = {}

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            causes[record.getMessage()] = correlation_id.get()

    log, listening = logging.getLogger("syncengine"), Listening()
    shop = await stage.connect(A, "1")
    log.addHandler(listening)
    try:
        with caplog.at_level(logging.INFO, "syncengine"):
            async with stage.working():
                await until(lambda: listed(shop, 1))
    finally:
        log.removeHandler(listening)
    assert causes["sent"] == "cause of 1"
