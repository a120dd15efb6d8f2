from datetime import UTC, datetime

import pytest

from brickops.inventory.v1 import import_pb2
from gateway.imports.translate import import_of, row_of


def test_a_running_import_has_no_end() -> None:
    operation = import_pb2.Import(
        import_id="import-1",
        format=import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
        state=import_pb2.IMPORT_STATE_RUNNING,
        total_rows=50,
        created_rows=20,
        refused_rows=1,
        file_name="shelf.xml",
    )
    operation.created_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))

    assert import_of(operation).model_dump(mode="json") == {
        "import_id": "import-1",
        "format": "bricklink_xml",
        "state": "running",
        "total_rows": 50,
        "created_rows": 20,
        "refused_rows": 1,
        "created_at": "2026-11-01T12:00:00Z",
        "finished_at": None,
        "file_name": "shelf.xml",
    }


def test_a_finished_import_says_when() -> None:
    operation = import_pb2.Import(
        import_id="import-1",
        format=import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
        state=import_pb2.IMPORT_STATE_DONE,
    )
    operation.finished_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))

    assert import_of(operation).finished_at == datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (import_pb2.ImportRow(), {"state": "waiting", "lot_id": None, "field": None, "reason": None}),
        (
            import_pb2.ImportRow(lot_id="lot-1"),
            {"state": "created", "lot_id": "lot-1", "field": None, "reason": None},
        ),
        (
            import_pb2.ImportRow(field="COLOR", reason="is unknown"),
            {"state": "refused", "lot_id": None, "field": "COLOR", "reason": "is unknown"},
        ),
    ],
)
def test_a_row_says_what_became_of_it(row: import_pb2.ImportRow, shown: dict[str, object]) -> None:
    row.number, row.line = 3, 17

    assert row_of(row).model_dump(mode="json") == {"number": 3, "line": 17} | shown
