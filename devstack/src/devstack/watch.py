"""Looking at every program about once a second, beside whatever else goes on."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from devstack.programs import Running, exit_words

_INTERVAL = 1.0  # seconds


class Condition(StrEnum):
    """How a program is, in the words that a person sees."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    NOT_ANSWERING = "not answering"
    STOPPED = "stopped"
    ENDED = "ended"


@dataclass(frozen=True)
class Row:
    """One program as it was when last looked at."""

    name: str
    condition: Condition = Condition.WAITING
    detail: str = ""
    pid: int | None = None
    port: int | None = None


class Watch:
    """Keeps `rows` up to date in a thread of its own while the block runs; tells `changed` of each new condition."""

    def __init__(
        self,
        names: Sequence[str],
        running: Callable[[str], Running | None],
        changed: Callable[[Row], None] = lambda row: None,
    ) -> None:
        self.rows = {name: Row(name) for name in names}
        self._running = running
        self._changed = changed
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="devstack-watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def look(self) -> None:
        """Look at all of them now."""
        with ThreadPoolExecutor(len(self.rows)) as pool:
            seen = list(pool.map(self._row, list(self.rows.values())))
        for row in seen:
            before, self.rows[row.name] = self.rows[row.name], row
            if (before.condition, before.pid) != (row.condition, row.pid):
                self._changed(row)

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self.look()

    def _row(self, before: Row) -> Row:
        running = self._running(before.name)
        if running is None:
            return Row(before.name)
        if running.is_healthy():
            return Row(before.name, Condition.HEALTHY, pid=running.pid, port=running.program.port)
        if not running.alive:
            condition = Condition.STOPPED if running.ended_well else Condition.ENDED
            return Row(before.name, condition, exit_words(running.exit_code), port=running.program.port)
        was_healthy = before.pid == running.pid and before.condition in (Condition.HEALTHY, Condition.NOT_ANSWERING)
        condition = Condition.NOT_ANSWERING if was_healthy else Condition.STARTING
        return Row(before.name, condition, pid=running.pid, port=running.program.port)
