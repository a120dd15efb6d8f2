"""The two append-only tables: what happened to keys, and who asked for them."""

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.domain.credential import LifecycleEvent, LifecycleKind
from credentials.domain.lease import LONGEST_LEASE, LeaseRecord
from credentials.storage.tables import LEASE_LOG, LIFECYCLE


class Lifecycle:
    """What happened to keys."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def newest(self, seller_id: str, marketplace: str) -> LifecycleEvent | None:
        """The last thing that happened to these keys."""
        query = (
            select(LIFECYCLE)
            .where(LIFECYCLE.c.seller_id == seller_id, LIFECYCLE.c.marketplace == marketplace)
            .order_by(LIFECYCLE.c.lifecycle_id.desc())
            .limit(1)
        )
        row = (await self._conn.execute(query)).one_or_none()
        if row is None:
            return None
        return LifecycleEvent(
            seller_id=row.seller_id,
            marketplace=row.marketplace,
            kind=LifecycleKind(row.kind),
            key_version=row.key_version,
            at=row.at,
            actor=row.actor,
        )

    async def record(self, event: LifecycleEvent, correlation_id: str) -> None:
        """Appends."""
        await self._conn.execute(
            insert(LIFECYCLE).values(
                at=event.at,
                seller_id=event.seller_id,
                marketplace=event.marketplace,
                kind=event.kind.value,
                key_version=event.key_version,
                actor=event.actor,
                correlation_id=correlation_id,
            )
        )


class LeaseLog:
    """Who asked for keys, and what came of it."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def record(self, record: LeaseRecord) -> None:
        """Appends."""
        await self._conn.execute(
            insert(LEASE_LOG).values(
                at=record.at,
                caller=record.caller,
                seller_id=record.seller_id,
                marketplace=record.marketplace,
                key_version=record.key_version,
                expires_at=record.expires_at,
                granted=record.refusal is None,
                refusal=record.refusal.value if record.refusal else None,
                correlation_id=record.correlation_id,
            )
        )

    async def lent_until(self, seller_id: str, marketplace: str, *, now: datetime) -> datetime | None:
        """When the last loan ends that has not ended yet; None if nothing is lent."""
        query = select(func.max(LEASE_LOG.c.expires_at)).where(
            LEASE_LOG.c.seller_id == seller_id,
            LEASE_LOG.c.marketplace == marketplace,
            LEASE_LOG.c.at > now - LONGEST_LEASE,
            LEASE_LOG.c.expires_at > now,
        )
        until: datetime | None = (await self._conn.execute(query)).scalar_one()
        return until
