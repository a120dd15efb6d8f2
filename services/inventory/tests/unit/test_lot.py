"""What may be done to a lot, and the difference that it makes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from inventory.domain.errors import InvalidFields, NotEnoughPieces, StaleRevision
from inventory.domain.lot import (
    SETTABLE,
    Availability,
    Condition,
    FieldGroup,
    Item,
    ItemType,
    Lot,
    Stockroom,
    Tier,
    UsedGrade,
    groups_of,
)
from inventory.domain.shown import shown, shown_change
from inventory.testing.lots import NOON, a_lot

LATER = NOON + timedelta(hours=1)


def test_a_new_lot_is_at_revision_one_in_every_group_and_counted_now() -> None:
    lot = a_lot()
    assert (lot.revision, lot.sold, lot.archived, lot.counted_at) == (1, 0, False, NOON)
    assert lot.group_revisions == dict.fromkeys(FieldGroup, 1)


@pytest.mark.parametrize(
    ("quantity", "reserved", "expected"),
    [
        (1, 0, Availability.AVAILABLE),
        (1, 5, Availability.AVAILABLE),
        (0, 1, Availability.RESERVED),
        (0, 0, Availability.SOLD),
        (-2, 0, Availability.SOLD),
    ],
)
def test_availability_is_derived(quantity: int, reserved: int, expected: Availability) -> None:
    assert a_lot(quantity=quantity, reserved=reserved).availability is expected


CHANGED_VALUES: dict[str, object] = {
    "item": Item(type=ItemType.PART, number="3002", color_id=5, condition=Condition.USED),
    "used_grade": UsedGrade.LIKE_NEW,
    "quantity": 41,
    "reserved": 3,
    "unit_price": Decimal("0.15"),
    "sale_percent": 10,
    "tiers": (Tier(10, Decimal("0.11")),),
    "bulk": 2,
    "cost": Decimal("0.04"),
    "description": "light scratches",
    "remarks": "A1-03",
    "stockroom": Stockroom.B,
    "retain": True,
    "weight_grams": Decimal("2.32"),
    "location": "shelf 4",
    "tags": ("rare",),
}


@pytest.mark.parametrize("name", SETTABLE)
def test_each_field_can_be_set_and_moves_only_its_own_group(name: str) -> None:
    lot = a_lot()
    after, difference = lot.update(replace(lot, **{name: CHANGED_VALUES[name]}), LATER)  # type: ignore[arg-type]
    assert getattr(after, name) == CHANGED_VALUES[name]
    assert (after.revision, after.updated_at, after.counted_at) == (2, LATER, NOON)
    assert difference.before == {name: getattr(lot, name)}
    assert difference.after == {name: CHANGED_VALUES[name]}
    moved = {group for group, revision in after.group_revisions.items() if revision == 2}
    assert moved == groups_of(name)


def test_another_item_is_new_to_a_shop_in_every_field() -> None:
    """Rule N4: the listing that showed the old one is removed, so no group of it is settled any more."""
    lot = a_lot()
    after, difference = lot.update(replace(lot, item=replace(lot.item, color_id=11)), LATER)
    assert after.group_revisions == dict.fromkeys(FieldGroup, 2)
    assert shown_change(difference.before, difference.after) == ({"color_id": 5}, {"color_id": 11})


def test_an_update_that_says_nothing_new_is_no_change() -> None:
    lot = a_lot()
    after, difference = lot.update(replace(lot, unit_price=Decimal("0.1200")), LATER)
    assert after == lot
    assert not difference


def test_pieces_move_between_for_sale_and_set_aside_in_one_change() -> None:
    after, difference = a_lot(quantity=10).adjust(by=-4, reserved_by=4, now=LATER)
    assert (after.quantity, after.reserved, after.revision) == (6, 4, 2)
    assert (difference.quantity_delta, difference.reserved_delta) == (-4, 4)


@pytest.mark.parametrize(("by", "reserved_by"), [(-11, 0), (0, -1), (-11, 11), (11, -11)])
def test_a_person_cannot_take_what_is_not_there(by: int, reserved_by: int) -> None:
    with pytest.raises(NotEnoughPieces):
        a_lot(quantity=10).adjust(by=by, reserved_by=reserved_by, now=LATER)


@pytest.mark.parametrize(
    ("by", "reserved_by", "field"),
    [(0, 0, "by"), (9_999_990, 0, "by"), (2**63 - 1, 0, "by"), (0, 10_000_000, "reserved_by")],
)
def test_an_adjustment_that_makes_no_sense_is_refused_by_its_field(by: int, reserved_by: int, field: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        a_lot(quantity=10).adjust(by=by, reserved_by=reserved_by, now=LATER)
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_a_person_can_add_to_a_lot_below_zero() -> None:
    after, _ = a_lot(quantity=-3).adjust(by=2, reserved_by=0, now=LATER)
    assert after.quantity == -1


def test_a_sale_takes_a_lot_below_zero_even_if_it_is_archived() -> None:
    archived, _ = a_lot(quantity=2).archive(LATER)
    after, difference = archived.sell(5, LATER)
    assert (after.quantity, after.sold, after.revision, after.archived) == (-3, 5, 3, True)
    assert (difference.before, difference.after) == ({"quantity": 2, "sold": 0}, {"quantity": -3, "sold": 5})


def test_what_comes_back_is_added_to_a_lot_even_if_it_is_archived() -> None:
    sold, _ = a_lot(quantity=2).sell(5, LATER)
    archived, _ = sold.archive(LATER)
    after, difference = archived.take_back(4, unsold=3, now=LATER)
    assert (after.quantity, after.sold, after.revision, after.archived) == (1, 2, 4, True)
    assert (difference.before, difference.after) == ({"quantity": -3, "sold": 5}, {"quantity": 1, "sold": 2})
    assert after.group_revisions[FieldGroup.QUANTITY] == 4


def test_a_lot_is_sold_out_if_a_sale_took_the_last_piece_and_nobody_else_changed_its_quantity_since() -> None:
    sold, _ = a_lot(quantity=2).sell(2, LATER)
    assert sold.sold_out
    assert sold.update(replace(sold, remarks="none left"), LATER)[0].sold_out
    below, _ = sold.sell(3, LATER)
    assert below.take_back(1, unsold=1, now=LATER)[0].sold_out  # still two too few
    assert not below.take_back(4, unsold=4, now=LATER)[0].sold_out
    assert not below.adjust(by=2, reserved_by=0, now=LATER)[0].sold_out
    assert not sold.update(replace(sold, quantity=1), LATER)[0].sold_out


def test_a_lot_that_a_person_emptied_or_put_away_is_not_sold_out() -> None:
    assert not a_lot(quantity=0).sold_out
    assert not a_lot(quantity=2).adjust(by=-2, reserved_by=2, now=LATER)[0].sold_out
    one_left, _ = a_lot(quantity=2).sell(1, LATER)
    assert not one_left.sold_out
    assert not one_left.adjust(by=-1, reserved_by=0, now=LATER)[0].sold_out
    sold, _ = a_lot(quantity=2).sell(2, LATER)
    archived, _ = sold.archive(LATER)
    assert not archived.sold_out
    assert archived.restore(LATER)[0].sold_out


def test_archive_and_restore_change_a_lot_once() -> None:
    archived, _ = a_lot().archive(LATER)
    again, nothing = archived.archive(LATER)
    restored, difference = archived.restore(LATER)
    assert (archived.archived, again, bool(nothing)) == (True, archived, False)
    assert (restored.archived, restored.revision, difference.after) == (False, 3, {"archived": False})


def test_a_stale_revision_is_refused() -> None:
    a_lot().expect(1)
    a_lot().expect(None)
    with pytest.raises(StaleRevision):
        a_lot().expect(2)


def test_acknowledged_sales_only_rise_per_marketplace_without_a_new_revision() -> None:
    lot: Lot = a_lot().acknowledge("bricklink", 7).acknowledge("bricklink", 5).acknowledge("brickowl", 3)
    assert lot.counted_seqs == {"bricklink": 7, "brickowl": 3}
    assert lot.revision == 1


def test_a_lot_with_an_unread_sales_message_acknowledges_nothing() -> None:
    frozen = replace(a_lot(), sales_frozen=True)
    assert frozen.acknowledge("bricklink", 7) is frozen


def test_changes_show_values_as_the_rest_face_does() -> None:
    lot = a_lot(
        tiers=(Tier(50, Decimal("0.1100")),), cost=Decimal("0.0425"), weight_grams=Decimal("2.3200"), tags=("rare",)
    )
    values = {
        name: getattr(lot, name)
        for name in ("item", "unit_price", "tiers", "cost", "weight_grams", "tags", "stockroom")
    }
    assert shown(values) == {
        "item_type": "PART",
        "item_no": "3001",
        "color_id": 5,
        "condition": "USED",
        "completeness": None,
        "unit_price": "0.12",
        "tiers": [{"quantity": 50, "unit_price": "0.11"}],
        "cost": "0.0425",
        "weight_grams": "2.32",
        "tags": ["rare"],
        "stockroom": None,
    }
