"""The same lives over PostgreSQL: each question of the engine is put to both stores, and both must answer alike.

The simulation steps its coroutines by hand and has no event loop; PostgreSQL's driver needs one. So each question runs
on one of its own until it is answered.
"""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from devstack import servers
from devstack.postgres import create_database, drop_database
from servicekit.postgres import create_engine
from simulation.runs import Run
from simulation.seeds import make_life
from syncengine.listing import SellerId
from syncengine.rows.connection import Lease
from syncengine.store.postgres import PostgresStore, PostgresTransaction
from syncengine.store.protocol import FencedError
from syncengine.store.tables import LEASES
from syncengine.testing.memory_store import MemoryStore, MemoryTransaction, Tables
from syncengine.testing.simulation.judges import Misjudged
from syncengine.testing.tables import create_newest_tables

T = TypeVar("T")

_ROLE = "simulation"
BUCKET = timedelta(minutes=10)
"""In which calls are summed."""
_CHUNK = 5
"""Lives that share a database, one after the other."""
_INEXACT = {"calls_since", "charged"}
"""Bucketed in PostgreSQL: the store's contract says how far it may be off."""


class DifferError(AssertionError):
    """PostgreSQL answered otherwise than the store in memory."""


class _Both:
    """Asks both transactions, and compares what they say."""

    def __init__(self, memory: MemoryTransaction, postgres: PostgresTransaction, loop: asyncio.Runner) -> None:
        self._memory = memory
        self._postgres = postgres
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        async def ask(*given: Any, **named: Any) -> Any:
            expected = await getattr(self._memory, name)(*given, **named)
            answered = self._loop.run(getattr(self._postgres, name)(*given, **named))
            if name not in _INEXACT and _plain(answered) != _plain(expected):
                raise DifferError(f"{name}{given}{named}: {answered}, not {expected}")
            return expected

        return ask


def _plain(answer: Any) -> Any:
    """An answer without the differences that the protocol allows: kinds of collection, and sums of nothing."""
    if isinstance(answer, Mapping):
        return {key: _plain(value) for key, value in answer.items() if value != 0 or value is False}
    if isinstance(answer, set | frozenset):
        return set(answer)
    return list(answer) if isinstance(answer, list | tuple) else answer


class BothStores(MemoryStore):
    """A store in memory and one in PostgreSQL that live through the same."""

    def __init__(self, postgres: PostgresStore, owner: sa.Engine, loop: asyncio.Runner) -> None:
        super().__init__()
        self._postgres = postgres
        self._owner = owner
        self._loop = loop
        self._written = 0
        self._answered: tuple[int, SellerId | None] | None = None
        """With how many writes the next due was asked for, and what was answered."""
        self.restore(Tables())

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[Any]:
        here = MemoryTransaction(self.tables)
        context = self._postgres.transaction(lease)
        try:
            there = self._loop.run(context.__aenter__())
        except FencedError:
            self._same(self._fences(lease), True)
            raise
        try:
            self._same(self._fences(lease), False)
            yield _Both(here, there, self._loop)
            self.before_commit()
        except BaseException as error:
            self._loop.run(context.__aexit__(type(error), error, error.__traceback__))
            raise
        self._loop.run(context.__aexit__(None, None, None))
        self.tables = here.tables
        self._written += 1
        self.after_commit()

    def _fences(self, lease: Lease | None) -> bool:
        try:
            if lease is not None:
                self._check(lease)
        except FencedError:
            return True
        return False

    async def take_lease(self, seller_id: SellerId, owner: str, now: datetime, until: datetime) -> Lease | None:
        self._written += 1
        expected = await super().take_lease(seller_id, owner, now, until)
        return self._same(expected, self._loop.run(self._postgres.take_lease(seller_id, owner, now, until)))

    async def release_lease(self, lease: Lease, now: datetime) -> None:
        self._written += 1
        await super().release_lease(lease, now)
        self._loop.run(self._postgres.release_lease(lease, now))

    async def next_due(self, owner: str, now: datetime) -> SellerId | None:
        expected = await super().next_due(owner, now)
        if self._answered == (self._written, expected):  # workers ask every second, and mostly nothing was written
            return expected
        self._answered = (self._written, expected)
        return self._same(expected, self._loop.run(self._postgres.next_due(owner, now)))

    @staticmethod
    def _same(expected: T, answered: T) -> T:
        if expected != answered:
            raise DifferError(f"{answered}, not {expected}")
        return expected

    def restore(self, tables: Tables) -> None:
        super().restore(tables)
        self._written += 1
        with self._owner.begin() as connection:
            for name in sa.inspect(connection).get_table_names():
                connection.execute(sa.text(f"DELETE FROM {name}"))
            for lease in tables.leases.values():
                row = {
                    "seller_id": lease.seller_id,
                    "owner": lease.owner,
                    "term": lease.term,
                    "expires_at": lease.expires_at,
                }
                connection.execute(LEASES.insert().values(row))
        self._loop.run(fill(self._postgres, tables))


async def fill(store: PostgresStore, tables: Tables) -> None:
    """Write all that is kept in memory into an empty database."""
    async with store.transaction() as tx:
        for connection in tables.connections.values():
            await tx.lock_connection(connection.seller_id)
            await tx.save_connection(connection)
        for seller_id in tables.connections:
            pairs = [(id_, lot_id) for (whose, id_), lot_id in tables.owners.items() if whose == seller_id]
            created = [pair for pair in pairs if (seller_id, pair[0]) in tables.created]
            await tx.add_listing_ids(seller_id, created, created=True)
            await tx.add_listing_ids(seller_id, pairs)
            kept = [listing for (whose, _), listing in tables.shop.items() if whose == seller_id]
            await tx.replace_shop_listings(seller_id, kept)
        await tx.save_listings(list(tables.listings.values()), list(tables.tiers.values()))
    async with store.transaction() as tx:
        await tx.add_intents(list(tables.intents.values()))
        for order in tables.orders.values():
            await tx.save_order(order)
        await tx.save_lines(list(tables.lines.values()))
        await tx.add_bookings([booking for booked in tables.bookings.values() for booking in booked])
        for (seller_id, _), answered in tables.answered.items():
            await tx.keep_answered(seller_id, answered)
        await tx.save_counterparts(list(tables.counterparts.values()))
        for seller_id, limit, at, spent in tables.calls:
            await tx.charge(seller_id, limit, at, write=spent.writes > 0, calls=spent.calls)


@contextmanager
def database(server_url: str) -> Iterator[tuple[str, sa.Engine]]:
    """Make a database with the engine's tables: the URL of its user, and its owner's engine."""
    urls = create_database(server_url, _ROLE, suffix=f"_{secrets.token_hex(4)}")
    owner = sa.create_engine(urls[1].replace("postgresql://", "postgresql+psycopg://"))
    with owner.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        create_newest_tables(op, app_role=_ROLE)
    yield urls[0], owner
    owner.dispose()
    drop_database(server_url, urls)


@contextmanager
def both_stores(server_url: str) -> Iterator[BothStores]:
    """Make a database, and both stores."""
    with database(server_url) as (url, owner), asyncio.Runner() as loop:
        engine = create_engine(url)
        yield BothStores(PostgresStore(engine, bucket=BUCKET), owner, loop)
        loop.run(engine.dispose())


def run_over_postgres(seeds: range, shop: str) -> Iterator[Run]:
    """Live seeds with both stores, in order, on all cores."""
    chunks = [seeds[first : first + _CHUNK] for first in range(0, len(seeds), _CHUNK)]
    with servers.postgres(os.environ) as server_url, ProcessPoolExecutor(os.cpu_count()) as pool:
        for runs in pool.map(partial(_run_chunk, shop, server_url), chunks):
            yield from runs


def _run_chunk(shop: str, server_url: str, seeds: range) -> list[Run]:
    with both_stores(server_url) as store:
        return [_run(seed, shop, store) for seed in seeds]


def _run(seed: int, shop: str, store: BothStores) -> Run:
    store.restore(Tables())
    try:
        life = make_life(seed, store, shop=shop).live()
    except Misjudged as misjudged:
        return Run(seed, misjudged.number, str(misjudged), 0, Counter(), Counter())
    return Run(seed, 0, "", life.events, life.struck, Counter())
