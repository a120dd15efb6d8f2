"""How long sales wait to be seen by polling alone, under BrickLink's calls: `python -m bench.polling`.

A simulated week of orders, with four weeks before it to learn from: nights, weekends and rushes. The engine's own
policy, beside a poll every ten minutes, and beside polls at one pace with as many calls.
"""

import argparse
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from sync_bricklink.listing import facts
from syncengine.budget import for_reads, pace_of
from syncengine.listing import SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.settings import Settings
from syncengine.testing.weeks import WEEK, NextPoll, Outcome, adaptive, fixed, lived, weeks_of_orders

_TEN_MINUTES = timedelta(minutes=10)
_WINDOW = timedelta(hours=24)


def _compare(a_day: float, bursts: float, seeds: int, table: Table) -> None:
    bricklink, settings = facts(5000), Settings()
    for_polls, reserved = for_reads(ConnectionRow(seller_id=SellerId("bench")), bricklink, settings)
    pace = pace_of(bricklink, settings)
    found: dict[str, list[Outcome]] = {"every ten minutes": [], "one pace, as many calls": [], "the policy": []}
    for seed in range(seeds):
        before, orders = weeks_of_orders(a_day, bursts=bursts, seed=seed)

        def week(polls: NextPoll, orders: list[datetime] = orders) -> Outcome:
            return lived(orders, polls, window=_WINDOW, poll_calls=pace.poll_calls)

        ours = week(adaptive(before, pace, window=_WINDOW, for_polls=for_polls, reserved=reserved))
        found["the policy"].append(ours)
        found["every ten minutes"].append(week(fixed(_TEN_MINUTES)))
        found["one pace, as many calls"].append(week(fixed(WEEK / (ours.calls - len(ours.waits)))))
    for name, weeks in found.items():
        waits = sorted(wait for each in weeks for wait in each.waits)
        table.add_row(
            f"{a_day:g} a day, {bursts:.0%} in rushes",
            name,
            f"{sum(waits) / len(waits):.0f} s",
            f"{waits[int(len(waits) * 0.95)]:.0f} s",
            f"{sum(each.calls for each in weeks) / len(weeks) / 7:.0f}",
            f"{max(each.most for each in weeks)}",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="weeks of each kind")
    asked = parser.parse_args()
    table = Table("orders", "polled", "mean wait", "95 % within", "calls a day", "most in 24 h")
    for a_day in (5.0, 20.0, 60.0, 150.0):
        for bursts in (0.0, 0.3):
            _compare(a_day, bursts, asked.seeds, table)
    Console(width=110).print(table)
