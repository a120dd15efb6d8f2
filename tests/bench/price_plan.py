"""Another price for every lot of a large shop: what its plan says, and the virtual clock: `make measure-plan`.

The engine's own code and times, over PostgreSQL, with a shop in memory that allows a day's calls as BrickLink does.
"""

import argparse
import asyncio
import logging

from rich.console import Console
from simulation.over_postgres import BUCKET, database, fill

from servicekit.postgres import create_engine
from syncengine.rows import Settings
from syncengine.store.postgres import PostgresStore
from syncengine.testing.running_out import plan_prices

_CALLS_A_DAY = 5000


async def _measure(lots: int, console: Console) -> None:
    planned = await plan_prices(lots, calls_a_day=_CALLS_A_DAY, settings=Settings())
    console.print(
        f"{lots} new prices under {_CALLS_A_DAY} calls a day: {planned.told.total_calls} calls, done after "
        f"{planned.said}, bound by {planned.told.bound_by}."
    )
    made = len(planned.world.shop.writes)
    with database() as (url, _):
        engine = create_engine(url)
        store = PostgresStore(engine, bucket=BUCKET)
        await fill(store, planned.world.store.tables)
        took = await planned.run_out(store)
        await engine.dispose()
    writes = len(planned.world.shop.writes) - made
    console.print(f"In the virtual clock it took {took}: {took / planned.said:.3f} of that, by {writes} writes.")


if __name__ == "__main__":
    logging.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=20_000)
    asyncio.run(_measure(parser.parse_args().lots, Console()))
