"""The store in PostgreSQL keeps what every store keeps to, and what only a real database can show."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from syncengine.listing import ListingId, LotId
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.order import Booking, LineRow
from syncengine.store.connections import CHANNEL
from syncengine.store.postgres import PostgresStore
from syncengine.store.protocol import FencedError
from syncengine.store.tables import METADATA
from syncengine.testing.samples import sample
from syncengine.testing.store_contract import Published, StoreContract
from syncengine.testing.store_contract.scenery import BUCKET, NOW, SECOND, A, B, lot_row, shop_listing, taken

from .conftest import Database

MANY = 5_000


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database.engine, bucket=BUCKET)


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def published(self, database: Database) -> Published:
        async def read() -> Sequence[tuple[str, str, bytes, str]]:
            async with database.engine.connect() as conn:
                rows = await conn.execute(sa.text("SELECT topic, key, value, correlation_id FROM outbox ORDER BY id"))
                return [(row.topic, row.key, bytes(row.value), row.correlation_id) for row in rows]

        return read


async def test_tables_are_as_the_migration_makes_them(database: Database) -> None:
    dialect = database.engine.dialect
    async with database.engine.connect() as conn:
        for table in METADATA.tables.values():
            found = await conn.run_sync(columns_of, table.name)
            made = {one["name"]: (one["type"].compile(dialect=dialect), one["nullable"]) for one in found}
            read = {one.name: (one.type.compile(dialect=dialect), one.nullable) for one in table.columns}
            assert made == read, table.name


def columns_of(connection: sa.Connection, table: str) -> list[Any]:
    return list(sa.inspect(connection).get_columns(table))


async def test_takeover_waits_for_the_transaction_under_way(store: PostgresStore) -> None:
    """So that what a worker commits, it commits while nobody else owns the connection (rule L2)."""
    first = await taken(store, A, "one")
    async with store.transaction(first) as tx:
        takeover = asyncio.ensure_future(taken(store, A, "two", NOW + 10 * SECOND))
        await blocked(store)
        await tx.save_listings([lot_row("lot")], [None])
    second = await takeover
    assert second.term > first.term
    async with store.transaction(second) as tx:
        assert await tx.find_listing(LotId("lot")) == lot_row("lot")
    with pytest.raises(FencedError):
        async with store.transaction(first):
            """The first is over."""


async def test_transactions_of_one_seller_take_turns(store: PostgresStore) -> None:
    async def count_up() -> None:
        async with store.transaction() as tx:
            connection = await tx.lock_connection(A)
            await tx.save_connection(replace(connection, failures=connection.failures + 1))

    await asyncio.gather(*(count_up() for _ in range(20)))
    async with store.transaction() as tx:
        assert (await tx.lock_connection(A)).failures == 20


async def test_two_sellers_who_pin_one_shop_at_once_see_each_other(store: PostgresStore) -> None:
    """Rule W1."""
    pinned = ConnectionRow(seller_id=A, enabled=True, pinned_name="Shop")
    async with store.transaction() as tx:
        assert await tx.shop_pinned_by("Shop", besides=A) is None
        other = asyncio.ensure_future(holder_of(store, "shop"))
        await blocked(store)
        await tx.save_connection(pinned)
    assert await other == A


async def holder_of(store: PostgresStore, name: str) -> str | None:
    async with store.transaction() as tx:
        return await tx.shop_pinned_by(name, besides=B)


async def blocked(store: PostgresStore) -> None:
    """Wait until somebody waits for a lock."""
    waiting = sa.text(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database())"
    )
    async with asyncio.timeout(10), store._engine.connect() as conn:
        while not (await conn.execute(waiting)).scalar_one():  # noqa: ASYNC110 - of another session there is no event
            await asyncio.sleep(0.01)


async def test_piece_is_never_booked_twice_under_one_seq(store: PostgresStore) -> None:
    booking = Booking(lot_id=LotId("a"), seq=1, pieces=2)
    with pytest.raises(IntegrityError):
        async with store.transaction() as tx:
            await tx.add_bookings([booking, booking])


async def test_workers_are_woken_by_what_others_leave_due(store: PostgresStore, database: Database) -> None:
    due = ConnectionRow(seller_id=A, due_at=NOW)
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as session:
        await session.execute(f"LISTEN {CHANNEL}")
        lease = await taken(store, A, "one")
        async with store.transaction(lease) as tx:
            await tx.save_connection(due)
        async with store.transaction() as tx:
            await tx.save_connection(replace(due, due_at=None))
        async with database.engine.begin() as conn:
            await store.join(conn).save_connection(due)
        heard = [notice async for notice in session.notifies(timeout=10, stop_after=1)]
        heard += [notice async for notice in session.notifies(timeout=0)]
    assert len(heard) == 1


async def test_joined_transaction_ends_with_the_one_it_joined(store: PostgresStore, database: Database) -> None:
    async with database.engine.connect() as conn:
        await store.join(conn).save_listings([lot_row("lot")], [None])
        await conn.rollback()
    async with store.transaction() as tx:
        assert await tx.find_listing(LotId("lot")) is None


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """List the statements that are sent in the block."""
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_five_thousand_rows_are_one_statement(store: PostgresStore, database: Database) -> None:
    """Whatever the number of rows: a census of a large shop must not be 5,000 round trips."""
    rows = [replace(lot_row(f"lot {n:05}"), listing_id=ListingId(str(n))) for n in range(MANY)]
    pairs = [(ListingId(str(n)), row.lot_id) for n, row in enumerate(rows)]
    lines = [replace(sample(LineRow), seller_id=A, listing_id=listing_id) for listing_id, _ in pairs]
    lot_ids = [row.lot_id for row in rows]
    bulk: dict[str, Callable[[Any], Awaitable[Any]]] = {
        "save": lambda tx: tx.save_listings(rows, [Tier.CREATE] * MANY),
        "save again": lambda tx: tx.save_listings(rows, [Tier.CREATE] * MANY),
        "find": lambda tx: tx.find_listings(lot_ids),
        "list": lambda tx: tx.listings_of(A),
        "link": lambda tx: tx.add_listing_ids(A, pairs),
        "owners": lambda tx: tx.lots_of_listings(A, [listing_id for listing_id, _ in pairs]),
        "ids": lambda tx: tx.listing_ids_of(lot_ids),
        "lines": lambda tx: tx.save_lines(lines),
        "bookings": lambda tx: tx.add_bookings([Booking(lot_id=lot_id, seq=1, pieces=1) for lot_id in lot_ids]),
        "booked": lambda tx: tx.booked_after(dict.fromkeys(lot_ids, 0)),
        "next": lambda tx: tx.next_listings(A, tiers=list(Tier), now=NOW, limit=20),
        "next at": lambda tx: tx.next_listing_at(A, tiers=list(Tier), now=NOW),
    }
    async with asyncio.timeout(60), store.transaction() as tx:
        for name, run in bulk.items():
            with statements(database) as sent:
                found = await run(tx)
            assert len(sent) == 1, name
            if name in {"find", "list", "owners", "ids", "booked"}:
                assert len(found) == MANY, name
        with statements(database) as sent:
            await tx.replace_shop_listings(A, [shop_listing(str(n)) for n in range(MANY)])
        assert len(sent) == 2
        assert await tx.unowned(A) == []
        assert await tx.unowned(B) == []
