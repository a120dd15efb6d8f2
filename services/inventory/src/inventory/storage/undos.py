"""Which change undid which, and how far the undo of whole imports and bulk edits has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, RowMapping, Select, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.changes import Change, ChangeSource
from inventory.domain.errors import AlreadyUndone
from inventory.ids import is_id
from inventory.storage.changes import change_of
from inventory.storage.tables import CHANGES, OPERATION_UNDOS, UNDO_REFUSALS, UNDOS

SHOWN_REFUSALS: Final = 100


class Refusal(NamedTuple):
    """A change of an operation that could not be undone."""

    change_id: str
    lot_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationUndo:
    """The undo of an import or a bulk edit; it goes on by itself after it was accepted."""

    operation_id: str
    """The import's or the bulk edit's."""
    seller_id: str
    actor: str
    reason: str
    correlation_id: str
    total_changes: int
    undone_changes: int
    refused_changes: int
    last_change_id: str | None
    """The oldest change that is done: it goes from the newest to the oldest."""
    created_at: datetime
    finished_at: datetime | None


async def expect_not_undone(conn: AsyncConnection, change_id: str) -> None:
    """Raises AlreadyUndone. Whoever holds the lot's lock can rely on it: an undo needs that too."""
    if (await conn.execute(select(UNDOS.c.undoes).where(UNDOS.c.undoes == change_id))).one_or_none() is not None:
        raise AlreadyUndone


async def add_undos(conn: AsyncConnection, undone: Sequence[tuple[str, str]]) -> None:
    """Note which changes were undone, each with the change that did it."""
    if undone:
        rows = [{"undoes": change_id, "undone_by": undo_id} for change_id, undo_id in undone]
        await conn.execute(insert(UNDOS), rows)


_ORDERED: Final = text("""
    SELECT lot_id, sum(quantity_delta)::bigint AS delta FROM changes
    WHERE lot_id = ANY(CAST(:lot_ids AS uuid[])) AND source IN ('ORDER', 'RETURN') GROUP BY lot_id
""")


async def ordered_deltas(conn: AsyncConnection, lot_ids: Sequence[str]) -> dict[str, int]:
    """By lot: by how much orders and returns have changed its quantity; lots without any are not there."""
    found = await conn.execute(_ORDERED, {"lot_ids": list(lot_ids)})
    return {str(row.lot_id): row.delta for row in found}


async def add_operation_undo(conn: AsyncConnection, operation: OperationUndo) -> OperationUndo:
    """Accept the undo of an operation, with the number of its changes. Raises AlreadyUndone."""
    total = 0
    for made_by in _MADE_BY:
        count = select(func.count()).select_from(CHANGES).where(*_still_to_undo(made_by, operation.operation_id))
        total += (await conn.execute(count)).scalar_one()
    values = {name: getattr(operation, name) for name in OperationUndo.__dataclass_fields__}
    values |= {"total_changes": total, "finished_at": None if total else operation.created_at}
    new = upsert(OPERATION_UNDOS).values(**values, moved_at=operation.created_at).on_conflict_do_nothing()
    row = (await conn.execute(new.returning(OPERATION_UNDOS))).mappings().one_or_none()
    if row is None:
        raise AlreadyUndone
    return _undo_of(row)


async def find_operation_undo(conn: AsyncConnection, seller_id: str, operation_id: str) -> OperationUndo | None:
    """How far it has come; None if nobody asked for one, and for another seller's."""
    if not is_id(operation_id):
        return None
    columns = OPERATION_UNDOS.c
    query = select(OPERATION_UNDOS).where(columns.operation_id == operation_id, columns.seller_id == seller_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else _undo_of(row)


async def first_refusals(conn: AsyncConnection, operation_id: str) -> list[Refusal]:
    """Changes of an operation that could not be undone, newest first; a hundred at most."""
    columns = UNDO_REFUSALS.c
    query = select(columns.change_id, columns.lot_id, columns.reason).where(columns.operation_id == operation_id)
    found = await conn.execute(query.order_by(columns.change_id.desc()).limit(SHOWN_REFUSALS))
    return [Refusal(row.change_id, row.lot_id, row.reason) for row in found]


async def lock_running_undo(conn: AsyncConnection) -> OperationUndo | None:
    """The unfinished undo that waits longest and that no other process is at; None if there is none."""
    query = _running().order_by(OPERATION_UNDOS.c.moved_at).limit(1).with_for_update(skip_locked=True)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else _undo_of(row)


def _running() -> Select[Any]:
    return select(OPERATION_UNDOS).where(OPERATION_UNDOS.c.finished_at.is_(None))


async def next_changes(conn: AsyncConnection, operation: OperationUndo, *, limit: int) -> list[Change]:
    """The next changes to undo, newest first."""
    for made_by in _MADE_BY:
        query = select(CHANGES).where(*_still_to_undo(made_by, operation.operation_id))
        if operation.last_change_id is not None:
            query = query.where(CHANGES.c.change_id < operation.last_change_id)
        found = await conn.execute(query.order_by(CHANGES.c.change_id.desc()).limit(limit))
        if changes := [change_of(row) for row in found.mappings()]:
            return changes
    return []


# One after the other: asked for either at once, PostgreSQL would read all of an operation's changes for each chunk.
_MADE_BY: Final = (CHANGES.c.import_id, CHANGES.c.bulk_edit_id)


def _still_to_undo(made_by: Column[Any], operation_id: str) -> tuple[ColumnElement[bool], ...]:
    is_undone = exists().where(UNDOS.c.undoes == CHANGES.c.change_id)
    sources = (ChangeSource.IMPORT.value, ChangeSource.USER.value)
    return (made_by == operation_id, CHANGES.c.source.in_(sources), ~is_undone)


async def add_refusals(conn: AsyncConnection, operation_id: str, refusals: Sequence[Refusal]) -> None:
    """Keep which changes could not be undone, and why."""
    if refusals:
        await conn.execute(insert(UNDO_REFUSALS), [{"operation_id": operation_id} | one._asdict() for one in refusals])


async def move_undo(
    conn: AsyncConnection, operation: OperationUndo, *, last: str | None, undone: int, refused: int, now: datetime
) -> None:
    """Write down how far an undo has come; without a last change there was none left."""
    values = {
        "last_change_id": last or operation.last_change_id,
        "undone_changes": operation.undone_changes + undone,
        "refused_changes": operation.refused_changes + refused,
        "moved_at": now,
        "finished_at": None if last else now,
    }
    await _update(conn, operation.operation_id, values)


async def put_undo_last(conn: AsyncConnection, operation_id: str, now: datetime) -> None:
    """Make an undo the one that waits least."""
    await _update(conn, operation_id, {"moved_at": now})


async def _update(conn: AsyncConnection, operation_id: str, values: Mapping[str, Any]) -> None:
    same = OPERATION_UNDOS.c.operation_id == operation_id
    await conn.execute(update(OPERATION_UNDOS).where(same).values(**values))


def _undo_of(row: RowMapping) -> OperationUndo:
    return OperationUndo(**{name: row[name] for name in OperationUndo.__dataclass_fields__})
