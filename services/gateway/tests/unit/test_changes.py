from datetime import UTC, datetime

from brickops.inventory.v1 import change_pb2
from gateway.changes.translate import change_of


def change() -> change_pb2.Change:
    told = change_pb2.Change(
        change_id="change-1",
        lot_id="lot-1",
        revision=7,
        type=change_pb2.CHANGE_TYPE_SOLD,
        source=change_pb2.CHANGE_SOURCE_ORDER,
        actor="sync-bricklink",
        reason="order 42",
        quantity_delta=-3,
        reserved_delta=1,
        correlation_id="abc",
        order=change_pb2.OrderReference(marketplace="bricklink", order_id="42", listing_id="123"),
        import_id="import-1",
        bulk_edit_id="bulk-edit-1",
        undone_by="change-2",
        undoes="change-0",
    )
    told.recorded_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))
    told.before.update({"quantity": 40, "unit_price": "0.12", "retain": False})
    told.after.update({"quantity": 37, "tiers": [{"quantity": 50}], "cost": None, "retain": True})
    return told


def test_a_change_is_shown_whole() -> None:
    assert change_of(change()).model_dump(mode="json") == {
        "change_id": "change-1",
        "lot_id": "lot-1",
        "revision": 7,
        "type": "sold",
        "source": "order",
        "actor": "sync-bricklink",
        "reason": "order 42",
        "recorded_at": "2026-11-01T12:00:00Z",
        "before": {"quantity": 40, "unit_price": "0.12", "retain": False},
        "after": {"quantity": 37, "tiers": [{"quantity": 50}], "cost": None, "retain": True},
        "quantity_delta": -3,
        "reserved_delta": 1,
        "correlation_id": "abc",
        "order": {"marketplace": "bricklink", "order_id": "42", "listing_id": "123"},
        "import_id": "import-1",
        "bulk_edit_id": "bulk-edit-1",
        "undone_by": "change-2",
        "undoes": "change-0",
    }


def test_pieces_are_whole_numbers_again() -> None:
    shown = change_of(change())

    assert isinstance(shown.before["quantity"], int)
    assert isinstance(shown.after["tiers"][0]["quantity"], int)


def test_a_users_change_has_no_order_and_no_import() -> None:
    told = change()
    told.ClearField("order")
    told.ClearField("import_id")

    assert (change_of(told).order, change_of(told).import_id) == (None, None)
