"""The lease_log table: who asked for keys, and what came of it. It can only be appended to."""

from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import Row, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.domain.lease import LONGEST_LEASE, LeaseRecord, Refusal
from credentials.domain.lifecycle import Origin
from credentials.storage.tables import LEASE_LOG


class LeasePlace(NamedTuple):
    """Where a row stands in the log."""

    at: datetime
    lease_id: UUID

    def written(self) -> str:
        """As text, for `read`."""
        return f"{self.at.isoformat()} {self.lease_id}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that `written` wrote; raises ValueError."""
        at, _, lease_id = text.partition(" ")
        return cls(datetime.fromisoformat(at).astimezone(UTC), UUID(lease_id))


class LeaseLog:
    """Rows of one transaction."""

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
                correlation_id=record.origin.correlation_id,
                certificate=record.origin.certificate,
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

    async def list_page(
        self, seller_id: str, marketplace: str, *, before: LeasePlace | None, limit: int
    ) -> list[tuple[LeasePlace, LeaseRecord]]:
        """Who asked for these keys, newest first, those before this place only."""
        query = select(LEASE_LOG).where(LEASE_LOG.c.seller_id == seller_id, LEASE_LOG.c.marketplace == marketplace)
        if before is not None:
            query = query.where(
                LEASE_LOG.c.at <= before.at, tuple_(LEASE_LOG.c.at, LEASE_LOG.c.lease_id) < tuple(before)
            )
        query = query.order_by(LEASE_LOG.c.at.desc(), LEASE_LOG.c.lease_id.desc()).limit(limit)
        return [(LeasePlace(row.at, row.lease_id), _record(row)) for row in await self._conn.execute(query)]


def _record(row: Row[Any]) -> LeaseRecord:
    return LeaseRecord(
        at=row.at,
        caller=row.caller,
        seller_id=row.seller_id,
        marketplace=row.marketplace,
        key_version=row.key_version,
        expires_at=row.expires_at,
        refusal=None if row.refusal is None else Refusal(row.refusal),
        origin=Origin(correlation_id=row.correlation_id, certificate=row.certificate),
    )
