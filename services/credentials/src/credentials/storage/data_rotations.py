"""The data_rotations table: which sealing anew of all records is under way, so that a killed one goes on."""

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.storage.tables import DATA_ROTATIONS


class DataRotations:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def unfinished(self) -> datetime | None:
        """When the rotation that is under way, or was killed, began; None if all came to their end."""
        query = select(func.min(DATA_ROTATIONS.c.started_at)).where(DATA_ROTATIONS.c.ended_at.is_(None))
        started_at: datetime | None = (await self._conn.execute(query)).scalar_one()
        return started_at

    async def begin(self, now: datetime) -> None:
        """One begins now."""
        await self._conn.execute(insert(DATA_ROTATIONS).values(started_at=now))

    async def end(self, started_at: datetime, now: datetime) -> None:
        """It is through."""
        await self._conn.execute(
            update(DATA_ROTATIONS).where(DATA_ROTATIONS.c.started_at == started_at).values(ended_at=now)
        )
