"""What a person sees of `make run`: one live table on a terminal, plain lines anywhere else."""

from collections.abc import Callable, Mapping
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from devstack.ports import HOST
from devstack.watch import Condition, Row

_STYLES = {
    Condition.WAITING: "dim",
    Condition.STARTING: "yellow",
    Condition.HEALTHY: "green",
    Condition.NOT_ANSWERING: "bold yellow",
    Condition.STOPPED: "dim",
    Condition.ENDED: "bold red",
}


class View:
    """Shows the rows of a watch, the step that goes on, and, once all is up, where to go."""

    def __init__(self, console: Console, rows: Callable[[], Mapping[str, Row]]) -> None:
        self._console = console
        self._rows = rows
        self._step = ""
        self._stopping = False
        self._places: Mapping[str, str] = {}
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> "View":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def step(self, line: str) -> None:
        """Say what goes on now."""
        self._step = line
        if not self._console.is_terminal:
            self.say(line)

    def changed(self, row: Row) -> None:
        """Say that a program is well, or no longer; on a terminal the table shows it."""
        if self._stopping:
            return
        if row.condition in (Condition.STOPPED, Condition.ENDED):
            self.say(f"{row.name} ended with {row.detail}; nothing restarts it")
        elif not self._console.is_terminal and row.condition in (Condition.HEALTHY, Condition.NOT_ANSWERING):
            self.say(f"{row.name} is {row.condition} (pid {row.pid}, {HOST}:{row.port})")

    def all_up(self, places: Mapping[str, str]) -> None:
        """Say where to go, now that everything is up."""
        self._step = "Ctrl-C stops everything."
        self._places = places
        if not self._console.is_terminal:
            for name, place in places.items():
                self.say(f"{name}: {place}")
            self.say(self._step)

    def stopping(self) -> None:
        """From now on programs end because they are asked to."""
        self._stopping = True

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(line), soft_wrap=True)

    def _render(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("process", "health", "pid", "address"):
            table.add_column(column)
        for row in list(self._rows().values()):
            words = f"{row.condition}, {row.detail}" if row.detail else row.condition
            address = f"{HOST}:{row.port}" if row.port else ""
            table.add_row(row.name, Text(words, _STYLES[row.condition]), str(row.pid or ""), address)
        places = Table.grid(padding=(0, 2, 0, 0))
        for name, place in self._places.items():
            places.add_row(Text(name, "dim"), Text(place))
        return Group(Text(""), table, Text(""), places, Text(self._step, "dim"))
