"""A sync service that sends an unanswered write again and never looks first, as peers do: for comparison only.

`python -m chaos.blind_resend sync_bricklink serve`; settings are the service's own.
"""

import runpy
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from simulation.replacements import orphans_not_done
from simulation.resending import until_answered
from sync_bricklink.client import BrickLink
from sync_brickowl.client import BrickOwl
from syncengine.marketplace import Marketplace, Outcome, Ticket, Write


def sent_again(send: Callable[..., Awaitable[Outcome]]) -> Callable[..., Awaitable[Outcome]]:
    """Wrap an adapter's write of one thing."""

    async def insist(self: Marketplace, write: Write, ticket: Ticket) -> Outcome:
        async def once(again: Ticket) -> Sequence[Outcome]:
            return [await send(self, write, again)]

        return (await until_answered(once, ticket))[0]

    return insist


def all_sent_again(send: Callable[..., Awaitable[Sequence[Outcome]]]) -> Callable[..., Awaitable[Sequence[Outcome]]]:
    """Wrap an adapter's write of several things."""

    async def insist(self: Marketplace, writes: Sequence[Any], ticket: Ticket) -> Sequence[Outcome]:
        return await until_answered(lambda again: send(self, writes, again), ticket)

    return insist


if __name__ == "__main__":
    with ExitStack() as patches:
        patches.enter_context(patch("syncengine.turn._find_orphans", orphans_not_done))
        for shop in (BrickLink, BrickOwl):
            patches.enter_context(patch.object(shop, "send", sent_again(shop.send)))
            for several in ("create_all", "update_all"):
                patches.enter_context(patch.object(shop, several, all_sent_again(getattr(shop, several))))
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
