"""Filters and orders of lots: each query parameter to its field, and each field at fault back to its parameter."""

from typing import Any

import pytest
from pydantic import ValidationError

from brickops.inventory.v1 import lot_filter_pb2, lot_pb2, lot_sync_pb2
from gateway.lots.filter import LotFilter, LotSort, filter_to_proto, sort_to_proto
from gateway.lots.models import Lot
from gateway.problems import rest_field

Filter = lot_filter_pb2.LotFilter
SHOP = lot_filter_pb2.LotSyncFilter
EVERY: list[tuple[str, object, Filter]] = [
    (
        "item_type",
        ["PART", "SET"],
        Filter(item_types=[lot_pb2.ITEM_TYPE_PART, lot_pb2.ITEM_TYPE_SET]),
    ),
    ("item_no", "3001", Filter(item_number="3001")),
    ("color_id", [5, 7], Filter(color_ids=[5, 7])),
    ("condition", "USED", Filter(condition=lot_pb2.CONDITION_USED)),
    ("location", "", Filter(location="")),
    ("location", "shelf 4", Filter(location="shelf 4")),
    ("tag", ["red", "rare"], Filter(tags=["red", "rare"])),
    ("text", "a%b", Filter(text="a%b")),
    ("price_from", "0.10", Filter(price_from="0.10")),
    ("price_to", "2", Filter(price_to="2")),
    ("quantity_from", 0, Filter(quantity_from=0)),
    ("quantity_to", -1, Filter(quantity_to=-1)),
    ("archived", False, Filter(archived=False)),
    ("include_archived", True, Filter(include_archived=True)),
    (
        "status",
        ["available", "sold"],
        Filter(availabilities=[lot_pb2.AVAILABILITY_AVAILABLE, lot_pb2.AVAILABILITY_SOLD]),
    ),
    (
        "sync",
        ["bricklink:failed", "brickowl:synced", "bricklink:not_connected"],
        Filter(
            sync=[
                SHOP(
                    marketplace="bricklink",
                    states=[lot_sync_pb2.SYNC_STATE_FAILED, lot_sync_pb2.SYNC_STATE_NOT_CONNECTED],
                ),
                SHOP(marketplace="brickowl", states=[lot_sync_pb2.SYNC_STATE_SYNCED]),
            ]
        ),
    ),
]


@pytest.mark.parametrize(("name", "value", "expected"), EVERY)
def test_each_parameter_is_its_field(name: str, value: object, expected: Filter) -> None:
    assert filter_to_proto(LotFilter.model_validate({name: value})) == expected


def test_each_parameter_is_tried_and_silence_asks_nothing() -> None:
    assert {name for name, _, _ in EVERY} == set(LotFilter.model_fields)
    assert filter_to_proto(LotFilter()) == Filter()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"item_type": ["BRICK"]}, ("item_type", 0)),
        ({"sync": ["failed"]}, ("sync", 0)),
        ({"sync": ["bricklink:broken"]}, ("sync", 0)),
        ({"price_from": "-1"}, ("price_from",)),
        ({"conditon": "NEW"}, ("conditon",)),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(said: dict[str, Any], field: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        LotFilter.model_validate(said)
    assert [error["loc"] for error in refusal.value.errors()] == [field]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("filter.item_types[1]", "item_type[1]"),
        ("filter.item_number", "item_no"),
        ("filter.color_ids", "color_id"),
        ("filter.tags[0]", "tag[0]"),
        ("filter.price_to", "price_to"),
        ("filter.availabilities[0]", "status[0]"),
        ("filter.sync[0].marketplace", "sync"),
        ("order_by", "sort"),
        ("tags[0]", "tags[0]"),
    ],
)
def test_a_field_at_fault_has_the_name_of_its_parameter(field: str, name: str) -> None:
    assert rest_field(field) == name


def test_every_column_can_be_asked_for_by_a_field_of_a_lot() -> None:
    assert {sort_to_proto(sort) for sort in LotSort} == set(lot_filter_pb2.LotColumn.values())
    assert sort_to_proto(LotSort.CREATED_AT) == lot_filter_pb2.LOT_COLUMN_UNSPECIFIED
    assert set(LotSort) <= set(Lot.model_fields)
