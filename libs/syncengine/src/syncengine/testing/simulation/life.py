"""One seed's life: users, buyers, hands, workers and accidents as the seed chooses, then rest, then judgement."""

from datetime import timedelta
from random import Random

from syncengine.testing.clock import HandClock
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.rest import come_to_rest, rest_until
from syncengine.testing.simulation.side import QUIET, MakeShop, Outline, Side
from syncengine.testing.simulation.story import Story, happenings

_STEPS = 1200
_SECOND = timedelta(seconds=1)


class Life(Side):
    """One seller's shop from connection to rest."""

    def __init__(self, seed: int, make_shop: MakeShop, *, store: MemoryStore | None = None) -> None:
        self.seed = seed
        random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        # The engine draws from a chance of its own: so what happens does not hang on how often it does.
        engines = Random(f"{seed} engine")  # noqa: S311 - the same
        super().__init__(make_shop, clock=HandClock(), random=random, engines_random=engines, store=store)
        self.story = Story(happenings(self.cast, self.stage.character).values(), random)
        self.furnish()

    def live(self) -> Outline:
        """Live it; raises Misjudged."""
        try:
            return self._live()
        finally:
            self.workers.end()

    def _live(self) -> Outline:
        self.connect()
        if self.stage.character.begins_calmly:
            rest_until([self], self.stage.clock.now() + _SECOND * 30)
            while not self.has_begun():
                rest_until([self], self.stage.clock.now() + _SECOND * 30)
        for _ in range(_STEPS):
            self.story.go_on()
            self.watch()
            self.judges.judge_pace()
        self.calm_down()
        come_to_rest([self])
        self.judges.judge_rest()
        known, waited = set(self.stage.books.sent), self.judges.waiting()
        rest_until([self], self.stage.clock.now() + QUIET)
        self.judges.judge_quiet(known, waited)
        return self.outline(self.seed)
