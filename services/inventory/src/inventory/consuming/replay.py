"""Tries records that an earlier version could not read (rule T5): a newer one may."""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from servicekit.consumer import Record, RecordHandler, Undecodable

logger = logging.getLogger(__name__)

_SET_ASIDE: Final = text("SELECT id FROM undecodable_records WHERE consumer_group = :group ORDER BY id")
# Deleted first and given back by a roll-back, so that of two processes only one takes it in.
_TAKE: Final = text("""
    DELETE FROM undecodable_records WHERE id = :id
    RETURNING topic, partition, record_offset, key, value, headers, recorded_at
""")
_IS_KEY_LEFT: Final = text("""
    SELECT EXISTS (SELECT FROM undecodable_records WHERE consumer_group = :group AND key = :key)
""")


class ReplayHandler(RecordHandler, Protocol):
    """A handler that wants to know when nothing of a key is set aside any more."""

    async def replayed(self, conn: AsyncConnection, key: str) -> None:
        """Every record with this key that was set aside is taken in now."""
        ...


async def replay(engine: AsyncEngine, group: str, handler: ReplayHandler) -> int:
    """Take in what this group had set aside and this version can read, each in its own transaction; how many."""
    taken = 0
    for record_id in await _set_aside(engine, group):
        try:
            async with engine.begin() as conn:
                taken += await _replay_one(conn, record_id, group, handler)
        except Undecodable:
            logger.warning("a record that was set aside still cannot be read", extra={"record": record_id})
    return taken


async def _set_aside(engine: AsyncEngine, group: str) -> Sequence[int]:
    async with engine.connect() as conn:
        return list((await conn.execute(_SET_ASIDE, {"group": group})).scalars())


async def _replay_one(conn: AsyncConnection, record_id: int, group: str, handler: ReplayHandler) -> bool:
    row = (await conn.execute(_TAKE, {"id": record_id})).one_or_none()
    if row is None:
        return False
    record = Record(
        topic=row.topic,
        partition=row.partition,
        offset=row.record_offset,
        key=row.key,
        value=row.value,
        headers=row.headers,
        timestamp=row.recorded_at,
    )
    await handler.absorb(conn, [record])
    if row.key is not None and not (await conn.execute(_IS_KEY_LEFT, {"group": group, "key": row.key})).scalar_one():
        await handler.replayed(conn, row.key)
    return True
