"""Commands and queries over mTLS: every field there and back, request ids, revisions, two callers at once."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from brickops.inventory.v1 import change_pb2, lot_pb2, lot_sync_pb2, money_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.testing.calls import Calls, a_brick, euros, problem

EVERY_FIELD = a_brick(
    used_grade=lot_pb2.USED_GRADE_GOOD,
    reserved=3,
    sale_percent=10,
    tiers=[
        lot_pb2.Tier(quantity=50, unit_price=euros(0, 110_000_000)),
        lot_pb2.Tier(quantity=100, unit_price=euros(0, 100_100_000)),
    ],
    bulk=2,
    cost=euros(0, 40_000_000),
    description="light scratches",
    remarks="A1-03",
    stockroom=lot_pb2.STOCKROOM_B,
    retain=True,
    weight_grams="2.32",
    location="shelf 4",
    tags=["rare", "red"],
)
DERIVED = ("lot_id", "seller_id", "revision", "sold", "archived", "availability", "created_at", "updated_at")
NOBODYS = "c4372929-bede-4bcb-a8e3-c7475283206b"
"""An id that no lot has."""


def said(lot: lot_pb2.Lot) -> lot_pb2.Lot:
    """What a seller said of it."""
    copy = lot_pb2.Lot()
    copy.CopyFrom(lot)
    for name in DERIVED:
        copy.ClearField(name)  # type: ignore[arg-type]
    return copy


async def refused(call: Any) -> tuple[grpc.StatusCode, str, list[str]]:
    """Code, reason and fields at fault of a call that must be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    told = problem(refusal.value)
    return told.code, told.reason, [field for field, _ in told.violations]


async def test_every_field_is_kept_as_it_was_said(calls: Calls) -> None:
    created = await calls.create(EVERY_FIELD)
    read = await calls.get(created.lot.lot_id)
    assert said(created.lot) == EVERY_FIELD
    assert read.lot == created.lot
    assert (read.lot.revision, read.lot.availability) == (1, lot_pb2.AVAILABILITY_AVAILABLE)
    assert read.lot.seller_id == calls.seller


async def test_a_creation_says_who_made_what(calls: Calls) -> None:
    created = await calls.create(EVERY_FIELD, reason="from the attic")
    (change,) = (await calls.list_changes(lot_id=created.lot.lot_id)).changes
    assert change.change_id == created.change_id
    assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_CREATED, change_pb2.CHANGE_SOURCE_USER)
    assert (change.actor, change.reason, change.revision) == ("user-1", "from the attic", 1)
    assert (change.quantity_delta, change.reserved_delta) == (40, 3)
    assert change.correlation_id == f"correlation-{calls.seller}"
    assert not change.before.fields
    after = json_format.MessageToDict(change.after)
    assert after["item_no"] == "3001"
    assert after["unit_price"] == "0.12"
    assert after["currency"] == "EUR"
    assert after["tiers"] == [
        {"quantity": 50.0, "unit_price": "0.11"},
        {"quantity": 100.0, "unit_price": "0.1001"},
    ]


async def test_every_settable_field_can_be_set(calls: Calls) -> None:
    created = await calls.create()
    names = [name for name in lot_pb2.Lot.DESCRIPTOR.fields_by_name if name not in {*DERIVED, "item"}]
    updated = await calls.update(created.lot.lot_id, *names, lot=EVERY_FIELD, expected_revision=1)
    assert said(updated.lot) == EVERY_FIELD
    assert updated.lot.revision == 2
    change = (await calls.stub.GetChange(pb.GetChangeRequest(change_id=updated.change_id), **calls.how)).change
    before = json_format.MessageToDict(change.before)
    assert set(before) == set(json_format.MessageToDict(change.after)) == set(names) - {"quantity", "unit_price"}
    assert before["cost"] is None
    assert before["stockroom"] is None


async def test_only_named_fields_are_set(calls: Calls) -> None:
    created = await calls.create()
    updated = await calls.update(created.lot.lot_id, "remarks", lot=a_brick(remarks="B2", description="not this"))
    assert (updated.lot.remarks, updated.lot.description, updated.lot.quantity) == ("B2", "", 40)


async def test_an_update_that_differs_in_nothing_is_no_change(calls: Calls) -> None:
    created = await calls.create()
    updated = await calls.update(created.lot.lot_id, "remarks", "unit_price", lot=a_brick())
    assert (updated.change_id, updated.lot.revision) == ("", 1)
    assert len((await calls.list_changes(lot_id=created.lot.lot_id)).changes) == 1


async def test_archive_and_restore(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    archived = await calls.archive(lot_id)
    again = await calls.archive(lot_id)
    assert (archived.lot.archived, archived.lot.revision, again.change_id) == (True, 2, "")
    assert not (await calls.list_lots()).lots
    assert len((await calls.list_lots(include_archived=True)).lots) == 1
    restored = await calls.restore(lot_id)
    assert (restored.lot.archived, restored.lot.revision) == (False, 3)
    types = [change.type for change in (await calls.list_changes(lot_id=lot_id)).changes]
    assert types == [
        change_pb2.CHANGE_TYPE_RESTORED,
        change_pb2.CHANGE_TYPE_ARCHIVED,
        change_pb2.CHANGE_TYPE_CREATED,
    ]


async def test_an_equal_lot_is_named_and_not_merged(calls: Calls) -> None:
    first = await calls.create()
    other_color = a_brick()
    other_color.item.color_id = 11
    assert not (await calls.create(other_color)).equal_lot_ids
    assert list((await calls.create()).equal_lot_ids) == [first.lot.lot_id]


BAD_LOTS = {
    "negative quantity": (a_brick(quantity=-1), ["lot.quantity"]),
    "huge quantity": (a_brick(quantity=2**62), ["lot.quantity"]),
    "five decimals": (a_brick(unit_price=euros(0, 123_450_000)), ["lot.unit_price"]),
    "nanos that are none": (a_brick(unit_price=euros(0, -1)), ["lot.unit_price"]),
    "no price": (lot_pb2.Lot(item=a_brick().item, quantity=1), ["lot.unit_price"]),
    "an unknown type": (
        a_brick(item=lot_pb2.Item(type=99, number="3001", color_id=5, condition=1)),  # type: ignore[arg-type]
        ["lot.item.type"],
    ),
    "no item at all": (
        lot_pb2.Lot(unit_price=euros(1)),
        ["lot.item.condition", "lot.item.number", "lot.item.type"],
    ),
    "an unknown colour": (
        a_brick(item=lot_pb2.Item(type=1, number="3001", color_id=4711, condition=1)),  # type: ignore[arg-type]
        ["lot.item.color_id"],
    ),
    "a weight that is none": (a_brick(weight_grams="heavy"), ["lot.weight_grams"]),
    "several at once": (
        a_brick(
            quantity=-1,
            bulk=-2,
            tiers=[lot_pb2.Tier(quantity=1, unit_price=euros(0, 1_000_000_000)), lot_pb2.Tier(quantity=1)],
        ),
        ["lot.bulk", "lot.quantity", "lot.tiers[0].unit_price", "lot.tiers[1].quantity", "lot.tiers[1].unit_price"],
    ),
}


@pytest.mark.parametrize(("lot", "fields"), BAD_LOTS.values(), ids=BAD_LOTS.keys())
async def test_a_bad_lot_is_refused_by_its_fields_and_changes_nothing(
    calls: Calls, lot: lot_pb2.Lot, fields: list[str]
) -> None:
    code, reason, named = await refused(calls.create(lot))
    assert (code, reason, named) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", fields)
    assert not (await calls.list_lots()).lots
    assert not (await calls.list_changes()).changes


async def test_the_first_price_fixes_the_sellers_currency(calls: Calls) -> None:
    created = await calls.create()
    dollars = a_brick(unit_price=money_pb2.Money(currency_code="USD", units=1))
    assert (await refused(calls.create(dollars)))[2] == ["lot.unit_price"]
    update = calls.update(created.lot.lot_id, "cost", lot=a_brick(cost=dollars.unit_price))
    assert (await refused(update))[2] == ["lot.cost"]


async def test_two_first_prices_at_once_fix_one_currency(calls: Calls) -> None:
    dollars = a_brick(unit_price=money_pb2.Money(currency_code="USD", units=1))
    both = await asyncio.gather(calls.create(), calls.create(dollars), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["AioRpcError", "CreateLotResponse"]
    assert len((await calls.list_lots()).lots) == 1


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ([], "update_mask"),
        (["item.shape"], "update_mask"),
        (["item.number"], "lot.item.number"),
        (["item.condition"], "lot.item.condition"),
        (["item.completeness"], "lot.item.completeness"),
        (["lot_id"], "update_mask"),
        (["sold"], "update_mask"),
        (["archived"], "update_mask"),
        (["unit_price.units"], "update_mask"),
        (["no_such_field"], "update_mask"),
        (["quantity"], "expected_revision"),
        (["unit_price"], "lot.unit_price"),
        (["bulk"], "lot.bulk"),
    ],
)
async def test_what_cannot_be_set_is_refused_by_its_name(calls: Calls, names: list[str], field: str) -> None:
    created = await calls.create()
    nothing = lot_pb2.Lot(item=lot_pb2.Item(color_id=11, completeness=lot_pb2.COMPLETENESS_SEALED))
    code, _, named = await refused(calls.update(created.lot.lot_id, *names, lot=nothing))
    assert (code, named) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert (await calls.get(created.lot.lot_id)).lot.revision == 1


A_SET = lot_pb2.Item(
    type=lot_pb2.ITEM_TYPE_SET,
    number="75192-1",
    condition=lot_pb2.CONDITION_NEW,
    completeness=lot_pb2.COMPLETENESS_SEALED,
)


async def test_a_lot_can_become_another_item_and_the_log_says_what_it_was(calls: Calls) -> None:
    """Rule N4: what a shop cannot change is changed here like any other field."""
    lot_id = (await calls.create()).lot.lot_id
    recolored = await calls.update(lot_id, "item.color_id", lot=a_brick(item=lot_pb2.Item(color_id=11)))
    assert (recolored.lot.item.color_id, recolored.lot.item.number, recolored.lot.revision) == (11, "3001", 2)
    other_brick = lot_pb2.Item(number=" 3002 ", condition=lot_pb2.CONDITION_NEW)
    renumbered = await calls.update(lot_id, "item.number", "item.condition", lot=a_brick(item=other_brick))
    assert (renumbered.lot.item.number, renumbered.lot.item.color_id) == ("3002", 11)
    assert (await calls.update(lot_id, "item", "remarks", lot=a_brick(item=A_SET, remarks="big"))).lot.item == A_SET
    logged = [
        (json_format.MessageToDict(change.before), json_format.MessageToDict(change.after))
        for change in (await calls.list_changes(lot_id=lot_id)).changes[:3]
    ]
    assert logged == [
        (
            {"item_type": "PART", "item_no": "3002", "color_id": 11, "completeness": None, "remarks": ""},
            {"item_type": "SET", "item_no": "75192-1", "color_id": 0, "completeness": "SEALED", "remarks": "big"},
        ),
        ({"item_no": "3001", "condition": "USED"}, {"item_no": "3002", "condition": "NEW"}),
        ({"color_id": 5}, {"color_id": 11}),
    ]


@pytest.mark.parametrize(
    ("lot", "names", "fields"),
    [
        (
            a_brick(item=A_SET),
            ["item.type"],
            ["lot.item.color_id", "lot.item.completeness", "lot.item.number", "lot.used_grade"],
        ),
        (a_brick(item=A_SET), ["item.condition"], ["lot.used_grade"]),
        (a_brick(item=lot_pb2.Item()), ["item"], ["lot.item.condition", "lot.item.number", "lot.item.type"]),
        (a_brick(item=lot_pb2.Item(type=99)), ["item.type"], ["lot.item.type"]),  # type: ignore[arg-type]
    ],
)
async def test_a_lot_that_becomes_another_item_keeps_every_rule_together(
    calls: Calls, lot: lot_pb2.Lot, names: list[str], fields: list[str]
) -> None:
    created = await calls.create(a_brick(used_grade=lot_pb2.USED_GRADE_GOOD))
    assert (await refused(calls.update(created.lot.lot_id, *names, lot=lot)))[2] == fields
    assert (await calls.get(created.lot.lot_id)).lot.revision == 1


async def test_what_depends_on_the_item_can_be_set_with_it(calls: Calls) -> None:
    lot_id = (await calls.create(a_brick(used_grade=lot_pb2.USED_GRADE_GOOD))).lot.lot_id
    updated = await calls.update(lot_id, "item.condition", "used_grade", lot=a_brick(item=A_SET))
    assert (updated.lot.item.condition, updated.lot.used_grade) == (lot_pb2.CONDITION_NEW, 0)


async def test_a_lot_that_becomes_equal_to_another_is_told_so(calls: Calls) -> None:
    first = await calls.create()
    other = a_brick()
    other.item.color_id = 11
    lot_id = (await calls.create(other)).lot.lot_id
    assert not (await calls.update(lot_id, "remarks", lot=a_brick(remarks="B2"))).equal_lot_ids
    assert list((await calls.update(lot_id, "item.color_id", lot=a_brick())).equal_lot_ids) == [first.lot.lot_id]


async def test_unnamed_fields_of_an_update_are_not_judged(calls: Calls) -> None:
    created = await calls.create()
    nonsense = a_brick(remarks="B2", quantity=-5, unit_price=euros(0, -1))
    assert (await calls.update(created.lot.lot_id, "remarks", lot=nonsense)).lot.remarks == "B2"


async def test_a_stale_revision_is_refused_and_changes_nothing(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    await calls.adjust(lot_id, 1)
    for call in (
        calls.update(lot_id, "quantity", lot=a_brick(quantity=5), expected_revision=1),
        calls.adjust(lot_id, 1, expected_revision=1),
        calls.archive(lot_id, expected_revision=1),
        calls.restore(lot_id, expected_revision=3),
    ):
        assert (await refused(call))[:2] == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.revision) == (41, 2)


async def test_a_decrease_below_zero_is_refused(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    refusal = await refused(calls.adjust(lot_id, -41))
    assert refusal[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_PIECES")
    assert (await calls.adjust(lot_id, -40)).lot.quantity == 0


async def test_pieces_are_moved_aside_in_one_change(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    moved = await calls.adjust(lot_id, -15, reserved_by=15, reason="for a friend")
    assert (moved.lot.quantity, moved.lot.reserved) == (25, 15)
    change = (await calls.list_changes(lot_id=lot_id)).changes[0]
    assert (change.quantity_delta, change.reserved_delta, change.reason) == (-15, 15, "for a friend")


async def test_an_adjustment_of_nothing_is_refused(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    assert (await refused(calls.adjust(lot_id, 0)))[2] == ["by"]
    assert (await refused(calls.adjust(lot_id, 10_000_000)))[2] == ["by"]


async def test_a_repeated_request_id_gets_the_same_answer_whatever_has_happened_since(calls: Calls) -> None:
    created = await calls.create(request_id="create-1")
    first = await calls.adjust(created.lot.lot_id, -30, request_id="adjust-1")
    await calls.adjust(created.lot.lot_id, -5)
    assert await calls.adjust(created.lot.lot_id, -30, request_id="adjust-1") == first
    assert await calls.create(request_id="create-1") == created
    assert (await calls.get(created.lot.lot_id)).lot.quantity == 5
    assert len((await calls.list_changes()).changes) == 3


async def test_a_request_id_with_another_body_or_method_is_refused(calls: Calls) -> None:
    lot_id = (await calls.create(request_id="one")).lot.lot_id
    for call in (
        calls.create(a_brick(quantity=41), request_id="one"),
        calls.create(reason="why not", request_id="one"),
        calls.archive(lot_id, request_id="one"),
    ):
        assert (await refused(call))[:2] == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert (await calls.get(lot_id)).lot.revision == 1


async def test_a_refused_request_can_be_repeated_with_the_same_id(calls: Calls) -> None:
    """What was refused has changed nothing, so its id is still free."""
    lot_id = (await calls.create()).lot.lot_id
    await refused(calls.adjust(lot_id, -41, request_id="again"))
    await calls.adjust(lot_id, 1)
    assert (await calls.adjust(lot_id, -41, request_id="again")).lot.quantity == 0


async def test_the_same_request_twice_at_once_is_done_once(calls: Calls) -> None:
    answers = await asyncio.gather(*(calls.create(request_id="at-once") for _ in range(8)))
    assert len({answer.SerializeToString() for answer in answers}) == 1
    assert len((await calls.list_lots()).lots) == 1


@pytest.mark.parametrize("request_id", ["", "x" * 101, "a\nb"])
async def test_a_bad_request_id_is_refused(calls: Calls, request_id: str) -> None:
    assert (await refused(calls.create(request_id=request_id)))[2] == ["request_id"]


async def test_a_reason_too_long_is_refused(calls: Calls) -> None:
    assert (await refused(calls.create(reason="r" * 501)))[2] == ["reason"]


async def test_concurrent_adjustments_all_count(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    answers = await asyncio.gather(*(calls.adjust(lot_id, step) for step in (-1, 2, -3, 4, -5, 6, -7, 8)))
    assert sorted(answer.lot.revision for answer in answers) == list(range(2, 10))
    assert (await calls.get(lot_id)).lot.quantity == 44
    changes = (await calls.list_changes(lot_id=lot_id)).changes
    assert sum(change.quantity_delta for change in changes) == 44


async def test_two_decreases_at_once_do_not_take_the_same_pieces(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    both = await asyncio.gather(calls.adjust(lot_id, -30), calls.adjust(lot_id, -30), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["AdjustQuantityResponse", "AioRpcError"]
    assert (await calls.get(lot_id)).lot.quantity == 10


async def test_lots_come_in_pages_oldest_first(calls: Calls) -> None:
    made = [(await calls.create()).lot.lot_id for _ in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = await calls.list_lots(page_size=2, page_token=token)
        assert len(page.lots) <= 2
        seen += [one.lot.lot_id for one in page.lots]
        if not (token := page.next_page_token):
            break
    assert seen == made


async def test_changes_come_in_pages_newest_first(calls: Calls) -> None:
    lot_id = (await calls.create()).lot.lot_id
    for _ in range(3):
        await calls.adjust(lot_id, 1)
    first = await calls.list_changes(page_size=3)
    rest = await calls.list_changes(page_size=3, page_token=first.next_page_token)
    assert [change.revision for change in (*first.changes, *rest.changes)] == [4, 3, 2, 1]
    assert rest.next_page_token == ""


@pytest.mark.parametrize(("fields", "field"), [
    ({"page_size": -1}, "page_size"),
    ({"page_size": 501}, "page_size"),
    ({"page_token": "nonsense"}, "page_token"),
    ({"page_token": "MQ=="}, "page_token"),
])  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(calls: Calls, fields: dict[str, Any], field: str) -> None:
    assert (await refused(calls.list_lots(**fields)))[2] == [field]


async def test_a_seller_without_shops_is_told_so_per_marketplace(calls: Calls) -> None:
    sync = (await calls.get((await calls.create()).lot.lot_id)).sync
    assert [(one.marketplace, one.state) for one in sync] == [
        ("bricklink", lot_sync_pb2.SYNC_STATE_NOT_CONNECTED),
        ("brickowl", lot_sync_pb2.SYNC_STATE_NOT_CONNECTED),
    ]


@pytest.mark.parametrize("lot_id", ["", "nonsense", NOBODYS, f"{{{NOBODYS}}}"])
async def test_a_lot_that_is_not_there_is_not_found(calls: Calls, lot_id: str) -> None:
    not_found = (grpc.StatusCode.NOT_FOUND, "LOT_NOT_FOUND")
    assert (await refused(calls.get(lot_id)))[:2] == not_found
    assert (await refused(calls.adjust(lot_id, 1)))[:2] == not_found
