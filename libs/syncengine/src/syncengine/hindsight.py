"""How many pieces had left the shop at a moment of its clock, by all orders known later: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncengine.rows import LineRow

_FEW = 8


def sold_after(lines: Sequence[LineRow], moment: datetime, doubt: timedelta) -> frozenset[int]:
    """Add up the pieces of lines later than `moment`.

    Lines within `doubt` of it may be later or not (rule Q1), so several sums are possible; the smallest is sure.
    """
    surely = sum(line.total for line in lines if line.grown_at > moment + doubt)
    maybe = [line.total for line in lines if abs(line.grown_at - moment) <= doubt]
    if len(maybe) > _FEW:
        return frozenset(range(surely, surely + sum(maybe) + 1))
    sums = {surely}
    for pieces in maybe:
        sums |= {each + pieces for each in sums}
    return frozenset(sums)
