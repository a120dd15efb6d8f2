"""Undo of one change, and of all changes of an import or a bulk edit: each lot locked, each undo a change of its own.

The undo of an operation runs in chunks, as the operation did. What cannot be undone is noted with the reason and left
as it is.
"""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.chunks import Chunks
from inventory.commands import By, Done
from inventory.domain.changes import Cause, Change, ChangeSource
from inventory.domain.errors import (
    AlreadyUndone,
    BulkEditIsRunning,
    ImportIsRunning,
    NotEnoughPieces,
    NothingToRedo,
    UndoIsRunning,
    UndoRefused,
)
from inventory.domain.lot import Lot
from inventory.domain.undo import undo
from inventory.storage.bulk_edits import find_bulk_edit
from inventory.storage.changes import find_change
from inventory.storage.imports import find_import
from inventory.storage.lots import lock_lot, lock_lots
from inventory.storage.undos import (
    OperationUndo,
    Refusal,
    add_operation_undo,
    add_refusals,
    add_undos,
    expect_not_undone,
    find_operation_undo,
    lock_running_undo,
    move_undo,
    next_changes,
    ordered_deltas,
    put_undo_last,
)
from inventory.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoChange:
    """Undo one change."""

    change_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoImport:
    """Undo all that an import did, or redo what was undone."""

    import_id: str
    redo: bool = False


async def undo_change(command: UndoChange, by: By, work: UnitOfWork) -> Done:
    """Undoes a change. Raises InvalidFields, ChangeNotFound, UndoRefused, NotEnoughPieces."""
    cause = replace(by.cause(), source=ChangeSource.UNDO)
    change = await find_change(work.conn, by.seller_id, command.change_id)
    lot = await lock_lot(work.conn, by.seller_id, change.lot_id)
    await expect_not_undone(work.conn, change.change_id)
    ordered = await ordered_deltas(work.conn, [lot.lot_id])
    lot, difference = undo(lot, change, ordered_delta=ordered.get(lot.lot_id, 0), now=by.at)
    recorded = work.recorder.record(lot, difference, cause)
    await add_undos(work.conn, [(change.change_id, recorded.change_id)])
    return Done(lot=lot, change_id=recorded.change_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoBulkEdit:
    """Undo all that a bulk edit did, or redo what was undone."""

    bulk_edit_id: str
    redo: bool = False


async def undo_import(command: UndoImport, by: By, work: UnitOfWork) -> OperationUndo:
    """Accepts the undo of an import, or its redo: the undo of the undo.

    Raises InvalidFields, ImportNotFound, ImportIsRunning, AlreadyUndone, NothingToRedo, UndoIsRunning.
    """
    cause = by.cause()
    found = await find_import(work.conn, by.seller_id, command.import_id)
    if found.finished_at is None:
        raise ImportIsRunning
    return await _accepted(found.import_id, cause, by, work, redo=command.redo)


async def undo_bulk_edit(command: UndoBulkEdit, by: By, work: UnitOfWork) -> OperationUndo:
    """Accepts the undo of a bulk edit, or its redo: the undo of the undo.

    Raises InvalidFields, BulkEditNotFound, BulkEditIsRunning, AlreadyUndone, NothingToRedo, UndoIsRunning.
    """
    cause = by.cause()
    found = await find_bulk_edit(work.conn, by.seller_id, command.bulk_edit_id)
    if found.finished_at is None:
        raise BulkEditIsRunning
    return await _accepted(found.bulk_edit_id, cause, by, work, redo=command.redo)


async def _accepted(operation_id: str, cause: Cause, by: By, work: UnitOfWork, *, redo: bool) -> OperationUndo:
    before = await find_operation_undo(work.conn, by.seller_id, operation_id)
    if redo == (before is None or before.is_redo):
        raise NothingToRedo if redo else AlreadyUndone
    if before is not None and before.finished_at is None:
        raise UndoIsRunning
    operation = OperationUndo(
        operation_id=operation_id,
        step=1 if before is None else before.step + 1,
        seller_id=by.seller_id,
        actor=cause.actor,
        reason=cause.reason,
        correlation_id=cause.correlation_id,
        total_changes=0,
        undone_changes=0,
        refused_changes=0,
        last_change_id=None,
        created_at=by.at,
        finished_at=None,
    )
    return await add_operation_undo(work.conn, operation)


class OperationUndoer(Chunks[OperationUndo]):
    """Makes chunks of whatever undo of an operation waits longest."""

    async def _lock(self, conn: AsyncConnection) -> OperationUndo | None:
        return await lock_running_undo(conn)

    async def _move(self, operation: OperationUndo, work: UnitOfWork) -> None:
        now = self._clock.now()
        changes = await next_changes(work.conn, operation, limit=self._limit)
        lot_ids = sorted({change.lot_id for change in changes})
        lots, ordered = await lock_lots(work.conn, lot_ids), await ordered_deltas(work.conn, lot_ids)
        cause = Cause(
            source=ChangeSource.UNDO,
            actor=operation.actor,
            reason=operation.reason,
            at=now,
            correlation_id=operation.correlation_id,
        )
        undone, refusals = [], []
        for change in changes:
            try:
                recorded = await self._undo(change, lots, ordered, cause, work)
            except (UndoRefused, NotEnoughPieces) as refusal:
                refusals.append(Refusal(change.change_id, change.lot_id, str(refusal)))
            else:
                undone.append((change.change_id, recorded.change_id))
        await add_undos(work.conn, undone, operation)
        await add_refusals(work.conn, operation, refusals)
        last = changes[-1].change_id if changes else None
        await move_undo(work.conn, operation, last=last, undone=len(undone), refused=len(refusals), now=now)

    async def _undo(
        self, change: Change, lots: dict[str, Lot], ordered: dict[str, int], cause: Cause, work: UnitOfWork
    ) -> Change:
        # The lot is locked only now: somebody may have undone this change since it was read.
        await expect_not_undone(work.conn, change.change_id)
        lot, difference = undo(lots[change.lot_id], change, ordered_delta=ordered.get(change.lot_id, 0), now=cause.at)
        lots[change.lot_id] = lot
        return work.recorder.record(lot, difference, cause)

    async def _put_last(self, operation: OperationUndo, conn: AsyncConnection) -> None:
        await put_undo_last(conn, operation, self._clock.now())
