"""Calls about what happened: read, and undone."""

# ruff: noqa: N802 - gRPC names methods so

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from brickops.inventory.v1 import change_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory import undoing
from inventory.api.desk import Context, Desk, asked_word, reading_seller
from inventory.api.pages import cut, page_of
from inventory.api.translate import (
    change_to_proto,
    import_undo_to_proto,
    lot_to_proto,
)
from inventory.commands import By
from inventory.domain import errors
from inventory.domain.changes import ChangeSource, ChangeType
from inventory.storage.bulk_edits import find_bulk_edit
from inventory.storage.changes import ChangeFilter, find_change, page_of_changes
from inventory.storage.imports import find_import
from inventory.storage.lots import find_lot
from inventory.storage.undos import find_operation_undo, first_refusals
from inventory.storage.unit_of_work import UnitOfWork


class ChangeCalls(Desk):
    """What is asked of changes."""

    async def ListChanges(self, request: pb.ListChangesRequest, context: Context) -> pb.ListChangesResponse:
        """Lists recorded changes, newest first."""
        seller_id = reading_seller()
        page = page_of(request.page_size, request.page_token)
        wanted = _change_filter(request)
        async with self._engine.connect() as conn:
            if request.lot_id:
                await find_lot(conn, seller_id, request.lot_id)
            if request.import_id:
                await find_import(conn, seller_id, request.import_id)
            if request.bulk_edit_id:
                await find_bulk_edit(conn, seller_id, request.bulk_edit_id)
            found = await page_of_changes(conn, seller_id, wanted, before=page.last, limit=page.limit)
        changes, token = cut(found, page, lambda change: change.change_id)
        return pb.ListChangesResponse(changes=[change_to_proto(one) for one in changes], next_page_token=token)

    async def GetChange(self, request: pb.GetChangeRequest, context: Context) -> pb.GetChangeResponse:
        """Reads one recorded change."""
        seller_id = reading_seller()
        async with self._engine.connect() as conn:
            return pb.GetChangeResponse(change=change_to_proto(await find_change(conn, seller_id, request.change_id)))

    async def UndoChange(self, request: pb.UndoChangeRequest, context: Context) -> pb.UndoChangeResponse:
        """Undoes a change by one that makes up for it."""
        command = undoing.UndoChange(change_id=request.change_id)

        async def run(by: By, work: UnitOfWork) -> pb.UndoChangeResponse:
            done = await undoing.undo_change(command, by, work)
            return pb.UndoChangeResponse(lot=lot_to_proto(done.lot), change_id=done.change_id)

        return await self._once(request, self._by(request.reason), pb.UndoChangeResponse, run)

    async def UndoImport(self, request: pb.UndoImportRequest, context: Context) -> pb.UndoImportResponse:
        """Accepts the undo of all changes of an import, which then runs by itself."""
        command = undoing.UndoImport(import_id=request.import_id, redo=request.redo)

        async def run(by: By, work: UnitOfWork) -> pb.UndoImportResponse:
            accepted = await undoing.undo_import(command, by, work)
            return pb.UndoImportResponse(operation=import_undo_to_proto(accepted, []))

        answer = await self._once(request, self._by(request.reason), pb.UndoImportResponse, run)
        self._undo_accepted()
        return answer

    async def GetImportUndo(self, request: pb.GetImportUndoRequest, context: Context) -> pb.GetImportUndoResponse:
        """Reads how far the undo of an import has come."""
        seller_id = reading_seller()
        async with self._engine.connect() as conn:
            found = await find_operation_undo(conn, seller_id, request.import_id)
            if found is None:
                raise errors.ImportUndoNotFound
            refusals = await first_refusals(conn, found)
        return pb.GetImportUndoResponse(operation=import_undo_to_proto(found, refusals))


def _change_filter(request: pb.ListChangesRequest) -> ChangeFilter:
    """Raises InvalidField."""
    return ChangeFilter(
        lot_id=request.lot_id or None,
        import_id=request.import_id or None,
        bulk_edit_id=request.bulk_edit_id or None,
        actor=request.actor or None,
        types=frozenset(asked_word("types", ChangeType, change_pb2.ChangeType, one) for one in request.types),
        sources=frozenset(asked_word("sources", ChangeSource, change_pb2.ChangeSource, one) for one in request.sources),
        recorded_from=_moment(request.recorded_from) if request.HasField("recorded_from") else None,
        recorded_before=_moment(request.recorded_before) if request.HasField("recorded_before") else None,
        undone=request.undone if request.HasField("undone") else None,
    )


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
