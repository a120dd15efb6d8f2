"""Imports from protobuf to JSON."""

from brickops.inventory.v1 import import_pb2
from gateway.imports.models import Import, ImportFormat, ImportRow, ImportState, RowState
from gateway.times import time_in, time_of
from gateway.words import word_of


def import_of(operation: import_pb2.Import) -> Import:
    """How far an import has come."""
    return Import.model_validate(
        {
            "import_id": operation.import_id,
            "format": word_of(ImportFormat, import_pb2.ImportFormat, operation.format),
            "state": word_of(ImportState, import_pb2.ImportState, operation.state),
            "total_rows": operation.total_rows,
            "created_rows": operation.created_rows,
            "refused_rows": operation.refused_rows,
            "created_at": time_of(operation.created_at),
            "finished_at": time_in(operation, "finished_at"),
            "file_name": operation.file_name,
        }
    )


def row_of(row: import_pb2.ImportRow) -> ImportRow:
    """What became of a row."""
    done = RowState.CREATED if row.lot_id else RowState.WAITING
    return ImportRow(
        number=row.number,
        line=row.line,
        state=RowState.REFUSED if row.reason else done,
        lot_id=row.lot_id or None,
        field=row.field or None,
        reason=row.reason or None,
    )
