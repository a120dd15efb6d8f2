"""The service as the gateway calls it, for tests: one seller and role a client, a fresh request id a call."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from brickops.inventory.v1 import (
    bulk_edit_pb2,
    import_pb2,
    inventory_service_pb2_grpc,
    lot_pb2,
    money_pb2,
    return_pb2,
    undo_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as pb
from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import RpcProblem, problem_of
from servicekit.testing.ca import TestAuthority

LIMIT_SECONDS = 30


def euros(units: int, nanos: int = 0) -> money_pb2.Money:
    """An amount on the wire."""
    return money_pb2.Money(currency_code="EUR", units=units, nanos=nanos)


def a_brick(**changed: Any) -> lot_pb2.Lot:
    """40 red bricks 2 x 4, used, at 0.12 EUR, with these fields in place of its own."""
    item = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_USED)
    values: dict[str, Any] = {"item": item, "quantity": 40, "unit_price": euros(0, 120_000_000)}
    return lot_pb2.Lot(**(values | changed))


def problem(error: grpc.aio.AioRpcError) -> RpcProblem:
    """What a refused call says."""
    return problem_of(error)


@dataclass(frozen=True)
class Calls:
    """The service as one user of one seller sees it through the gateway."""

    channel: grpc.aio.Channel
    seller: str | None
    role: str | None = "owner"
    actor: str | None = "user-1"

    def as_role(self, role: str) -> "Calls":
        """Another user of the same seller."""
        return replace(self, role=role)

    @property
    def stub(self) -> "inventory_service_pb2_grpc.InventoryServiceAsyncStub":
        """For calls that are not worth a method here."""
        return inventory_service_pb2_grpc.InventoryServiceStub(self.channel)

    @property
    def how(self) -> dict[str, Any]:
        """Metadata and deadline of a call."""
        metadata = outgoing_metadata(
            seller_id=self.seller, actor=self.actor, role=self.role, correlation_id=f"correlation-{self.seller}"
        )
        return {"metadata": metadata, "timeout": LIMIT_SECONDS}

    async def create(self, lot: lot_pb2.Lot | None = None, **fields: Any) -> pb.CreateLotResponse:
        """CreateLot of `a_brick` unless another lot is given."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "lot": lot or a_brick()}
        return await self.stub.CreateLot(pb.CreateLotRequest(**(values | fields)), **self.how)

    async def update(self, lot_id: str, *names: str, lot: lot_pb2.Lot, **fields: Any) -> pb.UpdateLotResponse:
        """UpdateLot of these fields."""
        said = lot_pb2.Lot()
        said.CopyFrom(lot)
        said.lot_id = lot_id
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "lot": said, "update_mask": FieldMask(paths=names)}
        return await self.stub.UpdateLot(pb.UpdateLotRequest(**(values | fields)), **self.how)

    async def adjust(self, lot_id: str, by: int, **fields: Any) -> pb.AdjustQuantityResponse:
        """AdjustQuantity."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "lot_id": lot_id, "by": by}
        return await self.stub.AdjustQuantity(pb.AdjustQuantityRequest(**(values | fields)), **self.how)

    async def archive(self, lot_id: str, **fields: Any) -> pb.ArchiveLotResponse:
        """ArchiveLot."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "lot_id": lot_id}
        return await self.stub.ArchiveLot(pb.ArchiveLotRequest(**(values | fields)), **self.how)

    async def restore(self, lot_id: str, **fields: Any) -> pb.RestoreLotResponse:
        """RestoreLot."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "lot_id": lot_id}
        return await self.stub.RestoreLot(pb.RestoreLotRequest(**(values | fields)), **self.how)

    async def get(self, lot_id: str) -> pb.GetLotResponse:
        """GetLot."""
        return await self.stub.GetLot(pb.GetLotRequest(lot_id=lot_id), **self.how)

    async def list_lots(self, **fields: Any) -> pb.ListLotsResponse:
        """ListLots."""
        return await self.stub.ListLots(pb.ListLotsRequest(**fields), **self.how)

    async def list_changes(self, **fields: Any) -> pb.ListChangesResponse:
        """ListChanges."""
        return await self.stub.ListChanges(pb.ListChangesRequest(**fields), **self.how)

    async def undo(self, change_id: str, **fields: Any) -> pb.UndoChangeResponse:
        """UndoChange."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "change_id": change_id}
        return await self.stub.UndoChange(pb.UndoChangeRequest(**(values | fields)), **self.how)

    async def undo_import(self, import_id: str, **fields: Any) -> undo_pb2.ImportUndo:
        """UndoImport."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "import_id": import_id}
        return (await self.stub.UndoImport(pb.UndoImportRequest(**(values | fields)), **self.how)).operation

    async def get_import_undo(self, import_id: str) -> undo_pb2.ImportUndo:
        """GetImportUndo."""
        return (await self.stub.GetImportUndo(pb.GetImportUndoRequest(import_id=import_id), **self.how)).operation

    async def preview_edit(self, **said: Any) -> pb.PreviewBulkEditResponse:
        """PreviewBulkEdit."""
        return await self.stub.PreviewBulkEdit(pb.PreviewBulkEditRequest(**said), **self.how)

    async def edit_lots(self, **said: Any) -> bulk_edit_pb2.BulkEdit:
        """CreateBulkEdit."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex}
        return (await self.stub.CreateBulkEdit(pb.CreateBulkEditRequest(**(values | said)), **self.how)).operation

    async def get_bulk_edit(self, bulk_edit_id: str) -> bulk_edit_pb2.BulkEdit:
        """GetBulkEdit."""
        return (await self.stub.GetBulkEdit(pb.GetBulkEditRequest(bulk_edit_id=bulk_edit_id), **self.how)).operation

    async def cancel_bulk_edit(self, bulk_edit_id: str, **fields: Any) -> bulk_edit_pb2.BulkEdit:
        """CancelBulkEdit."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "bulk_edit_id": bulk_edit_id}
        return (await self.stub.CancelBulkEdit(pb.CancelBulkEditRequest(**(values | fields)), **self.how)).operation

    async def undo_bulk_edit(self, bulk_edit_id: str, **fields: Any) -> bulk_edit_pb2.BulkEdit:
        """UndoBulkEdit."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "bulk_edit_id": bulk_edit_id}
        return (await self.stub.UndoBulkEdit(pb.UndoBulkEditRequest(**(values | fields)), **self.how)).operation

    async def list_returns(self, **fields: Any) -> pb.ListReturnsResponse:
        """ListReturns."""
        return await self.stub.ListReturns(pb.ListReturnsRequest(**fields), **self.how)

    async def answer_return(self, one: return_pb2.Return, answer: str, **fields: Any) -> pb.AnswerReturnResponse:
        """AnswerReturn, of a return as it was listed."""
        values: dict[str, Any] = {
            "request_id": uuid.uuid4().hex,
            "return_id": one.return_id,
            "answer": return_pb2.ReturnAnswer.Value(f"RETURN_ANSWER_{answer}"),
            "pieces": one.pieces,
        }
        return await self.stub.AnswerReturn(pb.AnswerReturnRequest(**values | fields), **self.how)

    async def list_oversells(self, **fields: Any) -> pb.ListOversellsResponse:
        """ListOversells."""
        return await self.stub.ListOversells(pb.ListOversellsRequest(**fields), **self.how)

    async def import_file(self, content: bytes, **fields: Any) -> import_pb2.Import:
        """CreateImport of BrickLink's XML in euros."""
        values: dict[str, Any] = {
            "request_id": uuid.uuid4().hex,
            "format": import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
            "content": content,
            "currency_code": "EUR",
        }
        return (await self.stub.CreateImport(pb.CreateImportRequest(**(values | fields)), **self.how)).operation

    async def import_shop(self, *listings: import_pb2.ShopListing, **fields: Any) -> import_pb2.Import:
        """CreateShopImport of these listings of a BrickLink shop in euros."""
        values: dict[str, Any] = {
            "request_id": uuid.uuid4().hex,
            "marketplace": "bricklink",
            "currency_code": "EUR",
            "listings": listings,
        }
        request = pb.CreateShopImportRequest(**(values | fields))
        return (await self.stub.CreateShopImport(request, **self.how)).operation

    async def confirm_import(self, import_id: str, **fields: Any) -> import_pb2.Import:
        """ConfirmImport."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "import_id": import_id}
        return (await self.stub.ConfirmImport(pb.ConfirmImportRequest(**(values | fields)), **self.how)).operation

    async def cancel_import(self, import_id: str, **fields: Any) -> import_pb2.Import:
        """CancelImport."""
        values: dict[str, Any] = {"request_id": uuid.uuid4().hex, "import_id": import_id}
        return (await self.stub.CancelImport(pb.CancelImportRequest(**(values | fields)), **self.how)).operation

    async def get_import(self, import_id: str) -> import_pb2.Import:
        """GetImport."""
        return (await self.stub.GetImport(pb.GetImportRequest(import_id=import_id), **self.how)).operation

    async def list_rows(self, import_id: str, **fields: Any) -> pb.ListImportRowsResponse:
        """ListImportRows."""
        return await self.stub.ListImportRows(pb.ListImportRowsRequest(import_id=import_id, **fields), **self.how)


@dataclass(frozen=True)
class Served:
    """A running face, and the authority that makes certificates for it."""

    address: str
    authority: TestAuthority

    def channel(self, certificate: str) -> grpc.aio.Channel:
        """A channel with a certificate of the authority for this service."""
        return open_channel(self.address, service="inventory", tls=self.authority.issue(certificate))
