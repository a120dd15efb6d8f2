"""How many pieces had left the shop at a moment of its clock, by all orders known later: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncengine.rows import LineRow


def sold_after(lines: Sequence[LineRow], moment: datetime, doubt: timedelta) -> frozenset[int]:
    """Add up the pieces of lines later than `moment`.

    An order shows when it was placed and when it last changed, not when each piece left, and clocks are coarse: so
    several sums are possible.
    """
    surely = sum(line.total for line in lines if line.ordered_at > moment + doubt)
    sums = {surely}
    for line in lines:
        if line.ordered_at > moment + doubt or line.grown_at < moment - doubt:
            continue
        parts = (0, line.total) if line.grown_at == line.ordered_at else range(line.total + 1)
        sums = {each + part for each in sums for part in parts}
    return frozenset(sums)
