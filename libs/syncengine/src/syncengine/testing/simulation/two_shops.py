"""One seed's life of a seller with two shops and one stock between them: sales in both, and all that befalls either."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from random import Random

from syncengine.testing.clock import HandClock
from syncengine.testing.simulation.common_stock import CommonStock
from syncengine.testing.simulation.imports import Imports
from syncengine.testing.simulation.oversells import Oversells
from syncengine.testing.simulation.rest import come_to_rest, rest_until
from syncengine.testing.simulation.side import QUIET, MakeShop, Outline, Side
from syncengine.testing.simulation.story import OF_USERS, Happening, Happenings, Story, happenings

_STEPS = 2000
_SECOND = timedelta(seconds=1)
_LATE_SHARE = 0.35


class TwoShops:
    """Two shops of one seller, from connection to rest."""

    def __init__(self, seed: int, make_shops: Sequence[MakeShop]) -> None:
        self.seed = seed
        random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        clock = HandClock()
        # Each engine draws from a chance of its own: so what happens does not hang on how often it does.
        self.sides = [
            Side(make_shop, clock=clock, random=random, engines_random=Random(f"{seed} engine {place}"))  # noqa: S311
            for place, make_shop in enumerate(make_shops)
        ]
        self.stock = CommonStock(self.sides)
        for place, side in enumerate(self.sides):
            other = self.sides[1 - place]
            side.users.elsewhere = (other.stage,)
            side.mail.counted = partial(self.stock.count, place)
            side.cast.coincidences.alongside.append(other.go_on)
            side.cast.coincidences.watching.append(other.judges.pace.look)
        self.oversells = Oversells(self.sides, self.stock)
        self.imports = Imports(self.sides[0].users)
        self.sides[0].cast.faults.back_up = self.stock.back_up
        self.late = random.choice(self.sides) if random.random() < _LATE_SHARE else None
        """A shop that is connected while the other sells."""
        self.story = Story(self._told().values(), random)

    # What happens -----------------------------------------------------------------------------------------------------

    def _told(self) -> Happenings:
        told: Happenings = {
            "import": (0.4, self.imports.bring),
            "undo": (0.3, self.imports.undo),
            "inventory loss": (0.05, self._lose_inventory),
        }
        for side in self.sides:
            its = happenings(side.cast, side.stage.character)
            if its.pop("loss", None):
                its["loss"] = (0.07, side.databases.lose)
            its["disconnect"] = (0.15, side.keys.disconnect)
            for name, (weight, happening) in its.items():
                if name not in OF_USERS:
                    told[f"{name} {side.stage.shop.facts.marketplace}"] = weight, partial(self._let, side, happening)
                elif side is self.sides[0]:
                    told[name] = weight, happening
        return told

    def _let(self, side: Side, happening: Happening) -> None:
        """What concerns a shop happens once it is connected."""
        if side.is_connected:
            happening()

    def _lose_inventory(self) -> None:
        if self.stock.lose_inventory():
            self.imports.begin_anew()

    # From connection to rest ------------------------------------------------------------------------------------------

    def live(self) -> Outline:
        """Live it; raises Misjudged."""
        try:
            return self._live()
        finally:
            for side in self.sides:
                side.workers.end()

    def _live(self) -> Outline:
        for side in self.sides:
            if side is not self.late:
                side.furnish()
                side.connect()
        self._begin_calmly()
        late_at = self.sides[0].stage.random.randrange(_STEPS // 2)
        for step in range(_STEPS):
            if self.late is not None and step == late_at:
                self._connect_late(self.late)
            self.story.go_on()
            self.oversells.watch()
            for side in self._connected():
                side.watch()
                side.judges.judge_pace()
        for side in self.sides:
            side.calm_down()
        come_to_rest(self.sides)
        self._judge_rest()
        return self._outline()

    def _connected(self) -> list[Side]:
        return [side for side in self.sides if side.is_connected]

    def _connect_late(self, side: Side) -> None:
        """A second shop comes to a stock that is sold from: what it lists already is made lots of first."""
        side.keys.connected_at = side.stage.clock.now()
        side.furnish()
        side.connect()
        self._begin_calmly()
        side.stage.struck["shop connected late"] += 1

    def _begin_calmly(self) -> None:
        sides, clock = self._connected(), self.sides[0].stage.clock
        if any(side.stage.character.begins_calmly for side in sides):
            rest_until(sides, clock.now() + _SECOND * 30)
        while not all(side.has_begun() for side in sides):
            rest_until(sides, clock.now() + _SECOND * 30)

    def _judge_rest(self) -> None:
        for side in self.sides:
            side.judges.judge_rest()
        self.stock.judge_rest()
        rested = [(set(side.stage.books.sent), side.judges.waiting()) for side in self.sides]
        rest_until(self.sides, self.sides[0].stage.clock.now() + QUIET)
        for side, (known, waited) in zip(self.sides, rested, strict=True):
            side.judges.judge_quiet(known, waited)

    def _outline(self) -> Outline:
        outlines = [side.outline(self.seed) for side in self.sides]
        struck = sum((outline.struck for outline in outlines[1:]), outlines[0].struck)
        return Outline(self.seed, sum(outline.events for outline in outlines), struck)
