"""The inventory's gRPC service. Each method's meaning is told in `inventory_service.proto`."""

from brickops.inventory.v1.inventory_service_pb2_grpc import InventoryServiceServicer
from inventory.api.bulk_edit_calls import BulkEditCalls
from inventory.api.change_calls import ChangeCalls
from inventory.api.import_calls import ImportCalls
from inventory.api.lot_calls import LotCalls
from inventory.api.sale_calls import SaleCalls


class InventoryServicer(LotCalls, ChangeCalls, ImportCalls, BulkEditCalls, SaleCalls, InventoryServiceServicer):
    """All calls."""
