"""What a row of a file does to a lot that is there: a table."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from inventory.domain.changes import ChangeType
from inventory.domain.errors import InvalidFields, InvalidLot, NotEnoughPieces
from inventory.domain.importing import NoSuchLotAnyMore, Pieces, add_pieces, expect_equal, replace_by
from inventory.domain.lot import MOST_PIECES, Lot, LotFields, Tier, UsedGrade
from inventory.testing.lots import NOON, a_lot

LATER = NOON + timedelta(hours=1)
LOT = a_lot(quantity=40, reserved=2, remarks="A1", location="shelf 7", tiers=(Tier(10, Decimal("0.1")),))
ALL = frozenset({"unit_price", "tiers", "remarks", "used_grade", "weight_grams", "reserved"})


def said(lot: Lot = LOT, **values: object) -> LotFields:
    own = {name: getattr(lot, name) for name in LotFields.__dataclass_fields__}
    return LotFields(**(own | values))


def test_added_pieces_change_nothing_else() -> None:
    lot, difference = add_pieces(LOT, said(quantity=5, remarks="other", unit_price=Decimal(9)), LATER)
    assert (lot.quantity, lot.remarks, lot.unit_price) == (45, "A1", LOT.unit_price)
    assert (difference.type, difference.quantity_delta) == (ChangeType.ADJUSTED, 5)
    assert not add_pieces(LOT, said(quantity=0), LATER)[1]
    with pytest.raises(InvalidFields):
        add_pieces(LOT, said(quantity=MOST_PIECES), LATER)


@pytest.mark.parametrize(
    ("now", "in_file", "then", "after"),
    [(40, 100, 40, 100), (33, 100, 40, 93), (33, 40, 40, 33), (50, 20, 40, 30), (-2, 10, 0, 8), (-2, 10, -2, 10)],
)
def test_a_replaced_quantity_moves_by_the_difference(now: int, in_file: int, then: int, after: int) -> None:
    lot = replace(LOT, quantity=now)
    changed, difference = replace_by(lot, said(quantity=in_file), names=ALL, then=Pieces(then, 2), now=LATER)
    assert (changed.quantity, difference.quantity_delta) == (after, after - now)


def test_only_what_the_file_can_say_and_does_is_replaced() -> None:
    lot = replace(LOT, used_grade=UsedGrade.GOOD, weight_grams=Decimal(2))
    row = said(remarks="B2", location="", unit_price=Decimal(3), used_grade=None, weight_grams=None, tiers=())
    changed, difference = replace_by(lot, row, names=ALL, then=Pieces(40, 2), now=LATER)
    assert (changed.remarks, changed.unit_price, changed.tiers) == ("B2", Decimal(3), ())
    assert (changed.location, changed.used_grade, changed.weight_grams) == ("shelf 7", UsedGrade.GOOD, Decimal(2))
    assert (difference.type, sorted(difference.after)) == (ChangeType.UPDATED, ["remarks", "tiers", "unit_price"])


def test_an_equal_row_changes_nothing() -> None:
    lot, difference = replace_by(LOT, said(), names=ALL, then=Pieces(40, 2), now=LATER)
    assert (lot, bool(difference)) == (LOT, False)


def test_pieces_that_are_gone_cannot_be_taken() -> None:
    with pytest.raises(NotEnoughPieces, match="2 pieces for sale"):
        replace_by(replace(LOT, quantity=2), said(quantity=10), names=ALL, then=Pieces(40, 2), now=LATER)
    with pytest.raises(NotEnoughPieces, match="2 pieces set aside"):
        replace_by(LOT, said(reserved=0), names=ALL, then=Pieces(40, 3), now=LATER)
    with pytest.raises(InvalidFields, match="of at most"):
        replace_by(LOT, said(quantity=MOST_PIECES), names=ALL, then=Pieces(0, 2), now=LATER)


def test_the_lot_as_a_whole_keeps_the_rules() -> None:
    """The file has no columns of tiers, and its price is below one."""
    with pytest.raises(InvalidLot, match=r"tiers\[0\]"):
        replace_by(LOT, said(unit_price=Decimal("0.05")), names={"unit_price"}, then=Pieces(40, 2), now=LATER)


def test_a_lot_that_is_another_one_now_is_left_alone() -> None:
    assert expect_equal(LOT, LOT.item) is LOT
    for changed in (None, replace(LOT, archived=True), replace(LOT, item=replace(LOT.item, color_id=1))):
        with pytest.raises(NoSuchLotAnyMore):
            expect_equal(changed, LOT.item)
