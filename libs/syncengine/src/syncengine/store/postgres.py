"""The engine's store in PostgreSQL: whatever a service's database keeps of its marketplace."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from servicekit import outbox
from syncengine.events import Event
from syncengine.listing import SellerId
from syncengine.rows.connection import Lease
from syncengine.store.connections import Connections
from syncengine.store.counterparts import Counterparts
from syncengine.store.intents import Calls, Intents
from syncengine.store.listings import Listings
from syncengine.store.orders import Orders
from syncengine.store.protocol import FencedError
from syncengine.store.requests import AnsweredRequests
from syncengine.store.shop_listings import ShopListings

# Whoever takes the lease over waits for the transactions of the one before, and those that come later find none.
_FENCE: Final = text("""
    SELECT FROM leases WHERE seller_id = :seller_id AND owner = :owner AND term = :term FOR SHARE
""")
_TAKE: Final = text("""
    INSERT INTO leases (seller_id, owner, term, expires_at) VALUES (:seller_id, :owner, :term, :until)
    ON CONFLICT (seller_id) DO UPDATE SET
        owner = excluded.owner,
        term = CASE leases.owner WHEN excluded.owner THEN leases.term
            ELSE greatest(leases.term + 1, excluded.term) END,
        expires_at = excluded.expires_at
    WHERE leases.owner = excluded.owner OR leases.expires_at <= :now
    RETURNING term
""")
_RELEASE: Final = text("""
    UPDATE leases SET expires_at = :now WHERE seller_id = :seller_id AND owner = :owner AND term = :term
""")
_NEXT_DUE: Final = text("""
    SELECT seller_id FROM connections LEFT JOIN leases USING (seller_id)
    WHERE due_at <= :now AND (owner IS NULL OR owner = :owner OR expires_at <= :now)
    ORDER BY last_served_at NULLS FIRST, seller_id LIMIT 1
""")
_NEXT_DUE_AT: Final = text("SELECT min(due_at) FROM connections")


class PostgresTransaction(Connections, Listings, Intents, Calls, Orders, ShopListings, Counterparts, AnsweredRequests):
    """Implements `Transaction` on a connection whose transaction is somebody else's to end."""

    def __init__(self, conn: AsyncConnection, *, bucket: timedelta, wakes: bool) -> None:
        Connections.__init__(self, conn, wakes=wakes)
        Calls.__init__(self, conn, bucket=bucket)

    async def publish(self, events: Sequence[Event]) -> None:
        await outbox.record(
            self._conn,
            [
                outbox.Message(
                    topic=event.topic,
                    key=event.key,
                    value=event.message.SerializeToString(),
                    type=event.message.DESCRIPTOR.full_name,
                    correlation_id=event.correlation_id,
                )
                for event in events
            ],
        )


class PostgresStore:
    """Implements `Store` with the tables of `syncengine.migrations`; `bucket`: in what lengths calls are summed."""

    def __init__(self, engine: AsyncEngine, *, bucket: timedelta) -> None:
        self._engine = engine
        self._bucket = bucket

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[PostgresTransaction]:
        async with self._engine.begin() as conn:
            if lease is not None:
                named = {"seller_id": lease.seller_id, "owner": lease.owner, "term": lease.term}
                if (await conn.execute(_FENCE, named)).one_or_none() is None:
                    raise FencedError
            # A worker knows of what it leaves due itself; the others are told of all else.
            yield PostgresTransaction(conn, bucket=self._bucket, wakes=lease is None)

    def join(self, conn: AsyncConnection) -> PostgresTransaction:
        """Read and write in a transaction that was begun elsewhere."""
        return PostgresTransaction(conn, bucket=self._bucket, wakes=True)

    async def take_lease(self, seller_id: SellerId, owner: str, now: datetime, until: datetime) -> Lease | None:
        fresh_term = int(now.timestamp() * 1_000_000)
        given = {"seller_id": seller_id, "owner": owner, "term": fresh_term, "now": now, "until": until}
        async with self._engine.begin() as conn:
            term = (await conn.execute(_TAKE, given)).scalar_one_or_none()
        return None if term is None else Lease(seller_id=seller_id, owner=owner, term=term, expires_at=until)

    async def release_lease(self, lease: Lease, now: datetime) -> None:
        named = {"seller_id": lease.seller_id, "owner": lease.owner, "term": lease.term}
        async with self._engine.begin() as conn:
            await conn.execute(_RELEASE, {"now": now, **named})

    async def next_due(self, owner: str, now: datetime) -> SellerId | None:
        async with self._engine.connect() as conn:
            found = (await conn.execute(_NEXT_DUE, {"owner": owner, "now": now})).scalar_one_or_none()
        return None if found is None else SellerId(found)

    async def next_due_at(self) -> datetime | None:
        async with self._engine.connect() as conn:
            found: datetime | None = (await conn.execute(_NEXT_DUE_AT)).scalar_one()
        return found
