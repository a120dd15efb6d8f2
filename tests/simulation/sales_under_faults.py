"""How soon a sale is gone from the other shop while a tenth of all calls to both shops fails: `python -m
simulation.sales_under_faults` prints a table, in virtual time.
"""

import argparse
from collections.abc import Sequence
from datetime import timedelta

from simulation.failing_shop import Fault
from simulation.one_stock import OneStock, Sale, ServedShop

LOTS = 150
WITHIN = timedelta(seconds=60)
_HOUR = timedelta(hours=1)
_AT_REST = timedelta(minutes=45)
"""Longer than the lag window, which the last doubts take."""


def lived(fault: Fault | None, *, sales: int, hours: float, seed: int, settle: bool = True) -> OneStock:
    """Sell for some hours while calls fail, and go on failing them until all should be gone; then come to rest."""
    stock = OneStock(seed, lots=LOTS)
    stock.fail(fault)
    stock.sell(sales, _HOUR * hours)
    stock.agenda.pass_time(timedelta(minutes=10))
    stock.fail(None)
    if settle:
        stock.agenda.pass_time(_AT_REST)
    return stock


def share_within(sales: Sequence[Sale], time: timedelta = WITHIN) -> float:
    """How many of the sales were gone from the other shop so long after they had been counted."""
    return sum(sale.waited <= time for sale in sales) / len(sales)


def _row(fault: Fault | None, shop: ServedShop) -> str:
    sales = shop.other.sales
    waits = sorted(sale.waited.total_seconds() for sale in sales)
    seen = sorted((sale.counted_at - sale.bought_at).total_seconds() for sale in sales if sale.counted_at)
    numbers = [f"{each[len(each) * part // 100]:7.1f}" for each in (seen, waits) for part in (50, 95, 99)]
    name = fault.value if fault else "none"
    return f"{name:<18} {shop.model.facts.marketplace:<9} {' '.join(numbers)} {share_within(sales):7.1%}"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=100, help="in each shop, an hour")
    parser.add_argument("--hours", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{'fault':<18} {'gone from':<9} {'bought to counted':^23} {'counted to gone':^23} in 60 s")  # noqa: T201
    for fault in (None, *Fault):
        sales = round(arguments.sales * arguments.hours)
        stock = lived(fault, sales=sales, hours=arguments.hours, seed=arguments.seed)
        for shop in stock.shops:
            print(_row(fault, shop), flush=True)  # noqa: T201
        for words in stock.wrong():
            print(f"WRONG {words}")  # noqa: T201


if __name__ == "__main__":
    main()
