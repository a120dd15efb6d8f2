"""Imports between protobuf messages and the domain's values; nothing is decided here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.json_format import ParseDict

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.api.translate import Reader, item_to_proto, timestamp_of, value_of
from inventory.domain.linking import Aspect, Whose, aspect_of
from inventory.imports.confirmation import Confirmation, RowChoice
from inventory.imports.operation import Choice, Import, ImportRow, Verdict


def import_to_proto(operation: Import) -> import_pb2.Import:
    """An import for the wire."""
    return import_pb2.Import(
        import_id=operation.import_id,
        format=import_pb2.ImportFormat.Value(f"IMPORT_FORMAT_{operation.format}"),
        state=value_of(import_pb2.ImportState, operation.state),
        total_rows=operation.total_rows,
        created_rows=operation.created_rows,
        refused_rows=operation.refused_rows,
        created_at=timestamp_of(operation.created_at),
        finished_at=None if operation.finished_at is None else timestamp_of(operation.finished_at),
        file_name=operation.file_name,
        checked_rows=operation.checked_rows,
        duplicate_rows=operation.duplicate_rows,
        ambiguous_rows=operation.ambiguous_rows,
        repeated_rows=operation.repeated_rows,
        updated_rows=operation.updated_rows,
        skipped_rows=operation.skipped_rows,
        expires_at=None if operation.expires_at is None else timestamp_of(operation.expires_at),
        marketplace=operation.marketplace,
        matched_rows=operation.matched_rows,
        different_rows=operation.different_rows,
        different_quantity_rows=operation.different_quantity_rows,
        different_price_rows=operation.different_price_rows,
        different_rest_rows=operation.different_rest_rows,
        unmatched_lots=operation.unmatched_lots,
    )


_SHOWN: Final = ("lot_id", "quantity", "remarks", "location")


def import_rows_to_proto(rows: Sequence[ImportRow]) -> list[import_pb2.ImportRow]:
    """Rows of an import for the wire."""
    return [
        import_pb2.ImportRow(
            number=row.number,
            line=row.line,
            lot_id=row.lot_id or "",
            field=row.field,
            reason=row.reason,
            verdict=value_of(import_pb2.ImportVerdict, row.verdict),
            duplicate_lot_id=row.duplicate_of or "",
            candidates=[
                import_pb2.ImportCandidate(
                    **{name: candidate[name] for name in _SHOWN}, differences=_differences(candidate)
                )
                for candidate in row.candidates
            ],
            repeats_row=row.repeats or 0,
            choice=value_of(import_pb2.ImportChoice, row.choice),
            listing_id=row.listing_id,
            item=None if row.item is None else item_to_proto(row.item),
            quantity=row.quantity,
            differences=_differences(next((one for one in row.candidates if one["lot_id"] == row.duplicate_of), {})),
            takes=_takes(row) if row.choice is Choice.LINK and row.differing else None,
        )
        for row in rows
    ]


def _differences(candidate: Mapping[str, Any]) -> list[import_pb2.ImportDifference]:
    told = []
    for each in candidate.get("differences", ()):
        aspect = value_of(import_pb2.ImportAspect, aspect_of(each["field"]))
        difference = import_pb2.ImportDifference(field=each["field"], aspect=aspect)
        ParseDict(each["ours"], difference.ours)
        ParseDict(each["theirs"], difference.theirs)
        told.append(difference)
    return told


def _takes(row: ImportRow) -> import_pb2.ImportTakes:
    return import_pb2.ImportTakes(
        **{
            aspect.lower(): value_of(import_pb2.ImportWhose, Whose.THEIRS if aspect in row.takes else Whose.OURS)
            for aspect in row.differing
        }
    )


def aspects_from_proto(request: pb.ListImportRowsRequest) -> frozenset[Aspect]:
    """Which aspects are asked for; none for all. Raises InvalidFields."""
    reader = Reader()
    words = [
        reader.required(f"differing[{place}]", Aspect, import_pb2.ImportAspect, value)
        for place, value in enumerate(request.differing)
    ]
    reader.expect_readable()
    return frozenset(word for word in words if word)


def verdicts_from_proto(request: pb.ListImportRowsRequest) -> frozenset[Verdict]:
    """Which verdicts are asked for; none for all. Raises InvalidFields."""
    reader = Reader()
    words = [
        reader.required(f"verdicts[{place}]", Verdict, import_pb2.ImportVerdict, value)
        for place, value in enumerate(request.verdicts)
    ]
    reader.expect_readable()
    return frozenset(word for word in words if word)


def confirmation_from_proto(request: pb.ConfirmImportRequest) -> Confirmation:
    """What the rows of a preview are to become. Raises InvalidFields."""
    reader = Reader()
    duplicates, ambiguous, repeated = (
        reader.word(name, Choice, import_pb2.ImportChoice, getattr(request, name))
        for name in ("duplicates", "ambiguous", "repeated")
    )
    rows = []
    for place, row in enumerate(request.rows):
        choice = reader.required(f"rows[{place}].choice", Choice, import_pb2.ImportChoice, row.choice)
        takes = _whose(reader, f"rows[{place}].takes", row.takes)
        if choice is not None:
            rows.append(RowChoice(number=row.number, choice=choice, lot_id=row.lot_id or None, takes=takes))
    takes = _whose(reader, "takes", request.takes)
    reader.expect_readable()
    return Confirmation(
        import_id=request.import_id,
        duplicates=duplicates,
        ambiguous=ambiguous or Choice.SKIP,
        repeated=repeated or Choice.NEW_LOT,
        rows=rows,
        takes=takes,
    )


def _whose(reader: Reader, name: str, told: import_pb2.ImportTakes) -> dict[Aspect, Whose]:
    said = {
        aspect: reader.word(f"{name}.{aspect.lower()}", Whose, import_pb2.ImportWhose, getattr(told, aspect.lower()))
        for aspect in Aspect
    }
    return {aspect: whose for aspect, whose in said.items() if whose is not None}
