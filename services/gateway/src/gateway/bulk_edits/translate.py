"""Bulk edits between JSON and protobuf."""

from typing import Any

from brickops.inventory.v1 import bulk_edit_pb2, inventory_service_pb2, lot_pb2
from gateway.bulk_edits.models import BulkEdit, BulkEditPreview, BulkEditState, LotEdit, LotsToEdit, PriceEdit
from gateway.lots.filter import filter_to_proto
from gateway.lots.translate import lot_of
from gateway.money import money_to_proto
from gateway.times import time_in
from gateway.words import value_of, word_of


def selection_to_proto(said: LotsToEdit) -> bulk_edit_pb2.LotSelection:
    """Which lots."""
    wanted = None if said.filter is None else filter_to_proto(said.filter)
    return bulk_edit_pb2.LotSelection(lot_ids=said.lot_ids, filter=wanted)


def edit_to_proto(said: LotEdit) -> bulk_edit_pb2.LotEdit:
    """What becomes of each; a stockroom given as null means for sale."""
    return bulk_edit_pb2.LotEdit(
        price=None if said.price is None else _price(said.price),
        description=said.description,
        remarks=said.remarks,
        location=said.location,
        add_tags=said.add_tags,
        remove_tags=said.remove_tags,
        stockroom=value_of(lot_pb2.Stockroom, said.stockroom) if "stockroom" in said.model_fields_set else None,
        archived=said.archived,
    )


def _price(said: PriceEdit) -> bulk_edit_pb2.PriceEdit:
    price = bulk_edit_pb2.PriceEdit(places=said.places, rounding=value_of(bulk_edit_pb2.Rounding, said.rounding))
    if said.set is not None:
        price.set.CopyFrom(money_to_proto(said.set))
    if said.by_amount is not None:
        price.by_amount = said.by_amount
    if said.by_percent is not None:
        price.by_percent = said.by_percent
    return price


def preview_of(answer: inventory_service_pb2.PreviewBulkEditResponse) -> BulkEditPreview:
    """What a bulk edit would do."""
    return BulkEditPreview.model_validate(
        {
            "total_lots": answer.total_lots,
            "judged_lots": answer.judged_lots,
            "changed_lots": answer.changed_lots,
            "unchanged_lots": answer.unchanged_lots,
            "refused_lots": answer.refused_lots,
            "lots": [{"before": lot_of(one.before), "after": lot_of(one.after)} for one in answer.lots],
            "refusals": [_refusal(one) for one in answer.refusals],
        }
    )


def bulk_edit_of(operation: bulk_edit_pb2.BulkEdit) -> BulkEdit:
    """How far a bulk edit and its undo have come."""
    return BulkEdit.model_validate(
        {
            "bulk_edit_id": operation.bulk_edit_id,
            "state": word_of(BulkEditState, bulk_edit_pb2.BulkEditState, operation.state),
            "total_lots": operation.total_lots,
            "changed_lots": operation.changed_lots,
            "unchanged_lots": operation.unchanged_lots,
            "refused_lots": operation.refused_lots,
            "refusals": [_refusal(one) for one in operation.refusals],
            "created_at": time_in(operation, "created_at"),
            "finished_at": time_in(operation, "finished_at"),
            "undo": _undo(operation.undo) if operation.HasField("undo") else None,
        }
    )


def _refusal(one: bulk_edit_pb2.BulkEditRefusal) -> dict[str, Any]:
    return {"lot_id": one.lot_id, "field": one.field, "reason": one.reason}


def _undo(undo: bulk_edit_pb2.BulkEditUndo) -> dict[str, Any]:
    refusals = [{"change_id": one.change_id, "lot_id": one.lot_id, "reason": one.reason} for one in undo.refusals]
    return {
        "total_changes": undo.total_changes,
        "undone_changes": undo.undone_changes,
        "refused_changes": undo.refused_changes,
        "refusals": refusals,
        "created_at": time_in(undo, "created_at"),
        "finished_at": time_in(undo, "finished_at"),
        "redo": undo.redo,
    }
