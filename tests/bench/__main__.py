"""Start the product once, measure, and print a table: `make bench`."""

import asyncio
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from bench.create_lot import create_lot
from bench.list_lots import PageCompared, list_lots
from bench.many_lots import fill_shop
from bench.publishing import publishing
from bench.rates import Compared
from bench.shop_call import commit_to_shop_call
from bench.transaction import create_lot_transaction
from devstack.testing import Stack, temporary_stack

_LOTS = 1000


async def _measure(stack: Stack) -> None:
    compared = [await create_lot(stack), await create_lot_transaction(stack), await publishing(stack)]
    pages = await list_lots(stack)
    waits = await commit_to_shop_call(stack)
    filled = await fill_shop(stack, _LOTS)
    console = Console()
    console.print(_table(compared))
    console.print(_pages_table(pages))
    p95 = quantiles(waits, n=20)[-1]
    console.print(
        f"From a change's commit to its call at the shop: {median(waits) * 1000:.0f} ms in the median, "
        f"{p95 * 1000:.0f} ms at the 95th percentile, of {len(waits)}."
    )
    console.print(filled.words)


def _table(compared: list[Compared]) -> Table:
    table = Table("ours", "a second", "bare", "a second", "ours / bare")
    for one in compared:
        row = (f"{one.our_rate:,.0f}", one.bare, f"{one.bare_rate:,.0f}", f"{one.our_rate / one.bare_rate:.2f}")
        table.add_row(one.ours, *row)
    return table


def _pages_table(pages: list[PageCompared]) -> Table:
    table = Table("a page of 100,000 lots", "95 % within", "its SQL by psycopg alone", "ours / bare")
    for one in pages:
        table.add_row(one.asked, f"{one.ours * 1000:.1f} ms", f"{one.bare * 1000:.1f} ms", f"{one.ours / one.bare:.2f}")
    return table


if __name__ == "__main__":
    with temporary_stack() as stack:
        asyncio.run(_measure(stack))
