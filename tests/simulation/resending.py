"""What peers do instead of looking: a write without an answer is sent again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from syncengine.marketplace import Later, Outcome, Ticket, Unknown

_TRIES = 3


async def until_answered(write: Callable[[Ticket], Awaitable[Sequence[Outcome]]], ticket: Ticket) -> Sequence[Outcome]:
    """Send until something is answered; each try has a stamp of its own, a millionth of a second later."""
    outcomes: Sequence[Outcome] = ()
    for number in range(_TRIES):
        outcomes = await write(replace(ticket, stamp=ticket.stamp + timedelta(microseconds=number)))
        if not any(isinstance(outcome, Unknown) for outcome in outcomes):
            return outcomes
    return [Later(reason="NO_REPLY")] * len(outcomes)  # and planned anew
