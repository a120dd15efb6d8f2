"""Bulk edits: each field of the JSON body to its field on the wire."""

from typing import Any

import pytest

from brickops.inventory.v1 import bulk_edit_pb2, lot_filter_pb2, lot_pb2, money_pb2
from gateway.bulk_edits.models import LotEdit, LotsToEdit, PriceEdit
from gateway.bulk_edits.translate import edit_to_proto, selection_to_proto

Edit = bulk_edit_pb2.LotEdit
Price = bulk_edit_pb2.PriceEdit
NEAREST = bulk_edit_pb2.ROUNDING_NEAREST
EURO = money_pb2.Money(currency_code="EUR", units=1)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Edit()),
        ({"description": ""}, Edit(description="")),
        ({"remarks": "a"}, Edit(remarks="a")),
        ({"location": "shelf"}, Edit(location="shelf")),
        ({"add_tags": ["a"], "remove_tags": ["b"]}, Edit(add_tags=["a"], remove_tags=["b"])),
        ({"stockroom": "B"}, Edit(stockroom=lot_pb2.STOCKROOM_B)),
        ({"stockroom": None}, Edit(stockroom=lot_pb2.STOCKROOM_UNSPECIFIED)),
        ({"archived": False}, Edit(archived=False)),
        (
            {"price": {"set": {"amount": "1", "currency": "EUR"}}},
            Edit(price=Price(set=EURO, places=2, rounding=NEAREST)),
        ),
        (
            {"price": {"by_percent": "-2.5", "places": 0, "rounding": "up"}},
            Edit(price=Price(by_percent="-2.5", places=0, rounding=bulk_edit_pb2.ROUNDING_UP)),
        ),
        ({"price": {"by_amount": "+0.05"}}, Edit(price=Price(by_amount="+0.05", places=2, rounding=NEAREST))),
    ],
)
def test_each_field_is_its_field(said: dict[str, Any], expected: Edit) -> None:
    assert edit_to_proto(LotEdit.model_validate(said)) == expected


def test_both_faces_have_the_same_fields() -> None:
    assert set(LotEdit.model_fields) == set(Edit.DESCRIPTOR.fields_by_name)
    assert set(PriceEdit.model_fields) == set(Price.DESCRIPTOR.fields_by_name)


def test_an_empty_filter_is_another_thing_than_none() -> None:
    by_filter = LotsToEdit.model_validate({"filter": {"item_type": ["PART"]}, "edit": {}})
    wanted = lot_filter_pb2.LotFilter(item_types=[lot_pb2.ITEM_TYPE_PART])
    assert selection_to_proto(by_filter) == bulk_edit_pb2.LotSelection(filter=wanted)
    assert selection_to_proto(LotsToEdit.model_validate({"filter": {}, "edit": {}})).HasField("filter")
    assert not selection_to_proto(LotsToEdit.model_validate({"lot_ids": ["a"], "edit": {}})).HasField("filter")
