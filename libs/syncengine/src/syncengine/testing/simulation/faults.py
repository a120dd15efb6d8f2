"""Accidents of calls, and the time that passes between them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from syncengine.testing.simulation.network import ACCIDENTS, ACCIDENTS_OF_BATCHES, Kind
from syncengine.testing.simulation.stage import Stage

_PAUSES = (0.2, 1, 2, 5, 12)
"""In seconds."""


@dataclass(slots=True)
class Faults:
    """Chance itself."""

    stage: Stage
    back_up: Callable[[], None]

    def pass_time(self) -> None:
        """Nobody does anything for a moment, or backups are taken."""
        self.stage.clock.turn(timedelta(seconds=self.stage.random.choice(_PAUSES)))
        if self.stage.random.random() < 0.1:
            self.back_up()

    def strike_call(self) -> None:
        """The next write, or small read, will not come through."""
        self._strike(Kind.WRITE if self.stage.random.random() < 0.85 else Kind.READ)

    def strike_list(self) -> None:
        """The next list of the shop will be wrong, or none."""
        self._strike(Kind.LIST)

    def _strike(self, kind: Kind) -> None:
        waiting = self.stage.network.accidents[kind]
        if len(waiting) < 3:
            batches = ACCIDENTS_OF_BATCHES.get(kind, ()) if self.stage.shop.facts.updates_at_once > 1 else ()
            waiting.append(self.stage.random.choice((*ACCIDENTS[kind], *batches)))
