"""The services behind the gateway, in memory. They keep the contract that the protos state: sellers apart, roles,
request ids, revisions, field violations. They know few of the rules of a lot, and no shop.
"""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.message import Message

from brickops.credentials.v1 import credentials_admin_service_pb2_grpc as credentials_grpc
from brickops.inventory.v1 import (
    bulk_edit_pb2,
    change_pb2,
    import_pb2,
    lot_pb2,
    lot_sync_pb2,
    oversell_pb2,
    return_pb2,
    undo_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from brickops.inventory.v1 import inventory_service_pb2_grpc as inventory_grpc
from brickops.sync.v1 import sync_service_pb2_grpc as sync_grpc
from gateway.testing.answering import (
    ERRORS,
    Answers,
    Changed,
    Context,
    Faults,
    NoPreview,
    NotEnough,
    NotFound,
    Stale,
    Undone,
    page_of,
)
from gateway.testing.credentials import CredentialsFake
from gateway.testing.sync import SyncFake
from servicekit.callers import current_caller, require_role
from servicekit.grpc_errors import InvalidField
from servicekit.grpc_server import serving
from servicekit.logs import correlation_id
from servicekit.mtls import TlsFiles

COLOURS = (0, 1, 5, 11)
MOST_PIECES = 9_999_999
_START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class InventoryFake(inventory_grpc.InventoryServiceServicer):
    """Inventory in memory."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.sync: list[lot_sync_pb2.LotSync] = []
        """What each lot's sync is said to be."""
        self._answers = Answers()
        self._lots: dict[tuple[str, str], lot_pb2.Lot] = {}
        self._changes: list[tuple[str, change_pb2.Change]] = []
        self._imports: dict[tuple[str, str], tuple[import_pb2.Import, list[import_pb2.ImportRow]]] = {}
        self._bulk_edits: dict[tuple[str, str], bulk_edit_pb2.BulkEdit] = {}
        self._undos: dict[tuple[str, str], undo_pb2.ImportUndo] = {}
        self.files: list[bytes] = []
        """What was imported."""
        self.shop_lists: list[inventory_pb.CreateShopImportRequest] = []
        """The same from shops."""
        self.export_breaks = False
        """Whether an export breaks off after its first piece."""
        self.returns: list[tuple[str, return_pb2.Return]] = []
        """Each with its seller, newest first."""
        self.oversells: list[tuple[str, oversell_pb2.Oversell]] = []
        """The same."""
        self._ids = itertools.count(1)

    async def CreateLot(  # noqa: N802 - gRPC's names, here and below
        self, request: inventory_pb.CreateLotRequest, context: Context
    ) -> inventory_pb.CreateLotResponse:
        """Makes a lot."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._create(request))

    def _create(self, request: inventory_pb.CreateLotRequest) -> inventory_pb.CreateLotResponse:
        lot = lot_pb2.Lot()
        lot.CopyFrom(request.lot)
        if lot.item.color_id not in COLOURS:
            raise InvalidField("lot.item.color_id", "is not in the colour table")
        seller = current_caller().require_seller()
        lot.lot_id, lot.seller_id, lot.revision, lot.archived = f"lot-{next(self._ids)}", seller, 0, False
        lot.created_at.FromDatetime(_START)
        equal = self._equal(lot)
        change_id = self._keep(lot, change_pb2.CHANGE_TYPE_CREATED, request.reason, lot.quantity)
        return inventory_pb.CreateLotResponse(lot=lot, change_id=change_id, equal_lot_ids=equal)

    async def GetLot(  # noqa: N802
        self, request: inventory_pb.GetLotRequest, context: Context
    ) -> inventory_pb.GetLotResponse:
        """Reads one lot."""
        async with self.faults.around(context):
            return inventory_pb.GetLotResponse(lot=self._lot(request.lot_id), sync=self.sync)

    async def ListLots(  # noqa: N802
        self, request: inventory_pb.ListLotsRequest, context: Context
    ) -> inventory_pb.ListLotsResponse:
        """Lists lots; of the filters it knows those by number, colour and archived, and no order but forth and back."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            wanted = request.filter
            if unknown := set(wanted.color_ids) - set(COLOURS):
                raise InvalidField("filter.color_ids", f"must be BrickLink colours: {min(unknown)} is none")
            lots = [
                lot
                for (owner, _), lot in self._lots.items()
                if owner == seller
                and (wanted.include_archived or lot.archived == wanted.archived)
                and wanted.item_number in ("", lot.item.number)
                and (not wanted.color_ids or lot.item.color_id in wanted.color_ids)
            ]
            if request.descending:
                lots.reverse()
            page, token = page_of(lots, request.page_size, request.page_token)
            answers = [inventory_pb.GetLotResponse(lot=lot, sync=self.sync) for lot in page]
            count = len(lots) if request.count else None
            return inventory_pb.ListLotsResponse(lots=answers, next_page_token=token, count=count)

    async def UpdateLot(  # noqa: N802
        self, request: inventory_pb.UpdateLotRequest, context: Context
    ) -> inventory_pb.UpdateLotResponse:
        """Sets fields."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._update(request))

    def _update(self, request: inventory_pb.UpdateLotRequest) -> inventory_pb.UpdateLotResponse:
        lot = self._lot(request.lot.lot_id)
        self._expect(lot, request.expected_revision if request.HasField("expected_revision") else None)
        before = lot.quantity
        for path in request.update_mask.paths:
            whole, _, name = path.rpartition(".")
            part: Message = getattr(lot, whole) if whole else lot
            part.ClearField(name)
        given = lot_pb2.Lot()
        request.update_mask.MergeMessage(request.lot, given, True, True)
        lot.MergeFrom(given)
        if lot.item.color_id not in COLOURS:
            raise InvalidField("lot.item.color_id", "is not in the colour table")
        change_id = self._keep(lot, change_pb2.CHANGE_TYPE_UPDATED, request.reason, lot.quantity - before)
        is_new_item = any(path.startswith("item") for path in request.update_mask.paths)
        equal = self._equal(lot) if is_new_item else []
        return inventory_pb.UpdateLotResponse(lot=lot, change_id=change_id, equal_lot_ids=equal)

    def _equal(self, lot: lot_pb2.Lot) -> list[str]:
        return [
            other.lot_id
            for (owner, lot_id), other in self._lots.items()
            if owner == lot.seller_id and lot_id != lot.lot_id and other.item == lot.item
        ]

    async def AdjustQuantity(  # noqa: N802
        self, request: inventory_pb.AdjustQuantityRequest, context: Context
    ) -> inventory_pb.AdjustQuantityResponse:
        """Changes a quantity."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._adjust(request))

    def _adjust(self, request: inventory_pb.AdjustQuantityRequest) -> inventory_pb.AdjustQuantityResponse:
        lot = self._lot(request.lot_id)
        self._expect(lot, request.expected_revision if request.HasField("expected_revision") else None)
        lot.quantity += request.by
        lot.reserved += request.reserved_by
        if lot.quantity < 0 or lot.reserved < 0:
            raise NotEnough("The lot has not so many pieces.")
        change_id = self._keep(lot, change_pb2.CHANGE_TYPE_ADJUSTED, request.reason, request.by)
        return inventory_pb.AdjustQuantityResponse(lot=lot, change_id=change_id)

    async def ArchiveLot(  # noqa: N802
        self, request: inventory_pb.ArchiveLotRequest, context: Context
    ) -> inventory_pb.ArchiveLotResponse:
        """Puts a lot away."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            lot, change_id = self._set_archived(request, archived=True)
            return inventory_pb.ArchiveLotResponse(lot=lot, change_id=change_id)

    async def RestoreLot(  # noqa: N802
        self, request: inventory_pb.RestoreLotRequest, context: Context
    ) -> inventory_pb.RestoreLotResponse:
        """Takes a lot out again."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            lot, change_id = self._set_archived(request, archived=False)
            return inventory_pb.RestoreLotResponse(lot=lot, change_id=change_id)

    def _set_archived(
        self, request: inventory_pb.ArchiveLotRequest | inventory_pb.RestoreLotRequest, *, archived: bool
    ) -> tuple[lot_pb2.Lot, str]:
        lot = self._lot(request.lot_id)
        self._expect(lot, request.expected_revision if request.HasField("expected_revision") else None)
        if lot.archived == archived:
            return lot, ""
        lot.archived = archived
        kind = change_pb2.CHANGE_TYPE_ARCHIVED if archived else change_pb2.CHANGE_TYPE_RESTORED
        return lot, self._keep(lot, kind, request.reason, 0)

    async def ListChanges(  # noqa: N802
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

    async def GetChange(  # noqa: N802
        self, request: inventory_pb.GetChangeRequest, context: Context
    ) -> inventory_pb.GetChangeResponse:
        """Reads one change."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            for owner, change in self._changes:
                if (owner, change.change_id) == (seller, request.change_id):
                    return inventory_pb.GetChangeResponse(change=change)
            raise NotFound("There is no such change.")

    async def UndoChange(  # noqa: N802
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

    async def UndoImport(  # noqa: N802
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
        operation.created_at.FromDatetime(_START)
        self._undos[key] = operation
        return inventory_pb.UndoImportResponse(operation=operation)

    async def GetImportUndo(  # noqa: N802
        self, request: inventory_pb.GetImportUndoRequest, context: Context
    ) -> inventory_pb.GetImportUndoResponse:
        """Reads the undo of an import."""
        async with self.faults.around(context):
            key = (current_caller().require_seller(), request.import_id)
            if key not in self._undos:
                raise NotFound("This import was not undone.")
            return inventory_pb.GetImportUndoResponse(operation=self._undos[key])

    async def PreviewBulkEdit(  # noqa: N802
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

    async def CreateBulkEdit(  # noqa: N802
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
        operation.created_at.FromDatetime(_START)
        self._bulk_edits[current_caller().require_seller(), operation.bulk_edit_id] = operation
        return inventory_pb.CreateBulkEditResponse(operation=operation)

    async def GetBulkEdit(  # noqa: N802
        self, request: inventory_pb.GetBulkEditRequest, context: Context
    ) -> inventory_pb.GetBulkEditResponse:
        """Reads a bulk edit."""
        async with self.faults.around(context):
            return inventory_pb.GetBulkEditResponse(operation=self._bulk_edit(request.bulk_edit_id))

    async def CancelBulkEdit(  # noqa: N802
        self, request: inventory_pb.CancelBulkEditRequest, context: Context
    ) -> inventory_pb.CancelBulkEditResponse:
        """Cancels a bulk edit."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            operation = self._bulk_edit(request.bulk_edit_id)
            operation.state = bulk_edit_pb2.BULK_EDIT_STATE_CANCELLED
            operation.finished_at.FromDatetime(_START)
            return inventory_pb.CancelBulkEditResponse(operation=operation)

    async def UndoBulkEdit(  # noqa: N802
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
            operation.undo.created_at.FromDatetime(_START)
            return inventory_pb.UndoBulkEditResponse(operation=operation)

    def _bulk_edit(self, bulk_edit_id: str) -> bulk_edit_pb2.BulkEdit:
        try:
            return self._bulk_edits[current_caller().require_seller(), bulk_edit_id]
        except KeyError:
            raise NotFound("There is no such bulk edit.") from None

    async def CreateImport(  # noqa: N802
        self, request: inventory_pb.CreateImportRequest, context: Context
    ) -> inventory_pb.CreateImportResponse:
        """Accepts a file; refuses one that does not end as it should."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._accept(request))

    def _accept(self, request: inventory_pb.CreateImportRequest) -> inventory_pb.CreateImportResponse:
        if not request.content.rstrip().endswith(b"</INVENTORY>"):
            raise InvalidField("content", "is cut off: </INVENTORY> is missing")
        self.files.append(request.content)
        operation = import_pb2.Import(
            import_id=f"import-{next(self._ids)}",
            format=request.format or import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
            state=import_pb2.IMPORT_STATE_DONE,
            total_rows=2,
            created_rows=1,
            refused_rows=1,
            file_name=request.file_name,
        )
        operation.created_at.FromDatetime(_START)
        operation.finished_at.FromDatetime(_START + timedelta(seconds=1))
        rows = [
            import_pb2.ImportRow(number=1, line=1, lot_id="lot-1"),
            import_pb2.ImportRow(number=2, line=9, field="COLOR", reason="is not in the colour table"),
        ]
        if request.preview:
            operation.state, operation.created_rows = import_pb2.IMPORT_STATE_PREVIEW, 0
            operation.duplicate_rows = operation.refused_rows = 1
            operation.ClearField("finished_at")
            operation.expires_at.FromDatetime(_START + timedelta(days=1))
            rows[0].ClearField("lot_id")
            rows[0].verdict, rows[1].verdict = import_pb2.IMPORT_VERDICT_DUPLICATE, import_pb2.IMPORT_VERDICT_INVALID
            rows[0].duplicate_lot_id = "lot-1"
            rows[0].candidates.add(lot_id="lot-1", quantity=40, remarks="A1")
        self._imports[current_caller().require_seller(), operation.import_id] = (operation, rows)
        return inventory_pb.CreateImportResponse(operation=operation)

    async def CreateShopImport(  # noqa: N802
        self, request: inventory_pb.CreateShopImportRequest, context: Context
    ) -> inventory_pb.CreateShopImportResponse:
        """Keeps a shop's list as a preview."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            asked = inventory_pb.CreateShopImportRequest(request_id=request.request_id, marketplace=request.marketplace)
            return self._answers.once(asked, request.request_id, lambda: self._accept_shop(request))

    def _accept_shop(self, request: inventory_pb.CreateShopImportRequest) -> inventory_pb.CreateShopImportResponse:
        self.shop_lists.append(request)
        operation = import_pb2.Import(
            import_id=f"import-{next(self._ids)}",
            format=import_pb2.IMPORT_FORMAT_SHOP,
            state=import_pb2.IMPORT_STATE_PREVIEW,
            total_rows=len(request.listings),
            marketplace=request.marketplace,
        )
        operation.created_at.FromDatetime(_START)
        rows = [
            import_pb2.ImportRow(number=number, listing_id=one.listing_id, verdict=import_pb2.IMPORT_VERDICT_NEW)
            for number, one in enumerate(request.listings, start=1)
        ]
        self._imports[current_caller().require_seller(), operation.import_id] = (operation, rows)
        return inventory_pb.CreateShopImportResponse(operation=operation)

    async def ConfirmImport(  # noqa: N802
        self, request: inventory_pb.ConfirmImportRequest, context: Context
    ) -> inventory_pb.ConfirmImportResponse:
        """Lets a preview run, at once to its end."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._confirm(request))

    def _confirm(self, request: inventory_pb.ConfirmImportRequest) -> inventory_pb.ConfirmImportResponse:
        operation, rows = self._import(request.import_id)
        if operation.state != import_pb2.IMPORT_STATE_PREVIEW:
            raise NoPreview("This import is no preview that waits to be confirmed.")
        if any(one.number > len(rows) for one in request.rows):
            raise InvalidField("rows[0].number", "is not a row of this file")
        choices = {one.number: one.choice for one in request.rows}
        rows[0].choice = choices.get(1, request.duplicates)
        if rows[0].choice == import_pb2.IMPORT_CHOICE_UNSPECIFIED:
            raise InvalidField("duplicates", "is required: 1 rows are duplicates of a lot")
        is_skipped = rows[0].choice == import_pb2.IMPORT_CHOICE_SKIP
        operation.state = import_pb2.IMPORT_STATE_DONE
        operation.skipped_rows, operation.updated_rows = (1, 0) if is_skipped else (0, 1)
        rows[0].lot_id = "" if is_skipped else "lot-1"
        operation.ClearField("expires_at")
        operation.finished_at.FromDatetime(_START + timedelta(seconds=2))
        return inventory_pb.ConfirmImportResponse(operation=operation)

    async def CancelImport(  # noqa: N802
        self, request: inventory_pb.CancelImportRequest, context: Context
    ) -> inventory_pb.CancelImportResponse:
        """Cancels an import, whether or not it is over."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._cancel(request))

    def _cancel(self, request: inventory_pb.CancelImportRequest) -> inventory_pb.CancelImportResponse:
        operation, _ = self._import(request.import_id)
        operation.state = import_pb2.IMPORT_STATE_CANCELLED
        return inventory_pb.CancelImportResponse(operation=operation)

    async def GetImport(  # noqa: N802
        self, request: inventory_pb.GetImportRequest, context: Context
    ) -> inventory_pb.GetImportResponse:
        """Reads an import."""
        async with self.faults.around(context):
            return inventory_pb.GetImportResponse(operation=self._import(request.import_id)[0])

    async def ListImports(  # noqa: N802
        self, request: inventory_pb.ListImportsRequest, context: Context
    ) -> inventory_pb.ListImportsResponse:
        """Lists imports."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            found = [operation for (owner, _), (operation, _) in reversed(self._imports.items()) if owner == seller]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListImportsResponse(imports=page, next_page_token=token)

    async def ListImportRows(  # noqa: N802
        self, request: inventory_pb.ListImportRowsRequest, context: Context
    ) -> inventory_pb.ListImportRowsResponse:
        """Lists rows of an import."""
        async with self.faults.around(context):
            rows = [
                row
                for row in self._import(request.import_id)[1]
                if (row.reason or not request.refused_only)
                and (not request.verdicts or row.verdict in request.verdicts)
            ]
            page, token = page_of(rows, request.page_size, request.page_token)
            return inventory_pb.ListImportRowsResponse(rows=page, next_page_token=token)

    async def ExportLots(  # noqa: N802
        self, request: inventory_pb.ExportLotsRequest, context: Context
    ) -> AsyncIterator[inventory_pb.ExportLotsResponse]:
        """Says in two pieces what was asked; a fault may strike before the first, or between them."""
        async with self.faults.around(context):
            if not request.format:
                raise InvalidField("format", "is required")
            yield inventory_pb.ExportLotsResponse(content=f"{current_caller().require_seller()}\n".encode())
            if self.export_breaks:
                await context.abort(grpc.StatusCode.INTERNAL, "a fault")
            yield inventory_pb.ExportLotsResponse(content=str(request).encode())

    async def ListReturns(  # noqa: N802
        self, request: inventory_pb.ListReturnsRequest, context: Context
    ) -> inventory_pb.ListReturnsResponse:
        """Lists returns."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            if request.lot_id:
                self._lot(request.lot_id)
            found = [
                one
                for owner, one in self.returns
                if owner == seller
                and request.lot_id in ("", one.lot_id)
                and (request.include_closed or not one.HasField("closed_at"))
            ]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListReturnsResponse(returns=page, next_page_token=token)

    async def AnswerReturn(  # noqa: N802
        self, request: inventory_pb.AnswerReturnRequest, context: Context
    ) -> inventory_pb.AnswerReturnResponse:
        """Closes a return."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._answer_return(request))

    def _answer_return(self, request: inventory_pb.AnswerReturnRequest) -> inventory_pb.AnswerReturnResponse:
        seller = current_caller().require_seller()
        for owner, one in self.returns:
            if (owner, one.return_id) == (seller, request.return_id):
                if one.HasField("closed_at") or one.pieces != request.pieces:
                    raise Changed("The return is not as it was seen.")
                lot, change_id = self._lot(one.lot_id), ""
                if request.answer == return_pb2.RETURN_ANSWER_PUT_BACK:
                    lot.quantity += one.pieces
                    change_id = self._keep(lot, change_pb2.CHANGE_TYPE_RETURNED, request.reason, one.pieces)
                one.closed_at.FromDatetime(_START)
                one.answer = request.answer
                return inventory_pb.AnswerReturnResponse(answered=one, lot=lot, change_id=change_id)
        raise NotFound("There is no such return.")

    async def ListOversells(  # noqa: N802
        self, request: inventory_pb.ListOversellsRequest, context: Context
    ) -> inventory_pb.ListOversellsResponse:
        """Lists oversells."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            if request.lot_id:
                self._lot(request.lot_id)
            found = [one for owner, one in self.oversells if owner == seller and request.lot_id in ("", one.lot_id)]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListOversellsResponse(oversells=page, next_page_token=token)

    def _lot(self, lot_id: str) -> lot_pb2.Lot:
        lot = self._lots.get((current_caller().require_seller(), lot_id))
        if lot is None:
            raise NotFound("There is no such lot.")
        copy = lot_pb2.Lot()
        copy.CopyFrom(lot)
        return copy

    def _import(self, import_id: str) -> tuple[import_pb2.Import, list[import_pb2.ImportRow]]:
        try:
            return self._imports[current_caller().require_seller(), import_id]
        except KeyError:
            raise NotFound("There is no such import.") from None

    def _expect(self, lot: lot_pb2.Lot, revision: int | None) -> None:
        if revision is not None and revision != lot.revision:
            raise Stale(f"The lot is at revision {lot.revision}, not at {revision}; read it again.")

    def _keep(self, lot: lot_pb2.Lot, kind: change_pb2.ChangeType.ValueType, reason: str, delta: int) -> str:
        if not 0 <= lot.quantity <= MOST_PIECES:
            raise InvalidField("lot.quantity", "must be from 0 to 9,999,999")
        caller = current_caller()
        lot.revision += 1
        lot.updated_at.FromDatetime(_START + timedelta(seconds=lot.revision))
        lot.availability = lot_pb2.AVAILABILITY_AVAILABLE if lot.quantity else lot_pb2.AVAILABILITY_SOLD
        self._lots[lot.seller_id, lot.lot_id] = lot
        change = change_pb2.Change(
            change_id=f"change-{next(self._ids)}",
            lot_id=lot.lot_id,
            revision=lot.revision,
            type=kind,
            source=change_pb2.CHANGE_SOURCE_USER,
            actor=caller.actor or "",
            reason=reason,
            quantity_delta=delta,
            correlation_id=correlation_id.get(),
            recorded_at=lot.updated_at,
        )
        change.after.update({"quantity": lot.quantity})
        self._changes.append((lot.seller_id, change))
        return change.change_id


@dataclass(frozen=True)
class Services:
    """All services behind the gateway."""

    inventory: InventoryFake = field(default_factory=InventoryFake)
    credentials: CredentialsFake = field(default_factory=CredentialsFake)
    sync_bricklink: SyncFake = field(default_factory=SyncFake)

    @asynccontextmanager
    async def serving(self, *, addresses: dict[str, str], tls: dict[str, TlsFiles]) -> AsyncIterator[None]:
        """Serves each, by its name, at its address and with its certificate; only the gateway may call."""
        registered: dict[str, tuple[str, Callable[[grpc.aio.Server], None]]] = {
            "inventory": (
                "brickops.inventory.v1.InventoryService",
                lambda server: inventory_grpc.add_InventoryServiceServicer_to_server(self.inventory, server),
            ),
            "credentials": (
                "brickops.credentials.v1.CredentialsAdminService",
                lambda server: credentials_grpc.add_CredentialsAdminServiceServicer_to_server(self.credentials, server),
            ),
            "sync-bricklink": (
                "brickops.sync.v1.SyncService",
                lambda server: sync_grpc.add_SyncServiceServicer_to_server(self.sync_bricklink, server),
            ),
        }
        async with AsyncExitStack() as stack:
            for name, (service, register) in registered.items():
                allow = {service: frozenset({"gateway"})}
                running = serving(
                    listen=addresses[name], tls=tls[name], allow=allow, errors=ERRORS, register=register, grace=0
                )
                await (await stack.enter_async_context(running)).ready()
            yield
