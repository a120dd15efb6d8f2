"""Many lives on all cores, and what came of them."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from simulation.deciding import counting
from simulation.seeds import BRICKLINK, live
from simulation.switches import BY_RULE, switches_of
from syncengine.testing.simulation.judges import Misjudged

LEAST_EVENTS = 300
LEAST_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One life, and how it was judged."""

    seed: int
    failed: int
    """The number of the judgement that failed; 0: none did."""
    words: str
    events: int
    struck: Counter[str]
    decided: Counter[str]


def run(seed: int, *, shop: str = BRICKLINK, without: str = "") -> Run:
    """Live one seed and count what decided; `without`: with this rule turned off."""
    with counting() as decided:
        try:
            if without:
                with BY_RULE[without].off():
                    life = live(seed, shop=shop)
            else:
                life = live(seed, shop=shop)
        except Misjudged as misjudged:
            return Run(seed, misjudged.number, str(misjudged), 0, Counter(), decided)
    return Run(seed, 0, "", life.events, life.struck, decided)


def run_all(seeds: Iterable[int], shop: str = BRICKLINK) -> Iterator[Run]:
    """Live many, in order."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(partial(run, shop=shop), seeds, chunksize=5)


def first_failing(rule: str, seeds: Iterable[int], shop: str = BRICKLINK) -> int | None:
    """Find the first life that passes with this rule, and without it fails the judgement that must."""
    wanted = BY_RULE[rule].judgement
    fails = (seed for seed in seeds if run(seed, shop=shop, without=rule).failed == wanted)
    return next((seed for seed in fails if not run(seed, shop=shop).failed), None)


def find_failing(seeds: range, shop: str = BRICKLINK) -> Iterator[tuple[str, int | None]]:
    """Do so for every rule that has a switch for this shop."""
    rules = list(switches_of(shop))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from zip(rules, pool.map(partial(first_failing, seeds=seeds, shop=shop), rules), strict=True)


def table(counts: Counter[str]) -> str:
    """Print counts, line by line."""
    return "\n".join(f"{count:>9}  {name}" for name, count in sorted(counts.items()))
