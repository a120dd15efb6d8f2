"""Inventory in memory. It keeps the contract that its proto states: sellers apart, roles, request ids, revisions, field
violations. It knows few of the rules of a lot, and no shop.
"""

from brickops.inventory.v1.inventory_service_pb2_grpc import InventoryServiceServicer
from gateway.testing.inventory.bulk_edits import BulkEdits
from gateway.testing.inventory.changes import Changes
from gateway.testing.inventory.imports import Imports
from gateway.testing.inventory.lots import Lots
from gateway.testing.inventory.sales import Sales


class InventoryFake(Lots, Changes, Imports, BulkEdits, Sales, InventoryServiceServicer):
    """All calls."""
