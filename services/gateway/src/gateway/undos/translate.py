"""Undos from protobuf to JSON."""

from brickops.inventory.v1 import undo_pb2
from gateway.times import time_in
from gateway.undos.models import ImportUndo, ImportUndoState
from gateway.words import word_of


def import_undo_of(operation: undo_pb2.ImportUndo) -> ImportUndo:
    """The undo of an import."""
    refusals = [{"change_id": one.change_id, "lot_id": one.lot_id, "reason": one.reason} for one in operation.refusals]
    return ImportUndo.model_validate(
        {
            "import_id": operation.import_id,
            "state": word_of(ImportUndoState, undo_pb2.ImportUndoState, operation.state),
            "total_changes": operation.total_changes,
            "undone_changes": operation.undone_changes,
            "refused_changes": operation.refused_changes,
            "refusals": refusals,
            "created_at": time_in(operation, "created_at"),
            "finished_at": time_in(operation, "finished_at"),
            "redo": operation.redo,
        }
    )
