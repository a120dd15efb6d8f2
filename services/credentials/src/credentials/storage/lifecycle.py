"""The lifecycle table: what happened to keys. It can only be appended to."""

from typing import Any

from sqlalchemy import Row, insert, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.domain.lifecycle import ChainHead, LifecycleEvent, LifecycleKind, LifecycleRow, Origin
from credentials.storage.tables import AUDIT_KEYS, CREDENTIALS, LIFECYCLE


class Lifecycle:
    """Rows of one transaction."""

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
        return None if row is None else _row(row).event

    async def head(self, seller_id: str) -> ChainHead | None:
        """The newest place in the seller's chain; None if it has not begun."""
        query = (
            select(LIFECYCLE.c.position, LIFECYCLE.c.mac)
            .where(LIFECYCLE.c.seller_id == seller_id, LIFECYCLE.c.position.is_not(None))
            .order_by(LIFECYCLE.c.position.desc())
            .limit(1)
        )
        row = (await self._conn.execute(query)).one_or_none()
        return None if row is None else ChainHead(length=row.position, mac=row.mac)

    async def record(self, event: LifecycleEvent, origin: Origin, place: ChainHead) -> None:
        """Appends."""
        await self._conn.execute(
            insert(LIFECYCLE).values(
                at=event.at,
                seller_id=event.seller_id,
                marketplace=event.marketplace,
                kind=event.kind.value,
                key_version=event.key_version,
                generation=event.generation,
                actor=event.actor,
                correlation_id=origin.correlation_id,
                certificate=origin.certificate,
                position=place.length,
                mac=place.mac,
            )
        )

    async def list_of(self, seller_id: str) -> list[LifecycleRow]:
        """All rows of a seller, in the order in which they were written."""
        query = select(LIFECYCLE).where(LIFECYCLE.c.seller_id == seller_id).order_by(LIFECYCLE.c.lifecycle_id)
        return [_row(row) for row in await self._conn.execute(query)]

    async def list_page(
        self, seller_id: str, marketplace: str, *, before: int | None, limit: int
    ) -> list[LifecycleRow]:
        """Rows about these keys, newest first, those with a lower id than `before` only."""
        query = select(LIFECYCLE).where(LIFECYCLE.c.seller_id == seller_id, LIFECYCLE.c.marketplace == marketplace)
        if before is not None:
            query = query.where(LIFECYCLE.c.lifecycle_id < before)
        query = query.order_by(LIFECYCLE.c.lifecycle_id.desc()).limit(limit)
        return [_row(row) for row in await self._conn.execute(query)]

    async def list_sellers(self) -> set[str]:
        """Every seller of whom there is anything."""
        tables = (LIFECYCLE, CREDENTIALS, AUDIT_KEYS)
        query = union(*(select(table.c.seller_id) for table in tables))
        return set((await self._conn.execute(query)).scalars())


def _row(row: Row[Any]) -> LifecycleRow:
    return LifecycleRow(
        lifecycle_id=row.lifecycle_id,
        event=LifecycleEvent(
            seller_id=row.seller_id,
            marketplace=row.marketplace,
            kind=LifecycleKind(row.kind),
            key_version=row.key_version,
            generation=row.generation,
            at=row.at,
            actor=row.actor,
        ),
        origin=Origin(correlation_id=row.correlation_id, certificate=row.certificate),
        place=None if row.position is None else ChainHead(length=row.position, mac=row.mac),
    )
