"""What the undo of a change does to the lot as it is now: a table."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from inventory.domain.changes import Cause, Change, ChangeSource, ChangeType, Difference
from inventory.domain.errors import ChangedSince, NotEnoughPieces, NotUndoable
from inventory.domain.lot import Condition, Item, ItemType, Lot, LotFields, Stockroom, Tier, UsedGrade, create
from inventory.domain.shown import shown_change
from inventory.domain.undo import undo
from inventory.testing.lots import LOT_ID, NOON, a_lot

LATER = NOON + timedelta(hours=1)
Step = Callable[[Lot], tuple[Lot, Difference]]


def update(**values: object) -> Step:
    return lambda lot: lot.update(replace(lot, **values), NOON)  # type: ignore[arg-type]


def adjust(by: int = 0, reserved_by: int = 0) -> Step:
    return lambda lot: lot.adjust(by=by, reserved_by=reserved_by, now=NOON)


def sell(pieces: int) -> Step:
    return lambda lot: lot.sell(pieces, NOON)


def take_back(pieces: int) -> Step:
    return lambda lot: lot.take_back(pieces, unsold=pieces, now=NOON)


def archive(lot: Lot) -> tuple[Lot, Difference]:
    return lot.archive(NOON)


def restore(lot: Lot) -> tuple[Lot, Difference]:
    return lot.restore(NOON)


def change_of(lot: Lot, difference: Difference, source: ChangeSource = ChangeSource.USER) -> Change:
    before, after = shown_change(difference.before, difference.after)
    return Change(
        change_id=LOT_ID,
        lot_id=lot.lot_id,
        seller_id=lot.seller_id,
        revision=lot.revision,
        type=difference.type,
        before=before,
        after=after,
        quantity_delta=difference.quantity_delta,
        reserved_delta=difference.reserved_delta,
        cause=Cause(source=source, actor="user-1", at=NOON, correlation_id="c"),
    )


def creation() -> tuple[Lot, Change]:
    made = a_lot()
    said = LotFields(**{name: getattr(made, name) for name in LotFields.__dataclass_fields__})
    lot, difference = create(said, lot_id=LOT_ID, seller_id="seller-a", now=NOON)
    return lot, change_of(lot, difference)


def told(lot: Lot) -> dict[str, object]:
    """All that a seller sees of a lot."""
    return {name: getattr(lot, name) for name in (*LotFields.__dataclass_fields__, "archived", "sold")}


START = a_lot(reserved=5, tiers=(Tier(10, Decimal("0.11")),), tags=("rare",))
SET = Item(type=ItemType.PART, number="3002", color_id=1, condition=Condition.NEW)
DONE = {
    "pieces added": adjust(10),
    "pieces taken": adjust(-10),
    "pieces moved": adjust(-3, 3),
    "an absolute quantity": update(quantity=7),
    "a price": update(unit_price=Decimal("0.2")),
    "tiers": update(tiers=()),
    "another item": update(item=SET),
    "a colour": update(item=replace(START.item, color_id=1)),
    "text": update(description="x", remarks="y", location="A1"),
    "the others": update(
        used_grade=UsedGrade.GOOD,
        cost=Decimal("0.04"),
        stockroom=Stockroom.B,
        retain=True,
        weight_grams=Decimal("2.5"),
        tags=("a", "b"),
        bulk=2,
        sale_percent=5,
    ),
    "a lot put away": archive,
}


@pytest.mark.parametrize("step", DONE.values(), ids=DONE.keys())
def test_an_undo_puts_back_what_it_was_and_its_undo_does_it_again(step: Step) -> None:
    lot, difference = step(START)
    undone, compensation = undo(lot, change_of(lot, difference), ordered_delta=0, now=LATER)
    assert told(undone) == told(START)
    assert undone.revision == lot.revision + 1
    redone, _ = undo(undone, change_of(undone, compensation, ChangeSource.UNDO), ordered_delta=0, now=LATER)
    assert told(redone) == told(lot)


def test_a_restored_lot_is_put_away_again() -> None:
    lot, difference = restore(archive(START)[0])
    undone, compensation = undo(lot, change_of(lot, difference), ordered_delta=0, now=LATER)
    assert (undone.archived, compensation.type) == (True, ChangeType.ARCHIVED)


def test_no_undo_brings_back_what_was_sold_since() -> None:
    lot, difference = adjust(10)(START)
    undone, compensation = undo(sell(25)(lot)[0], change_of(lot, difference), ordered_delta=-25, now=LATER)
    assert (undone.quantity, undone.sold, compensation.quantity_delta) == (15, 25, -10)


def test_what_others_changed_since_stays() -> None:
    lot, difference = update(remarks="mine")(START)
    since = update(unit_price=Decimal("0.3"), quantity=12)(lot)[0]
    undone, _ = undo(since, change_of(lot, difference), ordered_delta=0, now=LATER)
    assert (undone.remarks, undone.unit_price, undone.quantity) == ("", Decimal("0.3"), 12)


def test_a_lot_below_zero_may_get_pieces_back() -> None:
    lot, difference = adjust(-10)(START)
    undone, _ = undo(sell(35)(lot)[0], change_of(lot, difference), ordered_delta=-35, now=LATER)
    assert undone.quantity == 5


@dataclass(frozen=True)
class Refused:
    first: Step
    since: Step
    names: str


REFUSED = {
    "a field set again": Refused(update(remarks="a", location="A1"), update(remarks="b"), "remarks"),
    "two fields set again": Refused(update(remarks="a", bulk=2), update(remarks="b", bulk=3), "bulk, remarks"),
    "another colour since": Refused(
        update(item=replace(START.item, color_id=1)), update(item=replace(START.item, color_id=11)), "color_id"
    ),
    "restored since": Refused(archive, restore, "archived"),
    "tiers came that need the price": Refused(
        update(unit_price=Decimal("0.5")), update(tiers=(Tier(10, Decimal("0.4")),)), "tiers[0].unit_price"
    ),
    "too many pieces by now": Refused(adjust(-40), adjust(9_999_999), "quantity"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_changed_since_is_named(case: Refused) -> None:
    lot, difference = case.first(START)
    with pytest.raises(ChangedSince, match="undone: " + case.names.replace("[", r"\[")):
        undo(case.since(lot)[0], change_of(lot, difference), ordered_delta=0, now=LATER)


@pytest.mark.parametrize("since", [sell(45), adjust(-45)], ids=["sold", "taken"])
def test_pieces_that_are_gone_cannot_be_taken_again(since: Step) -> None:
    lot, difference = adjust(10)(START)
    with pytest.raises(NotEnoughPieces):
        undo(since(lot)[0], change_of(lot, difference), ordered_delta=0, now=LATER)


@pytest.mark.parametrize(("step", "source"), [(sell(3), ChangeSource.ORDER), (take_back(3), ChangeSource.RETURN)])
def test_what_orders_did_cannot_be_undone(step: Step, source: ChangeSource) -> None:
    """Rule S5."""
    lot, difference = step(START)
    with pytest.raises(NotUndoable):
        undo(lot, change_of(lot, difference, source), ordered_delta=difference.quantity_delta, now=LATER)


@pytest.mark.parametrize(
    ("since", "ordered_delta"),
    [((), 0), ((sell(50),), -50), ((sell(5), take_back(2)), -3)],
    ids=["no order", "a sale", "a sale and a return"],
)
def test_a_creation_is_undone_by_putting_the_lot_away(since: tuple[Step, ...], ordered_delta: int) -> None:
    lot, created = creation()
    for step in since:
        lot, _ = step(lot)
    undone, compensation = undo(lot, created, ordered_delta=ordered_delta, now=LATER)
    assert undone.archived
    assert (undone.quantity, compensation.quantity_delta) == (40 + ordered_delta, 0)
    redone, _ = undo(undone, change_of(undone, compensation, ChangeSource.UNDO), ordered_delta=ordered_delta, now=LATER)
    assert told(redone) == told(lot)


SINCE_CREATION = {"quantity": adjust(1), "reserved": adjust(0, 1), "remarks": update(remarks="x"), "archived": archive}


@pytest.mark.parametrize(("name", "since"), SINCE_CREATION.items())
def test_a_creation_stays_if_somebody_did_anything_since(name: str, since: Step) -> None:
    lot, created = creation()
    with pytest.raises(ChangedSince, match=f"undone: {name}"):
        undo(since(lot)[0], created, ordered_delta=0, now=LATER)
