"""Time that passes only where somebody waits: coroutines and moments in one agenda, by the clock of the simulation."""

from collections.abc import Callable, Coroutine, Generator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from syncengine.testing.clock import HandClock


class _Sleep:
    def __init__(self, until: datetime) -> None:
        self.until = until

    def __await__(self) -> Generator["_Sleep", None, None]:
        yield self


class Agenda:
    """What is to happen when; what is due at the same moment happens in the order in which it was noted."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self._notes: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, moment: datetime, do: Callable[[], None]) -> None:
        """Do something then."""
        heappush(self._notes, (moment, next(self._numbers), do))

    def after(self, time: timedelta, do: Callable[[], None]) -> None:
        """Do something later."""
        self.at(self.clock.now() + time, do)

    async def sleep(self, time: timedelta) -> None:
        """Let others go on for so long."""
        await _Sleep(self.clock.now() + time)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that waits for nothing but `sleep`."""

        def go_on() -> None:
            try:
                slept = work.send(None)
            except StopIteration:
                return
            self.at(slept.until, go_on)

        self.at(self.clock.now(), go_on)

    def pass_time(self, time: timedelta) -> None:
        """Let all happen that is due until then."""
        end = self.clock.now() + time
        while self._notes and self._notes[0][0] <= end:
            moment, _, do = heappop(self._notes)
            self._turn_to(moment)
            do()
        self._turn_to(end)

    def _turn_to(self, moment: datetime) -> None:
        now = self.clock.now()
        if moment > now:
            self.clock.turn(moment - now)
