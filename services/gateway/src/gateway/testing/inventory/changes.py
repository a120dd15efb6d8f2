"""Changes in memory, and their undo."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from brickops.inventory.v1 import (
    undo_pb2,
)
from gateway.testing.answering import (
    Context,
    NotFound,
    Undone,
    page_of,
)
from gateway.testing.inventory.kept import START, Kept
from servicekit.callers import current_caller, require_role


class Changes(Kept):
    """Calls about changes."""

    async def ListChanges(
        self, request: inventory_pb.ListChangesRequest, context: Context
    ) -> inventory_pb.ListChangesResponse:
        """Lists changes."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            if request.lot_id:
                self._lot(request.lot_id)
            if request.import_id:
                self._import(request.import_id)
            wanted = [
                change
                for owner, change in reversed(self._changes)
                if owner == seller
                and request.lot_id in ("", change.lot_id)
                and request.import_id in ("", change.import_id)
                and (not request.types or change.type in request.types)
                and (not request.HasField("undone") or bool(change.undone_by) == request.undone)
            ]
            page, token = page_of(wanted, request.page_size, request.page_token)
            return inventory_pb.ListChangesResponse(changes=page, next_page_token=token)

    async def GetChange(
        self, request: inventory_pb.GetChangeRequest, context: Context
    ) -> inventory_pb.GetChangeResponse:
        """Reads one change."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            for owner, change in self._changes:
                if (owner, change.change_id) == (seller, request.change_id):
                    return inventory_pb.GetChangeResponse(change=change)
            raise NotFound("There is no such change.")

    async def UndoChange(
        self, request: inventory_pb.UndoChangeRequest, context: Context
    ) -> inventory_pb.UndoChangeResponse:
        """Undoes pieces of a change, once."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._undo(request))

    def _undo(self, request: inventory_pb.UndoChangeRequest) -> inventory_pb.UndoChangeResponse:
        seller = current_caller().require_seller()
        for owner, change in list(self._changes):
            if (owner, change.change_id) == (seller, request.change_id):
                if change.undone_by:
                    raise Undone("This was undone before; to redo it, undo the undo.")
                lot = self._lot(change.lot_id)
                lot.quantity -= change.quantity_delta
                change.undone_by = self._keep(lot, change.type, request.reason, -change.quantity_delta)
                return inventory_pb.UndoChangeResponse(lot=lot, change_id=change.undone_by)
        raise NotFound("There is no such change.")

    async def UndoImport(
        self, request: inventory_pb.UndoImportRequest, context: Context
    ) -> inventory_pb.UndoImportResponse:
        """Accepts the undo of an import, of which one change is refused."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._undo_import(request))

    def _undo_import(self, request: inventory_pb.UndoImportRequest) -> inventory_pb.UndoImportResponse:
        self._import(request.import_id)
        key = (current_caller().require_seller(), request.import_id)
        if request.redo != (key in self._undos and not self._undos[key].redo):
            raise Undone("This was undone before; to redo it, undo the undo.")
        operation = undo_pb2.ImportUndo(
            import_id=request.import_id,
            state=undo_pb2.IMPORT_UNDO_STATE_RUNNING,
            total_changes=2,
            undone_changes=1,
            refused_changes=1,
            refusals=[undo_pb2.UndoRefusal(change_id="change-1", lot_id="lot-1", reason="The lot was changed since.")],
            redo=request.redo,
        )
        operation.created_at.FromDatetime(START)
        self._undos[key] = operation
        return inventory_pb.UndoImportResponse(operation=operation)

    async def GetImportUndo(
        self, request: inventory_pb.GetImportUndoRequest, context: Context
    ) -> inventory_pb.GetImportUndoResponse:
        """Reads the undo of an import."""
        async with self.faults.around(context):
            key = (current_caller().require_seller(), request.import_id)
            if key not in self._undos:
                raise NotFound("This import was not undone.")
            return inventory_pb.GetImportUndoResponse(operation=self._undos[key])
