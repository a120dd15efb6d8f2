"""Calls about imports, of files and of shops."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.api.desk import Context, Desk, naming_fields, reading_seller
from inventory.api.pages import cut, page_of
from inventory.api.translate_imports import (
    aspects_from_proto,
    confirmation_from_proto,
    import_rows_to_proto,
    import_to_proto,
    verdicts_from_proto,
)
from inventory.commands import By
from inventory.imports.acceptance import UploadedFile, accept_file, accept_shop, read_upload
from inventory.imports.cancellation import cancel_import
from inventory.imports.confirmation import confirm_import
from inventory.storage.import_rows import page_of_rows
from inventory.storage.imports import find_import, page_of_imports
from inventory.storage.unit_of_work import UnitOfWork
from servicekit.grpc_errors import InvalidField


class ImportCalls(Desk):
    """What is asked of imports."""

    async def CreateImport(self, request: pb.CreateImportRequest, context: Context) -> pb.CreateImportResponse:
        """Reads a file whole and accepts it as an import, which then goes on by itself."""
        by = self._by("")
        file = UploadedFile(
            format=_import_format(request.format),
            content=request.content,
            file_name=request.file_name,
            currency=request.currency_code,
            preview=request.preview,
        )
        with naming_fields():
            whole = await read_upload(file, by, self._engine)

        async def run(by: By, work: UnitOfWork) -> pb.CreateImportResponse:
            return pb.CreateImportResponse(operation=import_to_proto(await accept_file(whole, by, work)))

        answer = await self._once(request, by, pb.CreateImportResponse, run)
        self._import_accepted()
        return answer

    async def CreateShopImport(
        self, request: pb.CreateShopImportRequest, context: Context
    ) -> pb.CreateShopImportResponse:
        """Takes what a shop lists and no lot owns as a preview."""
        if request.marketplace not in self._topics.marketplaces:
            raise InvalidField("marketplace", f"must be one of {', '.join(self._topics.marketplaces)}")

        async def run(by: By, work: UnitOfWork) -> pb.CreateShopImportResponse:
            accepted = await accept_shop(request, by, work)
            return pb.CreateShopImportResponse(operation=import_to_proto(accepted))

        # The shop may list something else by the time of a repeat, which is answered as the first was.
        asked = pb.CreateShopImportRequest(request_id=request.request_id, marketplace=request.marketplace)
        answer = await self._once(asked, self._by(""), pb.CreateShopImportResponse, run)
        self._import_accepted()
        return answer

    async def ConfirmImport(self, request: pb.ConfirmImportRequest, context: Context) -> pb.ConfirmImportResponse:
        """Says what the rows of a preview become, and lets them."""
        with naming_fields():
            said = confirmation_from_proto(request)

        async def run(by: By, work: UnitOfWork) -> pb.ConfirmImportResponse:
            return pb.ConfirmImportResponse(operation=import_to_proto(await confirm_import(said, by, work)))

        answer = await self._once(request, self._by(""), pb.ConfirmImportResponse, run)
        self._import_accepted()
        return answer

    async def CancelImport(self, request: pb.CancelImportRequest, context: Context) -> pb.CancelImportResponse:
        """Ends an import before its next chunk."""

        async def run(by: By, work: UnitOfWork) -> pb.CancelImportResponse:
            return pb.CancelImportResponse(operation=import_to_proto(await cancel_import(request.import_id, by, work)))

        return await self._once(request, self._by(""), pb.CancelImportResponse, run)

    async def GetImport(self, request: pb.GetImportRequest, context: Context) -> pb.GetImportResponse:
        """Reads how far an import has come."""
        seller_id = reading_seller()
        async with self._engine.connect() as conn:
            found = await find_import(conn, seller_id, request.import_id)
        return pb.GetImportResponse(operation=import_to_proto(found))

    async def ListImports(self, request: pb.ListImportsRequest, context: Context) -> pb.ListImportsResponse:
        """Lists the seller's imports, newest first."""
        seller_id = reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            found = await page_of_imports(conn, seller_id, before=page.last, limit=page.limit)
        imports, token = cut(found, page, lambda one: one.import_id)
        return pb.ListImportsResponse(imports=[import_to_proto(one) for one in imports], next_page_token=token)

    async def ListImportRows(self, request: pb.ListImportRowsRequest, context: Context) -> pb.ListImportRowsResponse:
        """Lists the rows of an import in the file's order."""
        seller_id = reading_seller()
        page = page_of(request.page_size, request.page_token, is_key=_is_row_number)
        with naming_fields():
            verdicts, differing = verdicts_from_proto(request), aspects_from_proto(request)
        async with self._engine.connect() as conn:
            await find_import(conn, seller_id, request.import_id)
            found = await page_of_rows(
                conn,
                request.import_id,
                after=int(page.last or 0),
                limit=page.limit,
                refused_only=request.refused_only,
                verdicts=verdicts,
                differing=differing,
            )
        rows, token = cut(found, page, lambda row: str(row.number))
        return pb.ListImportRowsResponse(rows=import_rows_to_proto(rows), next_page_token=token)


def _import_format(value: import_pb2.ImportFormat.ValueType) -> str:
    if value not in import_pb2.ImportFormat.values():
        return ""
    return import_pb2.ImportFormat.Name(value).removeprefix("IMPORT_FORMAT_")


def _is_row_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= len("100000")
