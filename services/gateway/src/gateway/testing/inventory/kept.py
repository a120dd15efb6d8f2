"""What inventory in memory keeps, and how it is found again."""

import itertools
from datetime import UTC, datetime, timedelta

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
from gateway.testing.answering import (
    Answers,
    Faults,
    NotFound,
    Stale,
)
from servicekit.callers import current_caller
from servicekit.grpc_errors import InvalidField
from servicekit.logs import correlation_id

COLOURS = (0, 1, 5, 11)
MOST_PIECES = 9_999_999
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Kept:
    """Lots, changes, operations: each seller's apart."""

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
        lot.updated_at.FromDatetime(START + timedelta(seconds=lot.revision))
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
