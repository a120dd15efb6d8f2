"""The long rough day with sync services that send an unanswered write again, as peers do; `make chaos LONG=1` has ours.

Run by hand: `make measure-blind-resend`, half an hour. It prints what faults hit, and what it came to at rest.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from chaos.hands import Hands
from chaos.rough_day import Day
from chaos.two_shops import Evidence, evidence_of, told
from devstack.testing import Stack, temporary_stack
from product.pace import HURRIED

_TESTS = Path(__file__).resolve().parent.parent


def _blindfold(stack: Stack) -> None:
    for name in ("sync-bricklink", "sync-brickowl"):
        stack.terminate(name)
        program = stack.running[name].program
        command = (sys.executable, "-m", "chaos.blind_resend", name.replace("-", "_"), "serve")
        stack.begin(replace(program, command=command, environment={**program.environment, "PYTHONPATH": str(_TESTS)}))


async def _live(stack: Stack) -> Evidence:
    # A try has the timestamp of the one before: the shop is to tell them apart by their nonces, as it may do.
    async with Day.dawning(stack, seed=7, refuse_repeated_timestamp=False) as day:
        await day.live(Hands(stack))
        await day.still()
        return await evidence_of(day)


def main() -> None:
    """Live it, and say what came of it."""
    with temporary_stack(overrides=HURRIED) as stack:
        _blindfold(stack)
        sys.stdout.write(f"{told(asyncio.run(_live(stack)))}\n")


if __name__ == "__main__":
    main()
