"""What an edit of many makes of one lot, and which edits no lot could take."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from inventory.domain.bulk_edit import LotEdit, PriceEdit, Rounding, check_edit, edited
from inventory.domain.changes import ChangeType
from inventory.domain.errors import InvalidFields, InvalidLot
from inventory.domain.lot import Lot, Stockroom, Tier
from inventory.domain.money import Money
from inventory.testing.lots import a_lot

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def after(lot: Lot, **said: Any) -> Lot:
    steps = edited(lot, check_edit(LotEdit(**said), "EUR"), NOW)
    return steps[-1][0] if steps else lot


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (PriceEdit(set=euros("0.1234")), "0.1234"),
        (PriceEdit(by_amount=Decimal("0.055")), "1.06"),
        (PriceEdit(by_amount=Decimal("-0.005"), rounding=Rounding.UP), "1.00"),
        (PriceEdit(by_amount=Decimal("-0.005"), rounding=Rounding.DOWN), "0.99"),
        (PriceEdit(by_percent=Decimal("10")), "1.10"),
        (PriceEdit(by_percent=Decimal("-12.345"), places=4), "0.8766"),
        (PriceEdit(by_percent=Decimal("-12.345"), places=4, rounding=Rounding.DOWN), "0.8765"),
        (PriceEdit(by_percent=Decimal("50"), places=0), "2"),
    ],
)
def test_a_price_is_set_or_reckoned_and_rounded_as_said(edit: PriceEdit, expected: str) -> None:
    assert after(a_lot(unit_price=Decimal(1)), price=edit).unit_price == Decimal(expected)


def test_by_per_cent_the_tiers_change_with_the_price() -> None:
    lot = a_lot(unit_price=Decimal(1), tiers=(Tier(10, Decimal("0.9")), Tier(20, Decimal("0.8"))))
    changed = after(lot, price=PriceEdit(by_percent=Decimal(-50)))
    assert changed.tiers == (Tier(10, Decimal("0.45")), Tier(20, Decimal("0.40")))
    assert after(lot, price=PriceEdit(set=euros("0.95"))).tiers == lot.tiers


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (PriceEdit(set=euros("0.85")), "tiers[0].unit_price"),
        (PriceEdit(by_amount=Decimal(-1)), "unit_price"),
        (PriceEdit(by_percent=Decimal("-99.99"), places=2), "unit_price"),
    ],
)
def test_a_lot_that_cannot_take_it_is_refused_by_its_field(edit: PriceEdit, field: str) -> None:
    lot = a_lot(unit_price=Decimal(1), tiers=(Tier(10, Decimal("0.9")),))
    with pytest.raises(InvalidLot) as refusal:
        after(lot, price=edit)
    assert field in [violation.field for violation in refusal.value.violations]


def test_every_other_field_becomes_what_is_said() -> None:
    lot = a_lot(description="old", remarks="old", location="old", tags=("a", "b"), stockroom=Stockroom.A)
    changed = after(lot, description="", remarks="new", add_tags=("c", "b"), remove_tags=("a", "x"))
    assert (changed.description, changed.remarks, changed.location) == ("", "new", "old")
    assert (changed.tags, changed.stockroom) == (("b", "c"), Stockroom.A)
    assert after(lot, sets_stockroom=True).stockroom is None
    assert after(lot, sets_stockroom=True, stockroom=Stockroom.C, location="shelf").stockroom is Stockroom.C


def test_fields_and_archive_are_two_steps_of_one_lot() -> None:
    lot = a_lot(remarks="old")
    first, second = edited(lot, LotEdit(remarks="new", archived=True), NOW)
    assert [first[1].type, second[1].type] == [ChangeType.UPDATED, ChangeType.ARCHIVED]
    assert (second[0].remarks, second[0].archived, second[0].revision) == ("new", True, lot.revision + 2)


def test_a_lot_that_is_so_already_has_no_step() -> None:
    assert edited(a_lot(remarks="same"), LotEdit(remarks="same", archived=False), NOW) == []


def test_a_lot_that_sales_took_below_zero_can_be_edited() -> None:
    assert after(a_lot(quantity=-2), remarks="new").quantity == -2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "edit"),
        ({"description": "x" * 256}, "edit.description"),
        ({"remarks": "<b>"}, "edit.remarks"),
        ({"location": "a\nb"}, "edit.location"),
        ({"add_tags": ("good", "two words")}, "edit.add_tags[1]"),
        ({"add_tags": tuple(f"t{number}" for number in range(21))}, "edit.add_tags"),
        ({"add_tags": ("a",), "remove_tags": ("b", "a")}, "edit.remove_tags[1]"),
        ({"price": PriceEdit()}, "edit.price"),
        ({"price": PriceEdit(set=euros("1"), by_percent=Decimal(1))}, "edit.price"),
        ({"price": PriceEdit(set=euros("0"))}, "edit.price.set"),
        ({"price": PriceEdit(set=Money(Decimal(1), "USD"))}, "edit.price.set"),
        ({"price": PriceEdit(by_percent=Decimal(-100))}, "edit.price.by_percent"),
        ({"price": PriceEdit(by_percent=Decimal(10_001))}, "edit.price.by_percent"),
        ({"price": PriceEdit(by_amount=Decimal(1), places=5)}, "edit.price.places"),
    ],
)
def test_what_no_lot_could_take_is_refused_at_once(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        check_edit(LotEdit(**said), "EUR")
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_before_the_first_price_any_currency_will_do() -> None:
    edit = LotEdit(price=PriceEdit(set=Money(Decimal(1), "USD")))
    assert check_edit(edit, None) == edit
