"""Each field of a lot, both ways."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from brickops.inventory.v1 import inventory_service_pb2, lot_pb2, lot_sync_pb2, money_pb2
from gateway.lots.models import LotPatch, NewLot
from gateway.lots.translate import changed_lot, created_lot, lot_to_proto, lot_with_sync, patch_to_proto

EUR_012 = {"amount": "0.12", "currency": "EUR"}
LEAST: dict[str, Any] = {
    "item_type": "PART",
    "item_no": "3001",
    "condition": "NEW",
    "quantity": 40,
    "unit_price": EUR_012,
}
LEAST_PROTO = {
    "item": lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", condition=lot_pb2.CONDITION_NEW),
    "quantity": 40,
    "unit_price": money_pb2.Money(currency_code="EUR", nanos=120_000_000),
    "bulk": 1,
}


def money(units: int, nanos: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code="EUR", units=units, nanos=nanos)


SETTABLE: list[tuple[str, object, object]] = [
    ("used_grade", "GOOD", lot_pb2.USED_GRADE_GOOD),
    ("quantity", 9_999_999, 9_999_999),
    ("reserved", 3, 3),
    ("unit_price", {"amount": "1.2345", "currency": "EUR"}, money(1, 234_500_000)),
    ("sale_percent", 15, 15),
    (
        "tiers",
        [{"quantity": 50, "unit_price": {"amount": "0.11", "currency": "EUR"}}],
        [lot_pb2.Tier(quantity=50, unit_price=money(0, 110_000_000))],
    ),
    ("bulk", 10, 10),
    ("cost", {"amount": "0.05", "currency": "EUR"}, money(0, 50_000_000)),
    ("description", "like new, <3", "like new, <3"),
    ("remarks", "A1-03", "A1-03"),
    ("stockroom", "B", lot_pb2.STOCKROOM_B),
    ("retain", True, True),
    ("weight_grams", "2.5", "2.5"),
    ("location", "shelf 7", "shelf 7"),
    ("tags", ["red", "rare"], ["red", "rare"]),
]


def proto_lot(**fields: Any) -> lot_pb2.Lot:
    return lot_pb2.Lot(**fields)


def test_a_lot_of_required_fields_only_gets_the_defaults() -> None:
    assert lot_to_proto(NewLot.model_validate(LEAST)) == proto_lot(**LEAST_PROTO)


@pytest.mark.parametrize(("name", "said", "meant"), SETTABLE)
def test_each_field_is_told_when_a_lot_is_made(name: str, said: object, meant: object) -> None:
    lot = NewLot.model_validate(LEAST | {name: said})

    assert lot_to_proto(lot) == proto_lot(**LEAST_PROTO | {name: meant})


def test_the_item_is_told_whole() -> None:
    item = {"item_type": "SET", "item_no": "75192-1", "color_id": 11, "condition": "USED", "completeness": "SEALED"}

    assert lot_to_proto(NewLot.model_validate(LEAST | item)).item == lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_SET,
        number="75192-1",
        color_id=11,
        condition=lot_pb2.CONDITION_USED,
        completeness=lot_pb2.COMPLETENESS_SEALED,
    )


@pytest.mark.parametrize(("name", "said", "meant"), SETTABLE)
def test_a_patch_says_the_one_field_that_it_sets(name: str, said: object, meant: object) -> None:
    lot, mask = patch_to_proto("lot-1", LotPatch.model_validate({name: said, "reason": "counted"}))

    assert list(mask.paths) == [name]
    told = lot_pb2.Lot()
    mask.MergeMessage(lot, told)
    assert told == proto_lot(**{name: meant})
    assert lot.lot_id == "lot-1"


CLEARED: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name, _, _ in SETTABLE if name not in ("quantity", "unit_price", "bulk")),
    ("bulk", {"bulk": 1}),
]


@pytest.mark.parametrize(("name", "left"), CLEARED)
def test_null_in_a_patch_takes_a_field_back_to_its_default(name: str, left: dict[str, Any]) -> None:
    lot, mask = patch_to_proto("lot-1", LotPatch.model_validate({name: None}))

    assert list(mask.paths) == [name]
    told = lot_pb2.Lot()
    mask.MergeMessage(lot, told)
    assert told == proto_lot(**left)


ITEM: list[tuple[str, object, str, lot_pb2.Item]] = [
    ("item_type", "SET", "item.type", lot_pb2.Item(type=lot_pb2.ITEM_TYPE_SET)),
    ("item_no", "75192-1", "item.number", lot_pb2.Item(number="75192-1")),
    ("color_id", 11, "item.color_id", lot_pb2.Item(color_id=11)),
    ("color_id", None, "item.color_id", lot_pb2.Item()),
    ("condition", "USED", "item.condition", lot_pb2.Item(condition=lot_pb2.CONDITION_USED)),
    ("completeness", "SEALED", "item.completeness", lot_pb2.Item(completeness=lot_pb2.COMPLETENESS_SEALED)),
    ("completeness", None, "item.completeness", lot_pb2.Item()),
]


@pytest.mark.parametrize(("name", "said", "path", "meant"), ITEM)
def test_a_patch_says_the_one_part_of_the_item_that_it_sets(
    name: str, said: object, path: str, meant: lot_pb2.Item
) -> None:
    lot, mask = patch_to_proto("lot-1", LotPatch.model_validate({name: said}))

    assert list(mask.paths) == [path]
    told = lot_pb2.Lot()
    mask.MergeMessage(lot, told)
    assert told.item == meant


def test_every_field_of_a_lot_may_be_patched() -> None:
    assert set(NewLot.model_fields) == set(LotPatch.model_fields)
    said = {name for name, _, _ in SETTABLE} | {name for name, _, _, _ in ITEM}
    assert said == set(LotPatch.model_fields) - {"reason"}


@pytest.mark.parametrize("name", ["quantity", "unit_price", "item_type", "item_no", "condition"])
def test_what_a_lot_cannot_be_without_cannot_be_cleared(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LotPatch.model_validate({name: None})

    assert refused.value.errors()[0]["loc"][0] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("item_type", "part"),
        ("item_type", 1),
        ("item_no", 3001),
        ("item_no", "30\x0001"),
        ("item_no", "\ud800"),
        ("color_id", "5"),
        ("color_id", 2**31),
        ("condition", None),
        ("completeness", "C"),
        ("quantity", "40"),
        ("quantity", 40.0),
        ("quantity", True),
        ("quantity", 2**63),
        ("quantity", -(10**400)),
        ("unit_price", 0.12),
        ("unit_price", "0.12"),
        ("sale_percent", 1.5),
        ("tiers", {}),
        ("tiers", [{"quantity": 1}]),
        ("bulk", 2**40),
        ("stockroom", "D"),
        ("retain", "yes"),
        ("retain", 1),
        ("weight_grams", 2.5),
        ("tags", "red"),
        ("tags", [1]),
        ("archived", True),
        ("lot_id", "lot-1"),
        ("colour", 5),
    ],
)
def test_no_value_is_bent_into_shape_and_no_unknown_field_taken(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        NewLot.model_validate(LEAST | {name: value})

    assert {error["loc"][0] for error in refused.value.errors()} == {name}


def time(second: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime(2026, 11, 1, 12, 0, second, 5_000, tzinfo=UTC))
    return timestamp


FULL = lot_pb2.Lot(
    lot_id="lot-1",
    seller_id="seller-a",
    revision=7,
    item=lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_SET,
        number="75192-1",
        color_id=0,
        condition=lot_pb2.CONDITION_USED,
        completeness=lot_pb2.COMPLETENESS_INCOMPLETE,
    ),
    used_grade=lot_pb2.USED_GRADE_LIKE_NEW,
    quantity=-2,
    reserved=1,
    sold=12,
    unit_price=money(0, 120_000_000),
    sale_percent=15,
    tiers=[lot_pb2.Tier(quantity=50, unit_price=money(0, 100_000_000))],
    bulk=2,
    cost=money(0, 0),
    description="d",
    remarks="r",
    stockroom=lot_pb2.STOCKROOM_C,
    retain=True,
    weight_grams="2.5",
    location="l",
    tags=["t"],
    archived=True,
    availability=lot_pb2.AVAILABILITY_RESERVED,
    created_at=time(1),
    updated_at=time(2),
)
FULL_JSON = {
    "lot_id": "lot-1",
    "revision": 7,
    "item_type": "SET",
    "item_no": "75192-1",
    "color_id": 0,
    "condition": "USED",
    "completeness": "INCOMPLETE",
    "used_grade": "LIKE_NEW",
    "quantity": -2,
    "reserved": 1,
    "sold": 12,
    "unit_price": EUR_012,
    "sale_percent": 15,
    "tiers": [{"quantity": 50, "unit_price": {"amount": "0.10", "currency": "EUR"}}],
    "bulk": 2,
    "cost": {"amount": "0.00", "currency": "EUR"},
    "description": "d",
    "remarks": "r",
    "stockroom": "C",
    "retain": True,
    "weight_grams": "2.5",
    "location": "l",
    "tags": ["t"],
    "archived": True,
    "status": "reserved",
    "created_at": "2026-11-01T12:00:01.005000Z",
    "updated_at": "2026-11-01T12:00:02.005000Z",
}


def test_a_lot_after_a_command_is_shown_whole() -> None:
    assert changed_lot(FULL, "change-1").model_dump(mode="json") == FULL_JSON | {"change_id": "change-1"}


def test_a_command_that_changed_nothing_names_no_change() -> None:
    assert changed_lot(FULL, "").change_id is None


def test_a_new_lot_names_its_equals() -> None:
    answer = inventory_service_pb2.CreateLotResponse(lot=FULL, change_id="change-1", equal_lot_ids=["lot-0"])

    shown = created_lot(answer).model_dump(mode="json")

    assert shown == FULL_JSON | {"change_id": "change-1", "equal_lot_ids": ["lot-0"]}


def test_every_field_of_the_proto_is_shown_or_is_the_sellers_own() -> None:
    flattened = {"lot": "lot_id", "item": "item_no", "availability": "status"}
    names = {flattened.get(field.name, field.name) for field in lot_pb2.Lot.DESCRIPTOR.fields}

    assert names - {"seller_id"} <= set(FULL_JSON)


def test_what_is_not_set_is_null() -> None:
    lot = lot_pb2.Lot()
    lot.CopyFrom(FULL)
    for name in ("used_grade", "cost", "stockroom", "weight_grams"):
        lot.ClearField(name)
    lot.item.ClearField("completeness")

    shown = changed_lot(lot, "").model_dump(mode="json")

    names = ("used_grade", "cost", "stockroom", "weight_grams", "completeness")
    assert {name: shown[name] for name in names} == dict.fromkeys(names)


def test_a_lots_sync_is_shown_by_marketplace_and_group() -> None:
    sync = lot_sync_pb2.LotSync(
        marketplace="bricklink",
        state=lot_sync_pb2.SYNC_STATE_FAILED,
        listing_id="123",
        groups=[
            lot_sync_pb2.GroupSync(
                group=lot_sync_pb2.FIELD_GROUP_QUANTITY, state=lot_sync_pb2.SYNC_STATE_SYNCED, settled_revision=7
            ),
            lot_sync_pb2.GroupSync(
                group=lot_sync_pb2.FIELD_GROUP_TEXT,
                state=lot_sync_pb2.SYNC_STATE_FAILED,
                settled_revision=3,
                reason="The shop refused the text.",
            ),
        ],
        updated_at=time(3),
    )
    waiting = lot_sync_pb2.LotSync(marketplace="brickowl")

    shown = lot_with_sync(inventory_service_pb2.GetLotResponse(lot=FULL, sync=[sync, waiting])).model_dump(mode="json")

    assert shown["sync"] == {
        "bricklink": {
            "state": "failed",
            "listing_id": "123",
            "groups": {
                "quantity": {"state": "synced", "settled_revision": 7, "reason": None},
                "text": {"state": "failed", "settled_revision": 3, "reason": "The shop refused the text."},
            },
            "updated_at": "2026-11-01T12:00:03.005000Z",
        },
        "brickowl": {"state": "pending", "listing_id": None, "groups": {}, "updated_at": None},
    }


def test_a_bulk_of_zero_is_refused_where_it_was_said() -> None:
    """Over gRPC a new lot's 0 means that nothing was said."""
    with pytest.raises(ValidationError, match="must be at least 1"):
        NewLot.model_validate({**LEAST, "bulk": 0})
