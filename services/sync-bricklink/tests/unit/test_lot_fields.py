"""A seller who takes what the shop shows has a lot that maps to just that."""

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_bricklink.listing import LOT_FIELDS, lot_of
from sync_bricklink.lot_fields import lot_fields_of
from syncengine.listing import Value

OURS = lot_pb2.Lot(
    item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_NEW),
    quantity=10,
    unit_price=Money(units=1, currency_code="EUR"),
    tiers=[lot_pb2.Tier(quantity=9, unit_price=Money(nanos=500_000_000, currency_code="EUR"))],
    cost=Money(nanos=10_000_000, currency_code="EUR"),
    bulk=2,
    sale_percent=5,
    description="ours",
    remarks="ours",
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("unit_price", "0.1234"),
        ("unit_price", "99999.0000"),
        ("unit_price", "0.0000"),
        ("sale_rate", 0),
        ("sale_rate", 20),
        ("tiers", "50:0.1100 100:0.1000 0:0.0000"),
        ("tiers", "0:0.0000 0:0.0000 0:0.0000"),
        ("bulk", 1),
        ("bulk", 12),
        ("description", "theirs é"),
        ("description", ""),
        ("description", "0.0000"),
        ("remarks", "theirs"),
        ("my_cost", "0.0700"),
        ("my_cost", "0.0000"),
        ("stock_room_id", "B"),
    ],
)
def test_theirs_becomes_the_lots_own(name: str, shown: Value) -> None:
    found = lot_fields_of(name, {name: shown, "for_sale": name != "stock_room_id"}, currency_code="EUR")
    assert found is not None
    theirs, paths = found
    lot = lot_pb2.Lot()
    lot.CopyFrom(OURS)
    for path in paths:
        lot.ClearField(path)  # type: ignore[arg-type]
    lot.MergeFrom(theirs)
    assert lot_of(lot).fields[name] == shown
    others = {other: value for other, value in lot_of(lot).fields.items() if other != name}
    assert others == {other: value for other, value in lot_of(OURS).fields.items() if other != name}


def test_every_field_of_the_shop_has_its_place_in_a_lot() -> None:
    shown = lot_of(OURS).fields
    for name in LOT_FIELDS:
        assert lot_fields_of(name, {**shown, "for_sale": True}, currency_code="EUR") is not None, name


@pytest.mark.parametrize("name", ["for_sale", "stock_room_id"])
def test_hidden_there_is_a_stockroom_here_and_shown_there_is_none(name: str) -> None:
    hidden = lot_fields_of(name, {"for_sale": False, "stock_room_id": "C"}, currency_code="EUR")
    assert hidden == (lot_pb2.Lot(stockroom=lot_pb2.STOCKROOM_C), ["stockroom"])
    assert lot_fields_of(name, {"for_sale": True, "stock_room_id": ""}, currency_code="EUR") == (
        lot_pb2.Lot(),
        ["stockroom"],
    )


def test_what_no_lot_can_hold_is_not_taken() -> None:
    assert lot_fields_of("for_sale", {"for_sale": False, "stock_room_id": "Q"}, currency_code="EUR") is None
    assert lot_fields_of("a_field_of_tomorrow", {"a_field_of_tomorrow": 1}, currency_code="EUR") is None
