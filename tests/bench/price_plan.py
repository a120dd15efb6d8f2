"""Another price for every lot of a large shop: what its plan says, and the virtual clock: `make measure-plan`.

The engine's own code and times, with a store and a shop in memory, which allows a day's calls as BrickLink does.
"""

import argparse
import asyncio
import logging

from rich.console import Console

from bench.indexed_store import IndexedStore
from syncengine.settings import Settings
from syncengine.testing.running_out import plan_prices

_CALLS_A_DAY = 5000


async def _measure(lots: int, console: Console) -> None:
    store = IndexedStore()
    planned = await plan_prices(lots, calls_a_day=_CALLS_A_DAY, settings=Settings(), store=store)
    console.print(
        f"{lots} new prices under {_CALLS_A_DAY} calls a day: {planned.told.total_calls} calls, done after "
        f"{planned.said}, bound by {planned.told.bound_by}."
    )
    made = len(planned.world.shop.writes)
    took = await planned.run_out()
    writes = len(planned.world.shop.writes) - made
    console.print(f"In the virtual clock it took {took}: {took / planned.said:.3f} of that, by {writes} writes.")


if __name__ == "__main__":
    logging.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=20_000)
    asyncio.run(_measure(parser.parse_args().lots, Console()))
