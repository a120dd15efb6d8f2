"""Live many seeds on all cores: `python -m simulation --seeds 10000`; a failing one prints how to replay it."""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from simulation.seeds import live
from syncengine.testing.simulation.judges import Misjudged


def _outcome(seed: int) -> tuple[int, str, Counter[str]]:
    try:
        return seed, "", live(seed).struck
    except Misjudged as misjudged:
        return seed, str(misjudged), Counter()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first (default: 0)")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    struck: Counter[str] = Counter()
    failed = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seed, words, its_struck in pool.map(_outcome, seeds, chunksize=10):
            struck += its_struck
            if words:
                failed += 1
                print(f"seed {seed}: {words}\n  replay: python -m simulation --first {seed} --seeds 1")  # noqa: T201
    for name, count in sorted(struck.items()):
        print(f"{count:>9}  {name}")  # noqa: T201
    print(f"{len(seeds) - failed} passed, {failed} failed")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
