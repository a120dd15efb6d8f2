"""Calls about bulk edits."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory import undoing
from inventory.api.desk import Context, Desk, naming_fields, reading_seller
from inventory.api.translate_bulk_edits import bulk_edit_to_proto, command_from_proto, preview_to_proto
from inventory.bulk_editing import cancel_bulk_edit, create_bulk_edit, preview_edit
from inventory.commands import By
from inventory.storage.bulk_edits import find_bulk_edit, first_refused
from inventory.storage.undos import find_operation_undo, first_refusals
from inventory.storage.unit_of_work import UnitOfWork


class BulkEditCalls(Desk):
    """What is asked of bulk edits."""

    async def PreviewBulkEdit(self, request: pb.PreviewBulkEditRequest, context: Context) -> pb.PreviewBulkEditResponse:
        """Says what a bulk edit would do."""
        seller_id = reading_seller()
        with naming_fields():
            command = command_from_proto(request, self._topics.marketplaces)
            return preview_to_proto(await preview_edit(command, seller_id, self._clock.now(), self._engine))

    async def CreateBulkEdit(self, request: pb.CreateBulkEditRequest, context: Context) -> pb.CreateBulkEditResponse:
        """Accepts one edit of many lots, which then runs by itself."""
        by = self._by(request.reason)
        with naming_fields():
            command = command_from_proto(request, self._topics.marketplaces)

        async def run(by: By, work: UnitOfWork) -> pb.CreateBulkEditResponse:
            return pb.CreateBulkEditResponse(operation=bulk_edit_to_proto(await create_bulk_edit(command, by, work)))

        answer = await self._once(request, by, pb.CreateBulkEditResponse, run)
        self._bulk_edit_accepted()
        return answer

    async def GetBulkEdit(self, request: pb.GetBulkEditRequest, context: Context) -> pb.GetBulkEditResponse:
        """Reads how far a bulk edit and its undo have come."""
        seller_id = reading_seller()
        async with self._engine.connect() as conn:
            found = await find_bulk_edit(conn, seller_id, request.bulk_edit_id)
            undo = await find_operation_undo(conn, seller_id, found.bulk_edit_id)
            operation = bulk_edit_to_proto(
                found,
                await first_refused(conn, found.bulk_edit_id),
                undo,
                [] if undo is None else await first_refusals(conn, undo),
            )
        return pb.GetBulkEditResponse(operation=operation)

    async def CancelBulkEdit(self, request: pb.CancelBulkEditRequest, context: Context) -> pb.CancelBulkEditResponse:
        """Ends a running bulk edit between two chunks."""

        async def run(by: By, work: UnitOfWork) -> pb.CancelBulkEditResponse:
            cancelled = await cancel_bulk_edit(request.bulk_edit_id, by, work)
            refused = await first_refused(work.conn, cancelled.bulk_edit_id)
            return pb.CancelBulkEditResponse(operation=bulk_edit_to_proto(cancelled, refused))

        return await self._once(request, self._by(""), pb.CancelBulkEditResponse, run)

    async def UndoBulkEdit(self, request: pb.UndoBulkEditRequest, context: Context) -> pb.UndoBulkEditResponse:
        """Accepts the undo of all changes of a bulk edit, which then runs by itself."""
        command = undoing.UndoBulkEdit(bulk_edit_id=request.bulk_edit_id, redo=request.redo)

        async def run(by: By, work: UnitOfWork) -> pb.UndoBulkEditResponse:
            undo = await undoing.undo_bulk_edit(command, by, work)
            undone = await find_bulk_edit(work.conn, by.seller_id, command.bulk_edit_id)
            refused = await first_refused(work.conn, undone.bulk_edit_id)
            return pb.UndoBulkEditResponse(operation=bulk_edit_to_proto(undone, refused, undo))

        answer = await self._once(request, self._by(request.reason), pb.UndoBulkEditResponse, run)
        self._undo_accepted()
        return answer
