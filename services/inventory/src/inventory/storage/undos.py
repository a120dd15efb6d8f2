"""Which change undid which, and how far the undo of whole imports and bulk edits has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Select, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

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
    step: int
    """1 undoes the operation, 2 undoes that undo (a redo), 3 undoes the redo, and so on."""
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

    @property
    def is_redo(self) -> bool:
        """Whether the operation's changes stand again once it is done."""
        return self.step % 2 == 0


async def expect_not_undone(conn: AsyncConnection, change_id: str) -> None:
    """Raises AlreadyUndone. Whoever holds the lot's lock can rely on it: an undo needs that too."""
    if (await conn.execute(select(UNDOS.c.undoes).where(UNDOS.c.undoes == change_id))).one_or_none() is not None:
        raise AlreadyUndone


async def add_undos(
    conn: AsyncConnection, undone: Sequence[tuple[str, str]], operation: OperationUndo | None = None
) -> None:
    """Note which changes were undone, each with the change that did it. `operation`: the undo that this is part of."""
    if undone:
        by = {"operation_id": operation and operation.operation_id, "step": operation and operation.step}
        rows = [{"undoes": change_id, "undone_by": undo_id, **by} for change_id, undo_id in undone]
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
    """Accept the undo of an operation, with the number of its changes. Raises AlreadyUndone: another was quicker."""
    total = 0
    for made in _changes_of(operation):
        count = select(func.count()).select_from(CHANGES).where(*made)
        total += (await conn.execute(count)).scalar_one()
    values = {name: getattr(operation, name) for name in OperationUndo.__dataclass_fields__}
    values |= {"total_changes": total, "finished_at": None if total else operation.created_at}
    new = upsert(OPERATION_UNDOS).values(**values, moved_at=operation.created_at).on_conflict_do_nothing()
    row = (await conn.execute(new.returning(OPERATION_UNDOS))).mappings().one_or_none()
    if row is None:
        raise AlreadyUndone
    return _undo_of(row)


async def find_operation_undo(conn: AsyncConnection, seller_id: str, operation_id: str) -> OperationUndo | None:
    """How far the last step has come; None if nobody asked for one, and for another seller's."""
    if not is_id(operation_id):
        return None
    columns = OPERATION_UNDOS.c
    query = select(OPERATION_UNDOS).where(columns.operation_id == operation_id, columns.seller_id == seller_id)
    row = (await conn.execute(query.order_by(columns.step.desc()).limit(1))).mappings().one_or_none()
    return None if row is None else _undo_of(row)


async def first_refusals(conn: AsyncConnection, operation: OperationUndo) -> list[Refusal]:
    """Changes that this step could not undo, newest first; a hundred at most."""
    columns = UNDO_REFUSALS.c
    query = select(columns.change_id, columns.lot_id, columns.reason).where(*_same(columns, operation))
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
    for made in _changes_of(operation):
        query = select(CHANGES).where(*made)
        if operation.last_change_id is not None:
            query = query.where(CHANGES.c.change_id < operation.last_change_id)
        found = await conn.execute(query.order_by(CHANGES.c.change_id.desc()).limit(limit))
        if changes := [change_of(row) for row in found.mappings()]:
            return changes
    return []


def _changes_of(operation: OperationUndo) -> list[tuple[ColumnElement[bool], ...]]:
    """Say which changes a step undoes: one query after the other finds them all."""
    is_undone = exists().where(UNDOS.c.undoes == CHANGES.c.change_id)
    if operation.step > 1:
        before = (UNDOS.c.operation_id == operation.operation_id, UNDOS.c.step == operation.step - 1)
        return [(CHANGES.c.change_id.in_(select(UNDOS.c.undone_by).where(*before)), ~is_undone)]
    made = CHANGES.c.source.in_((ChangeSource.IMPORT.value, ChangeSource.USER.value))
    # Asked for either at once, PostgreSQL would read all of an operation's changes for each chunk.
    operations = (CHANGES.c.import_id, CHANGES.c.bulk_edit_id)
    return [(operation_id == operation.operation_id, made, ~is_undone) for operation_id in operations]


async def add_refusals(conn: AsyncConnection, operation: OperationUndo, refusals: Sequence[Refusal]) -> None:
    """Keep which changes could not be undone, and why."""
    if refusals:
        step = {"operation_id": operation.operation_id, "step": operation.step}
        await conn.execute(insert(UNDO_REFUSALS), [step | one._asdict() for one in refusals])


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
    await _update(conn, operation, values)


async def put_undo_last(conn: AsyncConnection, operation: OperationUndo, now: datetime) -> None:
    """Make an undo the one that waits least."""
    await _update(conn, operation, {"moved_at": now})


async def _update(conn: AsyncConnection, operation: OperationUndo, values: Mapping[str, Any]) -> None:
    await conn.execute(update(OPERATION_UNDOS).where(*_same(OPERATION_UNDOS.c, operation)).values(**values))


def _same(columns: ReadOnlyColumnCollection[str, Any], operation: OperationUndo) -> tuple[ColumnElement[bool], ...]:
    return columns.operation_id == operation.operation_id, columns.step == operation.step


def _undo_of(row: RowMapping) -> OperationUndo:
    return OperationUndo(**{name: row[name] for name in OperationUndo.__dataclass_fields__})
