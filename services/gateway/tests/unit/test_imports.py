from datetime import UTC, datetime

import pytest
from google.protobuf.json_format import Parse

from brickops.inventory.v1 import import_pb2, lot_pb2
from gateway.imports.models import Confirmation
from gateway.imports.rows_csv import lines_of
from gateway.imports.translate import confirmation_to_proto, import_of, row_of


def test_a_running_import_has_no_end() -> None:
    operation = import_pb2.Import(
        import_id="import-1",
        format=import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
        state=import_pb2.IMPORT_STATE_RUNNING,
        total_rows=50,
        checked_rows=50,
        created_rows=20,
        updated_rows=2,
        skipped_rows=3,
        refused_rows=1,
        duplicate_rows=4,
        ambiguous_rows=5,
        repeated_rows=6,
        file_name="shelf.xml",
        marketplace="bricklink",
        matched_rows=7,
        different_rows=8,
        different_quantity_rows=9,
        different_price_rows=10,
        different_rest_rows=11,
        unmatched_lots=12,
    )
    operation.created_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))

    assert import_of(operation).model_dump(mode="json") == {
        "import_id": "import-1",
        "format": "bricklink_xml",
        "state": "running",
        "total_rows": 50,
        "checked_rows": 50,
        "created_rows": 20,
        "updated_rows": 2,
        "skipped_rows": 3,
        "refused_rows": 1,
        "duplicate_rows": 4,
        "ambiguous_rows": 5,
        "repeated_rows": 6,
        "matched_rows": 7,
        "different_rows": 8,
        "differing": {"quantity": 9, "price": 10, "rest": 11},
        "unmatched_lots": 12,
        "created_at": "2026-11-01T12:00:00Z",
        "finished_at": None,
        "expires_at": None,
        "file_name": "shelf.xml",
        "marketplace": "bricklink",
    }


def test_a_finished_import_says_when() -> None:
    operation = import_pb2.Import(
        import_id="import-1",
        format=import_pb2.IMPORT_FORMAT_BRICKLINK_XML,
        state=import_pb2.IMPORT_STATE_DONE,
    )
    operation.finished_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))

    assert import_of(operation).finished_at == datetime(2026, 11, 1, 12, tzinfo=UTC)


ADD, REPLACE, SKIP, NEW_LOT, LINK = (
    import_pb2.IMPORT_CHOICE_ADD,
    import_pb2.IMPORT_CHOICE_REPLACE,
    import_pb2.IMPORT_CHOICE_SKIP,
    import_pb2.IMPORT_CHOICE_NEW_LOT,
    import_pb2.IMPORT_CHOICE_LINK,
)
UNSAID: dict[str, object] = {
    "verdict": None,
    "duplicate_lot_id": None,
    "candidates": [],
    "repeats_row": None,
    "choice": None,
    "listing_id": None,
    "item": None,
    "quantity": None,
    "differences": [],
    "takes": None,
}


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (import_pb2.ImportRow(choice=ADD), "waiting"),
        (import_pb2.ImportRow(choice=ADD, lot_id="lot-1"), "updated"),
        (import_pb2.ImportRow(choice=REPLACE, lot_id="lot-1"), "updated"),
        (import_pb2.ImportRow(choice=NEW_LOT, lot_id="lot-1"), "created"),
        (import_pb2.ImportRow(choice=SKIP), "skipped"),
        (import_pb2.ImportRow(choice=LINK), "waiting"),
        (import_pb2.ImportRow(choice=LINK, lot_id="lot-1"), "linked"),
        (import_pb2.ImportRow(choice=ADD, reason="The lot was put away."), "refused"),
    ],
)
def test_what_was_chosen_for_a_row_tells_what_became_of_it(row: import_pb2.ImportRow, state: str) -> None:
    assert row_of(row).state == state


def test_a_row_shows_what_it_is_equal_to() -> None:
    row = import_pb2.ImportRow(
        number=3, verdict=import_pb2.IMPORT_VERDICT_REPEATED, duplicate_lot_id="lot-1", repeats_row=2, choice=ADD
    )
    row.listing_id, row.quantity = "50001001", 0
    row.item.CopyFrom(
        lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_NEW)
    )
    candidate = row.candidates.add(lot_id="lot-1", quantity=-2, remarks="A1", location="shelf 7")
    differing = import_pb2.ImportDifference(field="tiers", aspect=import_pb2.IMPORT_ASPECT_PRICE)
    Parse("[]", differing.ours)
    Parse('[{"quantity": 10, "unit_price": "0.1"}]', differing.theirs)
    for told in (row, candidate):
        told.differences.append(differing)
    row.takes.price = import_pb2.IMPORT_WHOSE_THEIRS
    shown_difference = {
        "field": "tiers",
        "aspect": "price",
        "ours": [],
        "theirs": [{"quantity": 10, "unit_price": "0.1"}],
    }
    shown = row_of(row).model_dump(mode="json")
    assert {name: shown[name] for name in UNSAID} == {
        "verdict": "repeated",
        "duplicate_lot_id": "lot-1",
        "candidates": [
            {
                "lot_id": "lot-1",
                "quantity": -2,
                "remarks": "A1",
                "location": "shelf 7",
                "differences": [shown_difference],
            }
        ],
        "repeats_row": 2,
        "choice": "add",
        "listing_id": "50001001",
        "item": {
            "item_type": "PART",
            "item_no": "3001",
            "color_id": 5,
            "condition": "NEW",
            "completeness": None,
        },
        "quantity": 0,
        "differences": [shown_difference],
        "takes": {"quantity": None, "price": "theirs", "rest": None},
    }


def test_a_confirmation_says_whose_values_are_taken() -> None:
    said = Confirmation.model_validate(
        {
            "takes": {"quantity": "theirs", "price": "ours"},
            "rows": [{"number": 3, "choice": "link", "takes": {"rest": "theirs"}}, {"number": 4, "choice": "skip"}],
        }
    )
    told = confirmation_to_proto("request", "import-1", said)
    ours, theirs = import_pb2.IMPORT_WHOSE_OURS, import_pb2.IMPORT_WHOSE_THEIRS
    assert told.takes == import_pb2.ImportTakes(quantity=theirs, price=ours)
    assert told.rows[0].takes == import_pb2.ImportTakes(rest=theirs)
    assert not told.rows[1].HasField("takes")


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

    assert row_of(row).model_dump(mode="json") == {"number": 3, "line": 17} | UNSAID | shown


@pytest.mark.parametrize("state", import_pb2.ImportState.values()[1:])
@pytest.mark.parametrize("file_format", import_pb2.ImportFormat.values()[1:])
def test_every_state_and_format_has_its_word(
    state: import_pb2.ImportState.ValueType, file_format: import_pb2.ImportFormat.ValueType
) -> None:
    operation = import_pb2.Import(import_id="import-1", format=file_format, state=state)
    operation.expires_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))
    shown = import_of(operation)
    assert f"IMPORT_STATE_{shown.state.name}" == import_pb2.ImportState.Name(state)
    assert f"IMPORT_FORMAT_{shown.format.name}" == import_pb2.ImportFormat.Name(file_format)
    assert shown.expires_at == datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("verdict", import_pb2.ImportVerdict.values()[1:])
@pytest.mark.parametrize("choice", import_pb2.ImportChoice.values()[1:])
def test_every_verdict_and_choice_has_its_word(
    verdict: import_pb2.ImportVerdict.ValueType, choice: import_pb2.ImportChoice.ValueType
) -> None:
    shown = row_of(import_pb2.ImportRow(verdict=verdict, choice=choice))
    assert shown.verdict is not None
    assert shown.choice is not None
    assert f"IMPORT_VERDICT_{shown.verdict.name}" == import_pb2.ImportVerdict.Name(verdict)
    assert f"IMPORT_CHOICE_{shown.choice.name}" == import_pb2.ImportChoice.Name(choice)


def test_a_row_is_a_line_for_each_field_in_which_it_differs() -> None:
    row = import_pb2.ImportRow(number=3, verdict=import_pb2.IMPORT_VERDICT_DIFFERENT, duplicate_lot_id="lot-1")
    row.listing_id, row.quantity = "77", 7
    row.item.CopyFrom(lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5))
    for field, ours, theirs in (("quantity", "10", "7"), ("remarks", '"A1"', '"=1+1"'), ("tiers", "[]", '[{"a": 1}]')):
        told = row.differences.add(field=field, aspect=import_pb2.IMPORT_ASPECT_REST)
        Parse(ours, told.ours)
        Parse(theirs, told.theirs)
    own = ["3", "", "77", "different", "", "PART", "3001", "5", "", "", "7", "lot-1", "", ""]
    assert lines_of(row_of(row)) == [
        [*own, "quantity", "10", "7"],
        [*own, "remarks", "A1", "'=1+1"],
        [*own, "tiers", "[]", '[{"a": 1}]'],
    ]
    refused = import_pb2.ImportRow(number=4, line=9, field="COLOR", reason="is unknown")
    assert lines_of(row_of(refused)) == [["4", "9", *[""] * 10, "COLOR", "is unknown", "", "", ""]]
