"""Live many seeds on all cores: `make simulate SEEDS=10000`; a failing one prints how to live it again."""

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from simulation.blind import weigh_all
from simulation.over_postgres import run_over_postgres
from simulation.runs import Run, find_failing, run_all, table
from simulation.seeds import BOTH, BRICKLINK, SHOPS
from simulation.switches import FIRST_FAILING, switches_of


def _live(runs: Iterable[Run], shop: str) -> int:
    again = "make simulate" if shop == BRICKLINK else f'make simulate ARGS="--shop {shop}"'
    struck: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    lived = failed = 0
    for run in runs:
        lived += 1
        struck += run.struck
        decided += run.decided
        if run.words:
            failed += 1
            print(f"seed {run.seed}: {run.words}\n  again: {again} FIRST={run.seed} SEEDS=1", flush=True)  # noqa: T201
    print(f"\nwhat struck how often\n{table(struck)}\n\nwhat decided how often\n{table(decided)}\n")  # noqa: T201
    print(f"{lived - failed} passed, {failed} failed")  # noqa: T201
    return 1 if failed else 0


def _switch(seeds: range, shop: str, *, record: bool) -> int:
    found: dict[str, int] = {}
    by_rule = switches_of(shop)
    print(f"{'rule':<20} judgement  first seed  without it")  # noqa: T201
    for rule, seed in find_failing(seeds, shop):
        switch = by_rule[rule]
        shown = "none" if seed is None else seed
        found |= {} if seed is None else {rule: seed}
        print(f"{rule:<20} {switch.judgement:>9} {shown:>11}  {switch.without}", flush=True)  # noqa: T201
    if record:
        recorded = json.dumps({**FIRST_FAILING, shop: found}, indent=2) + "\n"
        (Path(__file__).parent / "first_failing.json").write_text(recorded)
    return 1 if len(found) < len(by_rule) else 0


def _compare(seeds: range) -> int:
    ours, blind = weigh_all(seeds, blind=False), weigh_all(seeds, blind=True)
    print(f"{'':<32} {'looking':>9} {'sending again':>14}")  # noqa: T201
    for name in sorted(ours.keys() | blind.keys()):
        print(f"{name:<32} {ours[name]:>9} {blind[name]:>14}")  # noqa: T201
    return 0


def main() -> int:
    """Run the command line."""
    logging.disable(logging.WARNING)  # what the engine tells an operator
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first (default: 0)")
    parser.add_argument("--shop", choices=SHOPS, default=BRICKLINK, help="whose model (default: bricklink)")
    parser.add_argument("--switches", action="store_true", help="turn each rule off, and find the life that needs it")
    parser.add_argument(
        "--blind", action="store_true", help="compare with a policy that sends again instead of looking"
    )
    parser.add_argument("--store", choices=("memory", "postgres"), default="memory", help="postgres: beside the other")
    parser.add_argument("--record", action="store_true", help="with --switches: keep those lives for the test")
    asked = parser.parse_args()
    if asked.shop == BOTH and (asked.blind or asked.store == "postgres"):
        parser.error("--blind and --store postgres are for one shop")
    seeds = range(asked.first, asked.first + asked.seeds)
    if asked.blind:
        return _compare(seeds)
    if asked.switches:
        return _switch(seeds, asked.shop, record=asked.record)
    over_postgres = asked.store == "postgres"
    runs = run_over_postgres(seeds, asked.shop) if over_postgres else run_all(seeds, asked.shop)
    return _live(runs, asked.shop)


if __name__ == "__main__":
    sys.exit(main())
