"""Bulk edits between protobuf messages and the domain's values."""

from collections.abc import Sequence
from decimal import Decimal

from brickops.inventory.v1 import bulk_edit_pb2, lot_pb2, undo_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.api.lot_lists import filter_from_proto
from inventory.api.translate import Reader, lot_to_proto, timestamp_of, value_of
from inventory.bulk_editing import EditLots, Preview
from inventory.domain.bulk_edit import LotEdit, PriceEdit, Rounding
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import Stockroom
from inventory.domain.money import read_signed_decimal
from inventory.storage.bulk_edits import BulkEdit, RefusedLot
from inventory.storage.undos import OperationUndo, Refusal

_PLACES = 2


def command_from_proto(
    request: pb.PreviewBulkEditRequest | pb.CreateBulkEditRequest, marketplaces: Sequence[str]
) -> EditLots:
    """What is to be done to which lots. Raises InvalidFields."""
    reader = Reader()
    edit = _edit(reader, request.edit)
    broken = list(reader.unreadable)
    selection, wanted = request.selection, None
    try:
        if selection.HasField("filter"):
            wanted = filter_from_proto(selection.filter, marketplaces)
    except InvalidFields as refusal:
        broken += [Violation(f"selection.{one.field}", one.rule) for one in refusal.violations]
    if broken:
        raise InvalidFields(broken)
    return EditLots(lot_ids=tuple(selection.lot_ids), wanted=wanted, edit=edit)


def _edit(reader: Reader, said: bulk_edit_pb2.LotEdit) -> LotEdit:
    return LotEdit(
        price=_price(reader, said.price) if said.HasField("price") else None,
        description=said.description if said.HasField("description") else None,
        remarks=said.remarks if said.HasField("remarks") else None,
        location=said.location if said.HasField("location") else None,
        add_tags=tuple(said.add_tags),
        remove_tags=tuple(said.remove_tags),
        stockroom=reader.word("edit.stockroom", Stockroom, lot_pb2.Stockroom, said.stockroom),
        sets_stockroom=said.HasField("stockroom"),
        archived=said.archived if said.HasField("archived") else None,
    )


def _price(reader: Reader, said: bulk_edit_pb2.PriceEdit) -> PriceEdit:
    rounding = reader.word("edit.price.rounding", Rounding, bulk_edit_pb2.Rounding, said.rounding)
    return PriceEdit(
        set=reader.money("edit.price.set", said.set) if said.HasField("set") else None,
        by_amount=_signed(reader, "edit.price.by_amount", said.by_amount) if said.HasField("by_amount") else None,
        by_percent=_signed(reader, "edit.price.by_percent", said.by_percent) if said.HasField("by_percent") else None,
        places=said.places if said.HasField("places") else _PLACES,
        rounding=rounding or Rounding.NEAREST,
    )


def _signed(reader: Reader, field: str, text: str) -> Decimal | None:
    try:
        return read_signed_decimal(text)
    except ValueError as error:
        reader.unreadable.append(Violation(field, str(error)))
        return None


def preview_to_proto(preview: Preview) -> pb.PreviewBulkEditResponse:
    """What an edit would do, for the wire."""
    return pb.PreviewBulkEditResponse(
        total_lots=preview.total,
        judged_lots=preview.judged,
        changed_lots=preview.changed,
        unchanged_lots=preview.unchanged,
        refused_lots=preview.refused,
        lots=[
            bulk_edit_pb2.EditedLot(before=lot_to_proto(before), after=lot_to_proto(after))
            for before, after in preview.lots
        ],
        refusals=_refusals(preview.refusals),
    )


def bulk_edit_to_proto(
    operation: BulkEdit,
    refused: Sequence[RefusedLot] = (),
    undo: OperationUndo | None = None,
    refusals: Sequence[Refusal] = (),
) -> bulk_edit_pb2.BulkEdit:
    """A bulk edit and its undo for the wire."""
    return bulk_edit_pb2.BulkEdit(
        bulk_edit_id=operation.bulk_edit_id,
        state=value_of(bulk_edit_pb2.BulkEditState, operation.state),
        total_lots=operation.total_lots,
        changed_lots=operation.changed_lots,
        unchanged_lots=operation.unchanged_lots,
        refused_lots=operation.refused_lots,
        refusals=_refusals(refused),
        created_at=timestamp_of(operation.created_at),
        finished_at=None if operation.finished_at is None else timestamp_of(operation.finished_at),
        undo=None if undo is None else _undo(undo, refusals),
    )


def _refusals(refused: Sequence[RefusedLot]) -> list[bulk_edit_pb2.BulkEditRefusal]:
    return [bulk_edit_pb2.BulkEditRefusal(**one._asdict()) for one in refused]


def _undo(undo: OperationUndo, refusals: Sequence[Refusal]) -> bulk_edit_pb2.BulkEditUndo:
    return bulk_edit_pb2.BulkEditUndo(
        total_changes=undo.total_changes,
        undone_changes=undo.undone_changes,
        refused_changes=undo.refused_changes,
        refusals=[undo_pb2.UndoRefusal(**one._asdict()) for one in refusals],
        redo=undo.is_redo,
        created_at=timestamp_of(undo.created_at),
        finished_at=None if undo.finished_at is None else timestamp_of(undo.finished_at),
    )
