"""Lots in memory."""

# ruff: noqa: N802 - gRPC names methods so

from collections.abc import AsyncIterator

import grpc
from google.protobuf.message import Message

from brickops.inventory.v1 import (
    change_pb2,
    lot_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from gateway.testing.answering import (
    Context,
    NotEnough,
    page_of,
)
from gateway.testing.inventory.kept import COLOURS, START, Kept
from servicekit.callers import current_caller, require_role
from servicekit.grpc_errors import InvalidField


class Lots(Kept):
    """Calls about lots."""

    async def CreateLot(
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
        lot.created_at.FromDatetime(START)
        equal = self._equal(lot)
        change_id = self._keep(lot, change_pb2.CHANGE_TYPE_CREATED, request.reason, lot.quantity)
        return inventory_pb.CreateLotResponse(lot=lot, change_id=change_id, equal_lot_ids=equal)

    async def GetLot(self, request: inventory_pb.GetLotRequest, context: Context) -> inventory_pb.GetLotResponse:
        """Reads one lot."""
        async with self.faults.around(context):
            return inventory_pb.GetLotResponse(lot=self._lot(request.lot_id), sync=self.sync)

    async def ListLots(self, request: inventory_pb.ListLotsRequest, context: Context) -> inventory_pb.ListLotsResponse:
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

    async def UpdateLot(
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

    async def AdjustQuantity(
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

    async def ArchiveLot(
        self, request: inventory_pb.ArchiveLotRequest, context: Context
    ) -> inventory_pb.ArchiveLotResponse:
        """Puts a lot away."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            lot, change_id = self._set_archived(request, archived=True)
            return inventory_pb.ArchiveLotResponse(lot=lot, change_id=change_id)

    async def RestoreLot(
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

    async def ExportLots(
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
