"""Which sales count, and what comes back: rules S3, S4 and C3 as a table."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from inventory.domain.sales import KeptLine, LineKey, ReturnAnswer, SaleKind, ToldLine, answered, count
from inventory.testing.lots import LOT_ID, NOON

KEY = LineKey("seller-a", "bricklink", "9000042", "50001001")
BEFORE, AFTER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


def told(
    kind: SaleKind,
    total: int,
    *,
    seq: int = 10,
    at: datetime = AFTER,
    ours: bool = False,
    returned: int = 0,
) -> ToldLine:
    return ToldLine(
        key=KEY,
        lot_id=LOT_ID,
        total=total,
        kind=kind,
        seq=seq,
        ordered_at=at,
        listing_is_ours=ours,
        returned=returned,
    )


def kept(total: int, *, seq: int = 5, sold: int | None = None) -> KeptLine:
    return KeptLine(
        key=KEY,
        lot_id=LOT_ID,
        total=total,
        told_total=total,
        sold=total if sold is None else sold,
        seq=seq,
        kind=SaleKind.SALE,
        ordered_at=AFTER,
    )


@dataclass(frozen=True)
class Case:
    told: ToldLine
    kept: KeptLine | None
    total: int
    sold: int
    baseline_at: datetime | None = None
    open_return: int = 0


CASES = {
    "a new order is counted": Case(told(SaleKind.SALE, 3), None, total=3, sold=3),
    "an order before the lot was counted is in its count": Case(
        told(SaleKind.SALE, 3, at=BEFORE), None, total=3, sold=0
    ),
    "an order at the very moment of the count is in it": Case(told(SaleKind.SALE, 3, at=NOON), None, total=3, sold=0),
    "an order before the baseline is in the seller's count": Case(
        told(SaleKind.SALE, 3), None, total=3, sold=0, baseline_at=AFTER + timedelta(seconds=1)
    ),
    "an order after the baseline is counted": Case(told(SaleKind.SALE, 3), None, total=3, sold=3, baseline_at=NOON),
    "the later of baseline and count decides": Case(
        told(SaleKind.SALE, 3, at=BEFORE), None, total=3, sold=0, baseline_at=BEFORE - timedelta(hours=1)
    ),
    "a listing of ours sells only what was counted before": Case(
        told(SaleKind.SALE, 3, at=BEFORE, ours=True), None, total=3, sold=3, baseline_at=AFTER
    ),
    "a cancelled order took its pieces all the same": Case(
        told(SaleKind.SALE, 3, returned=3), None, total=3, sold=3, open_return=3
    ),
    "a raised total counts the difference": Case(told(SaleKind.SALE, 8), kept(5), total=8, sold=3),
    "a raise counts whatever the order's date": Case(told(SaleKind.SALE, 8, at=BEFORE), kept(5), total=8, sold=3),
    "the same total again counts nothing": Case(told(SaleKind.SALE, 5), kept(5), total=5, sold=0),
    "a lower total changes nothing by itself": Case(told(SaleKind.SALE, 2), kept(5), total=5, sold=0, open_return=3),
    "a cancelled order changes nothing by itself": Case(
        told(SaleKind.SALE, 5, returned=5), kept(5), total=5, sold=0, open_return=5
    ),
    "an order cancelled in part was sold whole": Case(
        told(SaleKind.SALE, 5, returned=2), None, total=5, sold=5, open_return=2
    ),
    "an order from before the count that is cancelled asks for its pieces": Case(
        told(SaleKind.SALE, 3, at=BEFORE, returned=3), None, total=3, sold=0, open_return=3
    ),
    "an older message is ignored": Case(told(SaleKind.SALE, 8, seq=4), kept(5), total=5, sold=0),
    "the same message again is ignored": Case(told(SaleKind.SALE, 8, seq=5), kept(5), total=5, sold=0),
    "a baseline is stored and subtracts nothing": Case(told(SaleKind.BASELINE, 4), None, total=4, sold=0),
    "a baseline of a listing of ours subtracts nothing": Case(
        told(SaleKind.BASELINE, 4, ours=True), None, total=4, sold=0
    ),
    "a baseline over a counted line subtracts nothing": Case(told(SaleKind.BASELINE, 7), kept(5), total=7, sold=0),
    "a baseline lowers no counted line": Case(told(SaleKind.BASELINE, 1), kept(5), total=5, sold=0, open_return=4),
    "a recount of a lost line counts it": Case(told(SaleKind.RECOUNT, 3), None, total=3, sold=3),
    "a recount of a line before the count does not": Case(told(SaleKind.RECOUNT, 3, at=BEFORE), None, total=3, sold=0),
    "a recount of an unknown line that is cut does not": Case(
        told(SaleKind.RECOUNT, 3, returned=3), None, total=0, sold=0
    ),
    "a recount of an old line that is cut keeps its total": Case(
        told(SaleKind.RECOUNT, 3, returned=3, at=BEFORE), None, total=3, sold=0, open_return=3
    ),
    "a recount raises a total": Case(told(SaleKind.RECOUNT, 6), kept(5), total=6, sold=1),
    "a recount raises no total of a cut line": Case(
        told(SaleKind.RECOUNT, 6, returned=6), kept(5), total=5, sold=0, open_return=5
    ),
    "a recount never lowers": Case(told(SaleKind.RECOUNT, 2), kept(5), total=5, sold=0, open_return=3),
    "a recount raises no total of a line that is cut in part": Case(
        told(SaleKind.RECOUNT, 6, returned=4), kept(5), total=5, sold=0, open_return=3
    ),
    "a return of an order never told counts what it kept": Case(told(SaleKind.RETURN, 2), None, total=2, sold=2),
    "a return of an old order never told is in the count": Case(
        told(SaleKind.RETURN, 2, at=BEFORE), None, total=2, sold=0
    ),
    "a return never raises": Case(told(SaleKind.RETURN, 8), kept(5), total=5, sold=0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_a_told_line_changes(case: Case) -> None:
    counted = count(case.told, case.kept, baseline_at=case.baseline_at, counted_at=NOON)
    assert (counted.line.total, counted.sold, counted.came_back) == (case.total, case.sold, 0)
    assert counted.line.open_return == case.open_return
    assert counted.line.sold == case.sold + (case.kept.sold if case.kept else 0)


@dataclass(frozen=True)
class Back:
    told: ToldLine
    kept: KeptLine
    total: int
    came_back: int
    unsold: int
    open_return: int = 0


BACK = {
    "a return gives back the difference": Back(told(SaleKind.RETURN, 2), kept(5), total=2, came_back=3, unsold=3),
    "a return may leave others open": Back(
        told(SaleKind.RETURN, 4, returned=3), kept(5), total=4, came_back=1, unsold=1, open_return=3
    ),
    "a return counts whatever the order's date": Back(
        told(SaleKind.RETURN, 0, at=BEFORE), kept(5), total=0, came_back=5, unsold=5
    ),
    "pieces of an order from before the count are in nobody's count": Back(
        told(SaleKind.RETURN, 1), kept(5, sold=0), total=1, came_back=4, unsold=0
    ),
    "what was counted last comes back first": Back(
        told(SaleKind.RETURN, 1), kept(5, sold=3), total=1, came_back=4, unsold=3
    ),
    "a return of a return's total changes nothing": Back(
        told(SaleKind.RETURN, 5), kept(5), total=5, came_back=0, unsold=0
    ),
    "the same return again is ignored": Back(told(SaleKind.RETURN, 2, seq=5), kept(5), total=5, came_back=0, unsold=0),
}


@pytest.mark.parametrize("case", BACK.values(), ids=BACK.keys())
def test_what_a_return_gives_back(case: Back) -> None:
    counted = count(case.told, case.kept, baseline_at=NOON, counted_at=NOON)
    assert (counted.line.total, counted.sold) == (case.total, 0)
    assert (counted.came_back, counted.unsold) == (case.came_back, case.unsold)
    assert counted.line.sold == case.kept.sold - case.unsold
    assert counted.line.open_return == case.open_return


def test_what_came_back_can_be_sold_again_by_the_same_order() -> None:
    back = count(told(SaleKind.RETURN, 2, seq=11), kept(5), baseline_at=None, counted_at=NOON).line
    again = count(told(SaleKind.SALE, 5, seq=12), back, baseline_at=None, counted_at=NOON)
    assert (again.line.total, again.sold, again.line.sold) == (5, 3, 5)


def test_a_kept_total_remembers_what_was_told() -> None:
    line = count(told(SaleKind.SALE, 2, seq=11), kept(5), baseline_at=None, counted_at=NOON).line
    assert (line.total, line.told_total, line.seq) == (5, 2, 11)


def test_an_ignored_message_leaves_the_line_as_it_was() -> None:
    line = kept(5, seq=9)
    assert count(told(SaleKind.SALE, 7, seq=8), line, baseline_at=None, counted_at=NOON).line is line


PUT_BACK, GONE = ReturnAnswer.PUT_BACK, ReturnAnswer.NOT_COMING_BACK
SALE, RETURN, RECOUNT = SaleKind.SALE, SaleKind.RETURN, SaleKind.RECOUNT

# What is told, or answered, one after another, and then: pieces that the lot lacks by this line, and open ones.
LIVES: dict[str, tuple[list[tuple[SaleKind, int, int] | ReturnAnswer], int, int]] = {
    "put back": ([(SALE, 5, 0), (SALE, 5, 2), PUT_BACK], 3, 0),
    "not coming back": ([(SALE, 5, 0), (SALE, 5, 2), GONE], 5, 0),
    "put back, and told again": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 2)], 3, 0),
    "put back, and told again after a loss of ours": ([(SALE, 5, 2), PUT_BACK, (RECOUNT, 5, 2)], 3, 0),
    "not coming back, and told again": ([(SALE, 5, 2), GONE, (SALE, 5, 2), (RECOUNT, 5, 2)], 5, 0),
    "put back, and seen in the shop too": ([(SALE, 5, 2), PUT_BACK, (RETURN, 3, 0)], 3, 0),
    "put back, and one of two seen in the shop": ([(SALE, 5, 2), PUT_BACK, (RETURN, 4, 1)], 3, 0),
    "not coming back, and seen in the shop after all": ([(SALE, 5, 2), GONE, (RETURN, 3, 0)], 3, 0),
    "put back, and one more returned": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 3)], 3, 1),
    "put back, one more returned, put back": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 3), PUT_BACK], 2, 0),
    "not coming back, and one more returned": ([(SALE, 5, 2), GONE, (SALE, 5, 3)], 5, 1),
    "put back, one more returned and gone": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 3), GONE, (SALE, 5, 3)], 3, 0),
    "put back, and the order holds them again": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 0)], 5, 0),
    "put back, and the order holds one again": ([(SALE, 5, 2), PUT_BACK, (SALE, 5, 1)], 4, 0),
    "not coming back, and the order holds them again": ([(SALE, 5, 2), GONE, (SALE, 5, 0)], 5, 0),
    "not coming back, held again, returned again": ([(SALE, 5, 2), GONE, (SALE, 5, 0), (SALE, 5, 2)], 5, 2),
    "put back, and the order grows": ([(SALE, 5, 2), PUT_BACK, (SALE, 7, 0)], 7, 0),
    "put back, and its sync service forgets them": ([(SALE, 5, 2), PUT_BACK, (RECOUNT, 3, 0)], 3, 0),
    "forgotten, and the order grows": ([(SALE, 5, 2), PUT_BACK, (RECOUNT, 3, 0), (SALE, 4, 0)], 4, 0),
    "forgotten, and cancelled": ([(SALE, 5, 2), PUT_BACK, (RECOUNT, 3, 0), (SALE, 3, 3)], 3, 3),
    "forgotten, cancelled, one seen": ([(SALE, 5, 2), PUT_BACK, (RECOUNT, 3, 0), (SALE, 3, 3), (RETURN, 2, 2)], 2, 2),
    "not coming back, and forgotten": ([(SALE, 5, 2), GONE, (RECOUNT, 3, 0)], 3, 0),
    "gone, forgotten, and the order grows": ([(SALE, 5, 2), GONE, (RECOUNT, 3, 0), (SALE, 4, 0)], 4, 0),
    "gone, forgotten, cancelled, put back": ([(SALE, 5, 2), GONE, (RECOUNT, 3, 0), (SALE, 3, 3), PUT_BACK], 0, 0),
    "told less by a recount, put back": ([(SALE, 5, 0), (RECOUNT, 1, 0), PUT_BACK], 1, 0),
    "told less, put back, told again": ([(SALE, 5, 0), (RECOUNT, 1, 0), PUT_BACK, (SALE, 1, 0), (RETURN, 1, 0)], 1, 0),
}
FORGOTTEN = {name: 2 for name in LIVES if name.startswith(("gone, forgotten", "not coming back, and forgotten"))}
"""Pieces written off of which the line no longer knows: the lot lacks them all the same."""


@pytest.mark.parametrize("name", LIVES)
def test_what_a_person_says_counts_once_whatever_is_told_afterwards(name: str) -> None:
    steps, lacking, still_open = LIVES[name]
    line: KeptLine | None = None
    lot = 0
    for seq, step in enumerate(steps, start=1):
        if isinstance(step, ReturnAnswer):
            assert line is not None
            counted = answered(line, step)
        else:
            kind, total, returned = step
            counted = count(told(kind, total, seq=seq, returned=returned), line, baseline_at=None, counted_at=NOON)
        line = counted.line
        lot += counted.came_back - counted.sold
    assert line is not None
    assert (line.total, line.open_return) == (lacking, still_open)
    assert lot == -lacking - FORGOTTEN.get(name, 0)
    assert 0 <= line.sold <= line.total + FORGOTTEN.get(name, 0)


def test_pieces_that_were_gone_when_the_lot_was_counted_come_back_unsold() -> None:
    old = count(told(SALE, 5, at=BEFORE, returned=2), None, baseline_at=None, counted_at=NOON)
    counted = answered(old.line, PUT_BACK)
    assert (old.sold, counted.came_back, counted.unsold, counted.line.open_return) == (0, 2, 0, 0)
