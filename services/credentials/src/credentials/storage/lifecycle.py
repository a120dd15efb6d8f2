"""The lifecycle table: what happened to keys. It can only be appended to."""

from typing import Any

from sqlalchemy import Row, func, insert, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.domain.lifecycle import ChainHead, LifecycleEvent, LifecycleKind, LifecycleRow, Origin
from credentials.storage.tables import AUDIT_KEYS, CREDENTIALS, LIFECYCLE


class Lifecycle:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def list_vouching(self, seller_id: str, marketplace: str) -> list[LifecycleRow]:
        """What `newest_vouched` needs: rows without a place, by id; then, by place, the end of the chain.

        It begins with the row before the newest about these keys, or with the first if none about them has a place.
        One statement, so that no event comes in between.
        """
        newest = (
            select(func.coalesce(func.max(LIFECYCLE.c.position), 1))
            .where(LIFECYCLE.c.seller_id == seller_id, LIFECYCLE.c.marketplace == marketplace)
            .scalar_subquery()
        )
        query = (
            select(LIFECYCLE)
            .where(
                LIFECYCLE.c.seller_id == seller_id,
                or_(LIFECYCLE.c.position.is_(None), LIFECYCLE.c.position >= newest - 1),
            )
            .order_by(LIFECYCLE.c.position.nulls_first(), LIFECYCLE.c.lifecycle_id)
        )
        return [_row(row) for row in await self._conn.execute(query)]

    async def highest_version(self, seller_id: str, marketplace: str) -> int:
        """The highest key version that any row tells of, vouched for or not; 0 if there is none."""
        query = select(func.coalesce(func.max(LIFECYCLE.c.key_version), 0)).where(
            LIFECYCLE.c.seller_id == seller_id, LIFECYCLE.c.marketplace == marketplace
        )
        return int((await self._conn.execute(query)).scalar_one())

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

    async def lengths(self) -> dict[str, int]:
        """How long each seller's chain is."""
        query = (
            select(LIFECYCLE.c.seller_id, func.max(LIFECYCLE.c.position))
            .where(LIFECYCLE.c.position.is_not(None))
            .group_by(LIFECYCLE.c.seller_id)
        )
        return {row[0]: row[1] for row in await self._conn.execute(query)}

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
        """All rows of a seller, by id: the order in which they were written, unless ids were changed."""
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
