"""Imports from protobuf to JSON."""

from google.protobuf.json_format import MessageToDict

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.changes.translate import whole
from gateway.imports.models import (
    Aspect,
    Candidate,
    Choice,
    Confirmation,
    FieldDifference,
    Import,
    ImportFormat,
    ImportRow,
    ImportState,
    RowState,
    Takes,
    Verdict,
    Whose,
)
from gateway.times import time_in, time_of
from gateway.waiting.translate import item_of
from gateway.words import value_of, word_of


def import_of(operation: import_pb2.Import) -> Import:
    """How far an import has come."""
    return Import.model_validate(
        {
            "import_id": operation.import_id,
            "format": word_of(ImportFormat, import_pb2.ImportFormat, operation.format),
            "state": word_of(ImportState, import_pb2.ImportState, operation.state),
            "total_rows": operation.total_rows,
            "checked_rows": operation.checked_rows,
            "created_rows": operation.created_rows,
            "updated_rows": operation.updated_rows,
            "skipped_rows": operation.skipped_rows,
            "refused_rows": operation.refused_rows,
            "duplicate_rows": operation.duplicate_rows,
            "ambiguous_rows": operation.ambiguous_rows,
            "repeated_rows": operation.repeated_rows,
            "matched_rows": operation.matched_rows,
            "different_rows": operation.different_rows,
            "differing": {
                "quantity": operation.different_quantity_rows,
                "price": operation.different_price_rows,
                "rest": operation.different_rest_rows,
            },
            "unmatched_lots": operation.unmatched_lots,
            "created_at": time_of(operation.created_at),
            "finished_at": time_in(operation, "finished_at"),
            "expires_at": time_in(operation, "expires_at"),
            "file_name": operation.file_name,
            "marketplace": operation.marketplace or None,
        }
    )


def row_of(row: import_pb2.ImportRow) -> ImportRow:
    """What became of a row."""
    return ImportRow(
        number=row.number,
        line=row.line,
        state=_state_of(row),
        lot_id=row.lot_id or None,
        field=row.field or None,
        reason=row.reason or None,
        verdict=word_of(Verdict, import_pb2.ImportVerdict, row.verdict),
        duplicate_lot_id=row.duplicate_lot_id or None,
        candidates=[
            Candidate(
                lot_id=one.lot_id,
                quantity=one.quantity,
                remarks=one.remarks,
                location=one.location,
                differences=[_difference_of(each) for each in one.differences],
            )
            for one in row.candidates
        ],
        repeats_row=row.repeats_row or None,
        choice=word_of(Choice, import_pb2.ImportChoice, row.choice),
        listing_id=row.listing_id or None,
        item=item_of(row.item) if row.HasField("item") else None,
        quantity=row.quantity if row.HasField("item") else None,
        differences=[_difference_of(each) for each in row.differences],
        takes=_takes_of(row.takes) if row.HasField("takes") else None,
    )


def _difference_of(told: import_pb2.ImportDifference) -> FieldDifference:
    return FieldDifference.model_validate(
        {
            "field": told.field,
            "aspect": word_of(Aspect, import_pb2.ImportAspect, told.aspect),
            "ours": whole(MessageToDict(told.ours)),
            "theirs": whole(MessageToDict(told.theirs)),
        }
    )


def _takes_of(told: import_pb2.ImportTakes) -> Takes:
    return Takes(
        quantity=word_of(Whose, import_pb2.ImportWhose, told.quantity),
        price=word_of(Whose, import_pb2.ImportWhose, told.price),
        rest=word_of(Whose, import_pb2.ImportWhose, told.rest),
    )


def _takes_to_proto(said: Takes | None) -> import_pb2.ImportTakes | None:
    if said is None:
        return None
    return import_pb2.ImportTakes(
        quantity=value_of(import_pb2.ImportWhose, said.quantity),
        price=value_of(import_pb2.ImportWhose, said.price),
        rest=value_of(import_pb2.ImportWhose, said.rest),
    )


def _state_of(row: import_pb2.ImportRow) -> RowState:
    if row.reason:
        return RowState.REFUSED
    if row.choice == import_pb2.IMPORT_CHOICE_SKIP:
        return RowState.SKIPPED
    if not row.lot_id:
        return RowState.WAITING
    if row.choice == import_pb2.IMPORT_CHOICE_LINK:
        return RowState.LINKED
    is_change = row.choice in {import_pb2.IMPORT_CHOICE_ADD, import_pb2.IMPORT_CHOICE_REPLACE}
    return RowState.UPDATED if is_change else RowState.CREATED


def confirmation_to_proto(request_id: str, import_id: str, said: Confirmation) -> inventory.ConfirmImportRequest:
    """What the rows of a preview become."""
    return inventory.ConfirmImportRequest(
        request_id=request_id,
        import_id=import_id,
        duplicates=value_of(import_pb2.ImportChoice, said.duplicates),
        ambiguous=value_of(import_pb2.ImportChoice, said.ambiguous),
        repeated=value_of(import_pb2.ImportChoice, said.repeated),
        rows=[
            import_pb2.ImportRowChoice(
                number=row.number,
                choice=value_of(import_pb2.ImportChoice, row.choice),
                lot_id=row.lot_id or "",
                takes=_takes_to_proto(row.takes),
            )
            for row in said.rows
        ],
        takes=_takes_to_proto(said.takes),
    )
