"""The inventory's gRPC service: who may, what is asked, and one answer per request id.

Each method's meaning is told in `inventory_service.proto`.
"""

# ruff: noqa: N802 - gRPC names methods so

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import change_pb2, export_pb2, import_pb2, inventory_service_pb2_grpc, return_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory import commands, queries, returns, undoing
from inventory.api.lot_lists import LotPages, filter_from_proto, order_from_proto, wanted_for_export
from inventory.api.pages import cut, page_of
from inventory.api.translate import (
    change_to_proto,
    import_undo_to_proto,
    lot_to_proto,
    oversell_to_proto,
    proposal_from_proto,
    return_to_proto,
    status_to_proto,
    word_of,
)
from inventory.api.translate_bulk_edits import bulk_edit_to_proto, command_from_proto, preview_to_proto
from inventory.api.translate_imports import (
    confirmation_from_proto,
    import_rows_to_proto,
    import_to_proto,
    verdicts_from_proto,
)
from inventory.bulk_editing import cancel_bulk_edit, create_bulk_edit, preview_edit
from inventory.commands import By, Done
from inventory.domain import errors
from inventory.domain.changes import ChangeSource, ChangeType
from inventory.domain.sales import ReturnAnswer
from inventory.events import LotTopics
from inventory.exports.stream import export_lots
from inventory.imports.acceptance import UploadedFile, accept_file, accept_shop, read_upload
from inventory.imports.cancellation import cancel_import
from inventory.imports.confirmation import confirm_import
from inventory.queries import LotWithStatus
from inventory.storage.bulk_edits import find_bulk_edit, first_refused
from inventory.storage.changes import ChangeFilter, find_change, page_of_changes
from inventory.storage.import_rows import page_of_rows
from inventory.storage.imports import find_import, page_of_imports
from inventory.storage.lot_pages import count_lots, page_of_lots
from inventory.storage.lots import find_lot
from inventory.storage.requests import API, RequestKey
from inventory.storage.sales import page_of_oversells, page_of_returns
from inventory.storage.undos import find_operation_undo, first_refusals
from inventory.storage.unit_of_work import UnitOfWork
from servicekit import callers, logs
from servicekit.callers import CallerNotAllowed
from servicekit.clock import Clock
from servicekit.grpc_errors import InvalidField, InvalidFields

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

_LONGEST_REQUEST_ID: Final = 100
_READERS: Final = ("owner", "editor", "viewer")
_WRITERS: Final = ("owner", "editor")

Context = ServicerContext[Any, Any]


A = TypeVar("A", bound=Message)
W = TypeVar("W", bound=StrEnum)
V = TypeVar("V", bound=int)
C = TypeVar("C", pb.AdjustQuantityResponse, pb.ArchiveLotResponse, pb.RestoreLotResponse)
ChangeRequest = pb.UpdateLotRequest | pb.AdjustQuantityRequest | pb.ArchiveLotRequest | pb.RestoreLotRequest
UndoRequest = pb.UndoChangeRequest | pb.UndoImportRequest | pb.UndoBulkEditRequest
BulkEditRequest = pb.CreateBulkEditRequest | pb.CancelBulkEditRequest
ImportRequest = pb.CreateImportRequest | pb.CreateShopImportRequest | pb.ConfirmImportRequest | pb.CancelImportRequest
LotRequest = pb.CreateLotRequest | ChangeRequest | pb.AnswerReturnRequest
Request = LotRequest | UndoRequest | BulkEditRequest | ImportRequest


class InventoryServicer(inventory_service_pb2_grpc.InventoryServiceServicer):
    """Answers InventoryService; the callables are called when an import, a bulk edit or an undo waits to be run."""

    def __init__(
        self,
        engine: AsyncEngine,
        topics: LotTopics,
        clock: Clock,
        *,
        import_accepted: Callable[[], None],
        undo_accepted: Callable[[], None],
        bulk_edit_accepted: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._import_accepted = import_accepted
        self._undo_accepted = undo_accepted
        self._bulk_edit_accepted = bulk_edit_accepted

    async def CreateLot(self, request: pb.CreateLotRequest, context: Context) -> pb.CreateLotResponse:
        """Makes a lot."""
        command = commands.CreateLot(said=proposal_from_proto(request.lot, is_new=True))

        async def run(by: By, work: UnitOfWork) -> pb.CreateLotResponse:
            done = await commands.create_lot(command, by, work)
            lot = lot_to_proto(done.lot)
            return pb.CreateLotResponse(lot=lot, change_id=done.change_id, equal_lot_ids=done.equal_lot_ids)

        return await self._once(request, self._by(request.reason), pb.CreateLotResponse, run)

    async def UpdateLot(self, request: pb.UpdateLotRequest, context: Context) -> pb.UpdateLotResponse:
        """Sets the fields that the mask names."""
        command = commands.UpdateLot(
            lot_id=request.lot.lot_id,
            said=proposal_from_proto(request.lot, is_new=False),
            names=frozenset(request.update_mask.paths),
            expected_revision=_expected_revision(request),
        )

        async def run(by: By, work: UnitOfWork) -> pb.UpdateLotResponse:
            done = await commands.update_lot(command, by, work)
            lot = lot_to_proto(done.lot)
            return pb.UpdateLotResponse(lot=lot, change_id=done.change_id, equal_lot_ids=done.equal_lot_ids)

        return await self._once(request, self._by(request.reason), pb.UpdateLotResponse, run)

    async def AdjustQuantity(self, request: pb.AdjustQuantityRequest, context: Context) -> pb.AdjustQuantityResponse:
        """Changes the quantity, or what is set aside, by a difference."""
        command = commands.AdjustQuantity(
            lot_id=request.lot_id,
            by=request.by,
            reserved_by=request.reserved_by,
            expected_revision=_expected_revision(request),
        )
        return await self._change(
            request, pb.AdjustQuantityResponse, lambda by, work: commands.adjust_quantity(command, by, work)
        )

    async def ArchiveLot(self, request: pb.ArchiveLotRequest, context: Context) -> pb.ArchiveLotResponse:
        """Puts a lot away."""
        command = commands.ArchiveLot(lot_id=request.lot_id, expected_revision=_expected_revision(request))
        return await self._change(
            request, pb.ArchiveLotResponse, lambda by, work: commands.archive_lot(command, by, work)
        )

    async def RestoreLot(self, request: pb.RestoreLotRequest, context: Context) -> pb.RestoreLotResponse:
        """Takes an archived lot out again."""
        command = commands.RestoreLot(lot_id=request.lot_id, expected_revision=_expected_revision(request))
        return await self._change(
            request, pb.RestoreLotResponse, lambda by, work: commands.restore_lot(command, by, work)
        )

    async def GetLot(self, request: pb.GetLotRequest, context: Context) -> pb.GetLotResponse:
        """Reads one lot and how far it has come in each shop."""
        seller_id = _reading_seller()
        async with self._engine.connect() as conn:
            found = await queries.get_lot(conn, seller_id, request.lot_id, self._topics.marketplaces)
        return _lot_response(found)

    async def ListLots(self, request: pb.ListLotsRequest, context: Context) -> pb.ListLotsResponse:
        """Lists lots of the seller: those that a filter asks for, in the order of a column."""
        seller_id = _reading_seller()
        marketplaces = self._topics.marketplaces
        with _naming_fields():
            wanted = filter_from_proto(request.filter, marketplaces, include_archived=request.include_archived)
        order = order_from_proto(request)
        pages = LotPages(request.page_size, wanted, order)
        after = pages.place_of(request.page_token)
        async with self._engine.connect() as conn:
            found = await page_of_lots(conn, seller_id, wanted, order, after=after, limit=pages.limit)
            shown, token = pages.cut(found)
            lots = await queries.with_status(conn, seller_id, [one.lot for one in shown], marketplaces)
            count = await count_lots(conn, seller_id, wanted) if request.count else None
        return pb.ListLotsResponse(lots=[_lot_response(one) for one in lots], next_page_token=token, count=count)

    async def ListChanges(self, request: pb.ListChangesRequest, context: Context) -> pb.ListChangesResponse:
        """Lists recorded changes, newest first."""
        seller_id = _reading_seller()
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
        seller_id = _reading_seller()
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
        seller_id = _reading_seller()
        async with self._engine.connect() as conn:
            found = await find_operation_undo(conn, seller_id, request.import_id)
            if found is None:
                raise errors.ImportUndoNotFound
            refusals = await first_refusals(conn, found)
        return pb.GetImportUndoResponse(operation=import_undo_to_proto(found, refusals))

    async def PreviewBulkEdit(self, request: pb.PreviewBulkEditRequest, context: Context) -> pb.PreviewBulkEditResponse:
        """Says what a bulk edit would do."""
        seller_id = _reading_seller()
        with _naming_fields():
            command = command_from_proto(request, self._topics.marketplaces)
            return preview_to_proto(await preview_edit(command, seller_id, self._clock.now(), self._engine))

    async def CreateBulkEdit(self, request: pb.CreateBulkEditRequest, context: Context) -> pb.CreateBulkEditResponse:
        """Accepts one edit of many lots, which then runs by itself."""
        by = self._by(request.reason)
        with _naming_fields():
            command = command_from_proto(request, self._topics.marketplaces)

        async def run(by: By, work: UnitOfWork) -> pb.CreateBulkEditResponse:
            return pb.CreateBulkEditResponse(operation=bulk_edit_to_proto(await create_bulk_edit(command, by, work)))

        answer = await self._once(request, by, pb.CreateBulkEditResponse, run)
        self._bulk_edit_accepted()
        return answer

    async def GetBulkEdit(self, request: pb.GetBulkEditRequest, context: Context) -> pb.GetBulkEditResponse:
        """Reads how far a bulk edit and its undo have come."""
        seller_id = _reading_seller()
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
        with _naming_fields():
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
        with _naming_fields():
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
        seller_id = _reading_seller()
        async with self._engine.connect() as conn:
            found = await find_import(conn, seller_id, request.import_id)
        return pb.GetImportResponse(operation=import_to_proto(found))

    async def ListImports(self, request: pb.ListImportsRequest, context: Context) -> pb.ListImportsResponse:
        """Lists the seller's imports, newest first."""
        seller_id = _reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            found = await page_of_imports(conn, seller_id, before=page.last, limit=page.limit)
        imports, token = cut(found, page, lambda one: one.import_id)
        return pb.ListImportsResponse(imports=[import_to_proto(one) for one in imports], next_page_token=token)

    async def ListImportRows(self, request: pb.ListImportRowsRequest, context: Context) -> pb.ListImportRowsResponse:
        """Lists the rows of an import in the file's order."""
        seller_id = _reading_seller()
        page = page_of(request.page_size, request.page_token, is_key=_is_row_number)
        with _naming_fields():
            verdicts = verdicts_from_proto(request)
        async with self._engine.connect() as conn:
            await find_import(conn, seller_id, request.import_id)
            found = await page_of_rows(
                conn,
                request.import_id,
                after=int(page.last or 0),
                limit=page.limit,
                refused_only=request.refused_only,
                verdicts=verdicts,
            )
        rows, token = cut(found, page, lambda row: str(row.number))
        return pb.ListImportRowsResponse(rows=import_rows_to_proto(rows), next_page_token=token)

    async def ExportLots(self, request: pb.ExportLotsRequest, context: Context) -> AsyncIterator[pb.ExportLotsResponse]:
        """Writes the seller's lots to a file, which comes in pieces."""
        seller_id = _reading_seller()
        with _naming_fields():
            wanted = wanted_for_export(request, self._topics.marketplaces)
            async for piece in export_lots(self._engine, seller_id, _export_format(request.format), wanted):
                yield pb.ExportLotsResponse(content=piece)

    async def ListReturns(self, request: pb.ListReturnsRequest, context: Context) -> pb.ListReturnsResponse:
        """Lists returns, newest first."""
        seller_id = _reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            if request.lot_id:
                await find_lot(conn, seller_id, request.lot_id)
            found = await page_of_returns(
                conn,
                seller_id,
                lot_id=request.lot_id or None,
                include_closed=request.include_closed,
                before=page.last,
                limit=page.limit,
            )
        shown, token = cut(found, page, lambda one: one.return_id)
        return pb.ListReturnsResponse(returns=[return_to_proto(one) for one in shown], next_page_token=token)

    async def AnswerReturn(self, request: pb.AnswerReturnRequest, context: Context) -> pb.AnswerReturnResponse:
        """Says where the pieces of a return are."""
        command = returns.AnswerReturn(
            return_id=request.return_id,
            answer=_asked("answer", ReturnAnswer, return_pb2.ReturnAnswer, request.answer),
            pieces=request.pieces,
        )

        async def run(by: By, work: UnitOfWork) -> pb.AnswerReturnResponse:
            closed, done = await returns.answer_return(command, by, work)
            lot = lot_to_proto(done.lot)
            return pb.AnswerReturnResponse(answered=return_to_proto(closed), lot=lot, change_id=done.change_id)

        return await self._once(request, self._by(request.reason), pb.AnswerReturnResponse, run)

    async def ListOversells(self, request: pb.ListOversellsRequest, context: Context) -> pb.ListOversellsResponse:
        """Lists sales that found too few pieces, newest first."""
        seller_id = _reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            if request.lot_id:
                await find_lot(conn, seller_id, request.lot_id)
            found = await page_of_oversells(
                conn, seller_id, lot_id=request.lot_id or None, before=page.last, limit=page.limit
            )
        incidents, token = cut(found, page, lambda one: one.oversell.change_id)
        return pb.ListOversellsResponse(oversells=[oversell_to_proto(one) for one in incidents], next_page_token=token)

    async def _change(
        self,
        request: pb.AdjustQuantityRequest | pb.ArchiveLotRequest | pb.RestoreLotRequest,
        response: type[C],
        run: Callable[[By, UnitOfWork], Awaitable[Done]],
    ) -> C:
        async def answer(by: By, work: UnitOfWork) -> C:
            done = await run(by, work)
            return response(lot=lot_to_proto(done.lot), change_id=done.change_id)

        return await self._once(request, self._by(request.reason), response, answer)

    async def _once(
        self,
        request: Request,
        by: By,
        response: type[A],
        run: Callable[[By, UnitOfWork], Awaitable[A]],
    ) -> A:
        """The answer to this request: the earlier one if it was answered before, else what `run` makes of it now."""
        key = _request_key(request, by.seller_id)
        with _naming_fields():
            async with UnitOfWork(self._engine, self._topics) as work:
                earlier = await work.claim(key, by.at)
                if earlier is not None:
                    return response.FromString(earlier)
                answer = await run(by, work)
                await work.commit(answer.SerializeToString())
                return answer

    def _by(self, reason: str) -> By:
        caller = callers.require_role(*_WRITERS)
        if not caller.actor:
            raise CallerNotAllowed("This call must say on whose behalf it is.")
        return By(
            seller_id=caller.require_seller(),
            actor=caller.actor,
            reason=reason,
            correlation_id=logs.correlation_id.get(),
            at=self._clock.now(),
        )


def _reading_seller() -> str:
    return callers.require_role(*_READERS).require_seller()


def _lot_response(found: LotWithStatus) -> pb.GetLotResponse:
    return pb.GetLotResponse(lot=lot_to_proto(found.lot), sync=[status_to_proto(shop) for shop in found.shops])


def _expected_revision(request: ChangeRequest) -> int | None:
    return request.expected_revision if request.HasField("expected_revision") else None


def _request_key(request: Request, seller_id: str) -> RequestKey:
    """Raises InvalidField. A request id names one request of a seller, whatever the method."""
    request_id = request.request_id
    if not 1 <= len(request_id) <= _LONGEST_REQUEST_ID or not request_id.isprintable():
        raise InvalidField("request_id", f"must have 1 to {_LONGEST_REQUEST_ID} printable characters")
    body = type(request).__name__.encode() + b"\0" + request.SerializeToString(deterministic=True)
    return RequestKey(seller_id=seller_id, scope=API, request_id=request_id, body_sha256=hashlib.sha256(body).digest())


def _change_filter(request: pb.ListChangesRequest) -> ChangeFilter:
    """Raises InvalidField."""
    return ChangeFilter(
        lot_id=request.lot_id or None,
        import_id=request.import_id or None,
        bulk_edit_id=request.bulk_edit_id or None,
        actor=request.actor or None,
        types=frozenset(_asked("types", ChangeType, change_pb2.ChangeType, one) for one in request.types),
        sources=frozenset(_asked("sources", ChangeSource, change_pb2.ChangeSource, one) for one in request.sources),
        recorded_from=_moment(request.recorded_from) if request.HasField("recorded_from") else None,
        recorded_before=_moment(request.recorded_before) if request.HasField("recorded_before") else None,
        undone=request.undone if request.HasField("undone") else None,
    )


def _asked(field: str, words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W:
    word = word_of(words, proto, value) if value in proto.values() else None
    if word is None:
        raise InvalidField(field, "names one that is not known")
    return word


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def _import_format(value: import_pb2.ImportFormat.ValueType) -> str:
    if value not in import_pb2.ImportFormat.values():
        return ""
    return import_pb2.ImportFormat.Name(value).removeprefix("IMPORT_FORMAT_")


def _export_format(value: export_pb2.ExportFormat.ValueType) -> str:
    if value not in export_pb2.ExportFormat.values():
        return ""
    return export_pb2.ExportFormat.Name(value).removeprefix("EXPORT_FORMAT_")


def _is_row_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= len("100000")


@contextmanager
def _naming_fields() -> Iterator[None]:
    """Tells broken rules by the fields of the request: those of a lot are under `lot`."""
    try:
        yield
    except errors.InvalidFields as refusal:
        prefix = "lot." if isinstance(refusal, errors.InvalidLot) else ""
        raise InvalidFields(
            [InvalidField(f"{prefix}{violation.field}", violation.rule) for violation in refusal.violations]
        ) from None
