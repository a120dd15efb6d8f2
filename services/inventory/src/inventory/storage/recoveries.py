"""Recoveries of this database after a loss, and the revisions that they raise (rule T6)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.ids import new_id
from inventory.storage.tables import RECOVERIES
from servicekit.postgres import IDENTITY_SQL

EPOCH: Final = 2**40
"""Revisions of one epoch, more than any lot comes to: whatever was published of a later one is newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A recovery; while one is open nothing is published."""

    recovery_id: str
    why: str
    waits: bool
    """Whether a person must say that it may begin."""
    epoch: int | None
    """The epoch in which all revisions are when it is done; None until it has begun."""
    last_lot_id: str | None
    """The last lot whose revisions are in that epoch."""
    lots: int
    found_at: datetime


_OPEN: Final = text("""
    INSERT INTO recoveries (recovery_id, why, waits, lots, found_at) VALUES (:recovery_id, :why, :waits, 0, :now)
    ON CONFLICT ((finished_at IS NULL)) WHERE finished_at IS NULL DO UPDATE
    SET waits = recoveries.waits OR excluded.waits, epoch = NULL, last_lot_id = NULL, lots = 0,
        why = CASE WHEN recoveries.why = excluded.why THEN recoveries.why
            ELSE recoveries.why || '; ' || excluded.why END
""")
_ALLOW: Final = text("""
    INSERT INTO recoveries (recovery_id, why, waits, lots, found_at) VALUES (:recovery_id, :why, false, 0, :now)
    ON CONFLICT ((finished_at IS NULL)) WHERE finished_at IS NULL DO UPDATE SET waits = false
""")
_IS_RECOVERED: Final = text(f"""
    SELECT EXISTS (SELECT FROM recoveries WHERE finished_at IS NOT NULL AND identity = {IDENTITY_SQL})
""")  # noqa: S608 - a constant
_FINISH: Final = text(f"""
    UPDATE recoveries SET finished_at = :now, identity = {IDENTITY_SQL} WHERE recovery_id = :recovery_id
""")  # noqa: S608 - a constant
_MAY_PUBLISH: Final = text(f"""
    SELECT NOT EXISTS (SELECT FROM recoveries WHERE finished_at IS NULL) AND NOT EXISTS (
        SELECT FROM database_noted WHERE consumer_group = ANY(:groups) AND identity <> {IDENTITY_SQL}
    )
""")  # noqa: S608 - a constant
# A sync service may have told of an epoch that this database never knew: an older backup was restored twice.
_NEXT_EPOCH: Final = text("""
    SELECT 1 + greatest(
        (SELECT max(revision) FROM lots) / :epoch, (SELECT max(desired_revision) FROM lot_reports) / :epoch,
        (SELECT max(epoch) FROM recoveries), 0
    )
""")
_RAISE: Final = text("""
    WITH chunk AS (
        SELECT lot_id FROM lots WHERE CAST(:after AS uuid) IS NULL OR lot_id > :after
        ORDER BY lot_id LIMIT :limit FOR UPDATE
    )
    UPDATE lots SET revision = :base + revision % :epoch, group_revisions = (
        SELECT coalesce(jsonb_object_agg(name, :base + CAST(value AS bigint) % :epoch), '{}')
        FROM jsonb_each_text(group_revisions) AS of_group (name, value)
    )
    FROM chunk WHERE lots.lot_id = chunk.lot_id RETURNING lots.lot_id
""")


async def open_recovery(conn: AsyncConnection, why: str, now: datetime, *, waits: bool) -> None:
    """Publish nothing from this commit on. One that is open begins anew, and waits for a person if either does."""
    await conn.execute(_OPEN, {"recovery_id": new_id(), "why": why, "waits": waits, "now": now})


async def allow_recovery(conn: AsyncConnection, why: str, now: datetime) -> None:
    """Let the open recovery begin, or open one that may; one that was under way goes on."""
    await conn.execute(_ALLOW, {"recovery_id": new_id(), "why": why, "now": now})


async def open_one(conn: AsyncConnection, *, lock: bool = False) -> Recovery | None:
    """The open recovery; None if this database may publish."""
    query = select(RECOVERIES).where(RECOVERIES.c.finished_at.is_(None))
    row = (await conn.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return None if row is None else Recovery(**{name: row[name] for name in Recovery.__dataclass_fields__})


async def is_recovered(conn: AsyncConnection) -> bool:
    """Whether a recovery was finished in this very database, not in one that it was restored from."""
    return bool((await conn.execute(_IS_RECOVERED)).scalar_one())


async def may_publish(conn: AsyncConnection, groups: list[str]) -> bool:
    """Whether no recovery is open, and this is the database that these consumer groups have noted."""
    return bool((await conn.execute(_MAY_PUBLISH, {"groups": groups})).scalar_one())


async def begin_recovery(conn: AsyncConnection, recovery: Recovery) -> int:
    """Fix the epoch to which this recovery raises all revisions, above every one that is known; that epoch."""
    epoch: int = (await conn.execute(_NEXT_EPOCH, {"epoch": EPOCH})).scalar_one()
    same = RECOVERIES.c.recovery_id == recovery.recovery_id
    await conn.execute(update(RECOVERIES).where(same).values(epoch=epoch))
    return epoch


async def raise_revisions(conn: AsyncConnection, *, epoch: int, after: str | None, limit: int) -> list[str]:
    """Move the next lots' revisions into this epoch, in which they stay as often as this is done; their ids."""
    values = {"after": after, "limit": limit, "base": epoch * EPOCH, "epoch": EPOCH}
    return sorted((await conn.execute(_RAISE, values)).scalars())


async def move_recovery(conn: AsyncConnection, recovery: Recovery, lot_ids: list[str]) -> None:
    """Write down how far a recovery has come."""
    same = RECOVERIES.c.recovery_id == recovery.recovery_id
    values = {"last_lot_id": lot_ids[-1], "lots": recovery.lots + len(lot_ids)}
    await conn.execute(update(RECOVERIES).where(same).values(**values))


async def finish_recovery(conn: AsyncConnection, recovery: Recovery, now: datetime) -> None:
    """Let this database publish again."""
    await conn.execute(_FINISH, {"recovery_id": recovery.recovery_id, "now": now})
