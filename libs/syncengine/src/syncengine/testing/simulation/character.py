"""What one seed's life is like: which of the shop's open questions are answered how, and which accidents may happen.

Each life leaves some kinds of accidents out: what always happens together hides what happens alone.
"""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from syncengine.marketplace import Limit

_ROOMY = Limit(name="day", calls=100_000, window=timedelta(hours=24))
_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """Drawn once, before the first event."""

    limit: Limit
    """What the shop allows."""
    clamps_below_zero: bool
    """A difference below the stock sells it out; else it is refused."""
    keeps_at_zero: bool
    """A difference to exactly zero leaves an empty listing standing; else it goes unless it is retained."""
    strips_markup: bool
    cuts_texts: bool
    was_there_before: int
    """Listings that the shop has, with their orders, when the connection begins."""
    not_entered: int
    """Listings beside them that the seller has no lots for yet."""
    begins_closed: bool
    """The shop is closed when the connection begins, and lists nothing (rule C5)."""
    begins_calmly: bool
    """The first census is taken before anything happens: with listings there before it, else sales would be no news."""
    removals_free: int
    """So many removals that no sale caused need nobody's consent (rule B5): a shop of ten lots is a small one."""
    accidents: float
    """How often calls meet with one: where most do, few lots get as far as a second write."""
    left_out: frozenset[str]
    """Happenings that this life does without."""


def draw(random: Random, may_be_left_out: tuple[str, ...]) -> Character:
    """Draw one."""
    scarce, was_there_before = random.random() < 0.3, random.randint(1, 4) if random.random() < 0.3 else 0
    return Character(
        limit=Limit(name="day", calls=random.randint(110, 240), window=_WINDOW) if scarce else _ROOMY,
        clamps_below_zero=random.random() < 0.5,
        keeps_at_zero=random.random() < 0.3,
        strips_markup=random.random() < 0.5,
        cuts_texts=random.random() < 0.5,
        was_there_before=was_there_before,
        not_entered=random.randint(0, 2) if was_there_before else 0,
        begins_closed=was_there_before > 0 and random.random() < 0.4,
        begins_calmly=was_there_before > 0 or random.random() < 0.8,
        removals_free=random.choice((2, 4, 20)),
        accidents=random.choice((1, 2, 6)),
        left_out=frozenset(name for name in may_be_left_out if random.random() < 0.35),
    )
