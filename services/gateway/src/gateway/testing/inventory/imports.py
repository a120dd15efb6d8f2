"""Imports in memory."""

# ruff: noqa: N802 - gRPC names methods so

from datetime import timedelta

from brickops.inventory.v1 import (
    import_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from gateway.testing.answering import (
    Context,
    NoPreview,
    page_of,
)
from gateway.testing.inventory.kept import START, Kept
from servicekit.callers import current_caller, require_role
from servicekit.grpc_errors import InvalidField


class Imports(Kept):
    """Calls about imports."""

    async def CreateImport(
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
        operation.created_at.FromDatetime(START)
        operation.finished_at.FromDatetime(START + timedelta(seconds=1))
        rows = [
            import_pb2.ImportRow(number=1, line=1, lot_id="lot-1"),
            import_pb2.ImportRow(number=2, line=9, field="COLOR", reason="is not in the colour table"),
        ]
        if request.preview:
            operation.state, operation.created_rows = import_pb2.IMPORT_STATE_PREVIEW, 0
            operation.duplicate_rows = operation.refused_rows = 1
            operation.ClearField("finished_at")
            operation.expires_at.FromDatetime(START + timedelta(days=1))
            rows[0].ClearField("lot_id")
            rows[0].verdict, rows[1].verdict = import_pb2.IMPORT_VERDICT_DUPLICATE, import_pb2.IMPORT_VERDICT_INVALID
            rows[0].duplicate_lot_id = "lot-1"
            rows[0].candidates.add(lot_id="lot-1", quantity=40, remarks="A1")
        self._imports[current_caller().require_seller(), operation.import_id] = (operation, rows)
        return inventory_pb.CreateImportResponse(operation=operation)

    async def CreateShopImport(
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
        operation.created_at.FromDatetime(START)
        rows = [
            import_pb2.ImportRow(number=number, listing_id=one.listing_id, verdict=import_pb2.IMPORT_VERDICT_NEW)
            for number, one in enumerate(request.listings, start=1)
        ]
        self._imports[current_caller().require_seller(), operation.import_id] = (operation, rows)
        return inventory_pb.CreateShopImportResponse(operation=operation)

    async def ConfirmImport(
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
        operation.finished_at.FromDatetime(START + timedelta(seconds=2))
        return inventory_pb.ConfirmImportResponse(operation=operation)

    async def CancelImport(
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

    async def GetImport(
        self, request: inventory_pb.GetImportRequest, context: Context
    ) -> inventory_pb.GetImportResponse:
        """Reads an import."""
        async with self.faults.around(context):
            return inventory_pb.GetImportResponse(operation=self._import(request.import_id)[0])

    async def ListImports(
        self, request: inventory_pb.ListImportsRequest, context: Context
    ) -> inventory_pb.ListImportsResponse:
        """Lists imports."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            found = [operation for (owner, _), (operation, _) in reversed(self._imports.items()) if owner == seller]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListImportsResponse(imports=page, next_page_token=token)

    async def ListImportRows(
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
