"""Bulk edits in memory."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import (
    bulk_edit_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from gateway.testing.answering import (
    Context,
    NotFound,
    Undone,
)
from gateway.testing.inventory.kept import START, Kept
from servicekit.callers import current_caller, require_role
from servicekit.grpc_errors import InvalidField


class BulkEdits(Kept):
    """Calls about bulk edits."""

    async def PreviewBulkEdit(
        self, request: inventory_pb.PreviewBulkEditRequest, context: Context
    ) -> inventory_pb.PreviewBulkEditResponse:
        """Previews an edit of lots by their ids, of which it knows the remarks; one without any it refuses."""
        async with self.faults.around(context):
            lots = [self._lot(lot_id) for lot_id in request.selection.lot_ids]
            answer = inventory_pb.PreviewBulkEditResponse(total_lots=len(lots), judged_lots=len(lots))
            for lot in lots:
                if not lot.remarks:
                    answer.refusals.add(lot_id=lot.lot_id, field="remarks", reason="must be there")
                    continue
                shown = answer.lots.add(before=lot, after=lot)
                shown.after.remarks = request.edit.remarks
            answer.changed_lots, answer.refused_lots = len(answer.lots), len(answer.refusals)
            return answer

    async def CreateBulkEdit(
        self, request: inventory_pb.CreateBulkEditRequest, context: Context
    ) -> inventory_pb.CreateBulkEditResponse:
        """Accepts an edit, and does nothing of it."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._accept_edit(request))

    def _accept_edit(self, request: inventory_pb.CreateBulkEditRequest) -> inventory_pb.CreateBulkEditResponse:
        if not request.selection.lot_ids:
            raise InvalidField("selection.lot_ids[0]", "is required")
        operation = bulk_edit_pb2.BulkEdit(
            bulk_edit_id=f"bulk-edit-{next(self._ids)}",
            state=bulk_edit_pb2.BULK_EDIT_STATE_RUNNING,
            total_lots=len(request.selection.lot_ids),
        )
        operation.created_at.FromDatetime(START)
        self._bulk_edits[current_caller().require_seller(), operation.bulk_edit_id] = operation
        return inventory_pb.CreateBulkEditResponse(operation=operation)

    async def GetBulkEdit(
        self, request: inventory_pb.GetBulkEditRequest, context: Context
    ) -> inventory_pb.GetBulkEditResponse:
        """Reads a bulk edit."""
        async with self.faults.around(context):
            return inventory_pb.GetBulkEditResponse(operation=self._bulk_edit(request.bulk_edit_id))

    async def CancelBulkEdit(
        self, request: inventory_pb.CancelBulkEditRequest, context: Context
    ) -> inventory_pb.CancelBulkEditResponse:
        """Cancels a bulk edit."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            operation = self._bulk_edit(request.bulk_edit_id)
            operation.state = bulk_edit_pb2.BULK_EDIT_STATE_CANCELLED
            operation.finished_at.FromDatetime(START)
            return inventory_pb.CancelBulkEditResponse(operation=operation)

    async def UndoBulkEdit(
        self, request: inventory_pb.UndoBulkEditRequest, context: Context
    ) -> inventory_pb.UndoBulkEditResponse:
        """Accepts the undo of a bulk edit, once; one change is refused."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            operation = self._bulk_edit(request.bulk_edit_id)
            if request.redo != (operation.HasField("undo") and not operation.undo.redo):
                raise Undone("This was undone before; to redo it, undo the undo.")
            operation.undo.Clear()
            operation.undo.redo = request.redo
            operation.undo.total_changes = operation.undo.refused_changes = 1
            operation.undo.refusals.add(change_id="change-1", lot_id="lot-1", reason="The lot was changed since.")
            operation.undo.created_at.FromDatetime(START)
            return inventory_pb.UndoBulkEditResponse(operation=operation)

    def _bulk_edit(self, bulk_edit_id: str) -> bulk_edit_pb2.BulkEdit:
        try:
            return self._bulk_edits[current_caller().require_seller(), bulk_edit_id]
        except KeyError:
            raise NotFound("There is no such bulk edit.") from None
