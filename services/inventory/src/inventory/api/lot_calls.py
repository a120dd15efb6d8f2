"""Calls about lots: made, changed, read, listed, exported."""

# ruff: noqa: N802 - gRPC names methods so

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from brickops.inventory.v1 import export_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory import commands, queries
from inventory.api.desk import ChangeRequest, Context, Desk, naming_fields, reading_seller
from inventory.api.lot_lists import LotPages, filter_from_proto, order_from_proto, wanted_for_export
from inventory.api.translate import (
    lot_to_proto,
    proposal_from_proto,
    status_to_proto,
)
from inventory.commands import By, Done
from inventory.exports.stream import export_lots
from inventory.queries import LotWithStatus
from inventory.storage.lot_pages import count_lots, page_of_lots
from inventory.storage.unit_of_work import UnitOfWork

C = TypeVar("C", pb.AdjustQuantityResponse, pb.ArchiveLotResponse, pb.RestoreLotResponse)


class LotCalls(Desk):
    """What is asked of lots."""

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
        seller_id = reading_seller()
        async with self._engine.connect() as conn:
            found = await queries.get_lot(conn, seller_id, request.lot_id, self._topics.marketplaces)
        return _lot_response(found)

    async def ListLots(self, request: pb.ListLotsRequest, context: Context) -> pb.ListLotsResponse:
        """Lists lots of the seller: those that a filter asks for, in the order of a column."""
        seller_id = reading_seller()
        marketplaces = self._topics.marketplaces
        with naming_fields():
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

    async def ExportLots(self, request: pb.ExportLotsRequest, context: Context) -> AsyncIterator[pb.ExportLotsResponse]:
        """Writes the seller's lots to a file, which comes in pieces."""
        seller_id = reading_seller()
        with naming_fields():
            wanted = wanted_for_export(request, self._topics.marketplaces)
            async for piece in export_lots(self._engine, seller_id, _export_format(request.format), wanted):
                yield pb.ExportLotsResponse(content=piece)

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


def _lot_response(found: LotWithStatus) -> pb.GetLotResponse:
    return pb.GetLotResponse(lot=lot_to_proto(found.lot), sync=[status_to_proto(shop) for shop in found.shops])


def _expected_revision(request: ChangeRequest) -> int | None:
    return request.expected_revision if request.HasField("expected_revision") else None


def _export_format(value: export_pb2.ExportFormat.ValueType) -> str:
    if value not in export_pb2.ExportFormat.values():
        return ""
    return export_pb2.ExportFormat.Name(value).removeprefix("EXPORT_FORMAT_")
