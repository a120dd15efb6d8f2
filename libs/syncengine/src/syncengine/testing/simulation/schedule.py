"""Coroutines stepped by hand: each runs until its next pause, and the seed says whose turn it is."""

from collections.abc import Callable, Coroutine, Generator
from datetime import datetime
from types import coroutine

from syncengine.clock import Clock


@coroutine
def pause() -> Generator[None, None, None]:
    """Let others go first; here a process may also sleep, or die."""
    yield


class Task:
    """A coroutine under way, asleep until a moment or until it is stepped."""

    def __init__(self, name: str, work: Coroutine[None, None, None]) -> None:
        self.name = name
        self.frozen_until: datetime | None = None
        self._work = work

    def step(self) -> bool:
        """Run to the next pause; False if it ended."""
        try:
            self._work.send(None)
        except StopIteration:
            return False
        return True

    def kill(self) -> None:
        """End it where it stands, as SIGKILL would: nothing after its pause happens."""
        self._work.close()


async def until(clock: Clock, moment: datetime, *, woken: Callable[[], bool] = lambda: False) -> None:
    """Sleep until the clock says so."""
    while clock.now() < moment and not woken():
        await pause()
