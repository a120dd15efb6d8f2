"""What an answer of a shop can mean, before it is an outcome: words that every adapter's `outcome_of` uses."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from syncengine.marketplace import Create, Gone, Halted, Later, Refused, Unknown, Write


class Purpose(Enum):
    """What a call was for: the same answer means different things to different calls."""

    READ = auto()
    CREATE = auto()
    CHANGE = auto()
    """An update or a removal of a listing that was there."""


def purpose_of(write: Write) -> Purpose:
    """Say what a write's call is for."""
    return Purpose.CREATE if isinstance(write, Create) else Purpose.CHANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The shop did what it was asked."""

    data: object
    """What came with it, as JSON; None if nothing did."""


Verdict = Answered | Later | Refused | Gone | Halted | Unknown


def no_answer(purpose: Purpose, reason: str, *, after: timedelta | None = None) -> Later | Unknown:
    """Say what it means that nothing came back which can be understood, though the request may have arrived."""
    return Later(reason="SHOP_DOWN", after=after) if purpose is Purpose.READ else Unknown(reason=reason)
