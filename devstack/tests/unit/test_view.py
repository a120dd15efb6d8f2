"""What a person reads: lines without a terminal, a table on one, and never a silent end."""

import io

from rich.console import Console

from devstack.view import View
from devstack.watch import Condition, Row

_HEALTHY = Row("inventory", Condition.HEALTHY, pid=7, port=50051)
_ENDED = Row("inventory", Condition.ENDED, "exit code 1", port=50051)


def _shown(view_is_terminal: bool, *rows: Row, stopping: bool = False) -> str:
    written = io.StringIO()
    console = Console(file=written, force_terminal=view_is_terminal, width=100, color_system=None)
    with View(console, lambda: {row.name: row for row in rows}) as view:
        view.step("starting the services")
        if stopping:
            view.stopping()
        for row in rows:
            view.changed(row)
        view.all_up({"REST API": "http://127.0.0.1:8080/docs"})
    return written.getvalue()


def test_without_a_terminal_every_step_is_a_line() -> None:
    assert _shown(False, _HEALTHY).splitlines() == [
        "starting the services",
        "inventory is healthy (pid 7, 127.0.0.1:50051)",
        "REST API: http://127.0.0.1:8080/docs",
        "Ctrl-C stops everything.",
    ]


def test_a_program_that_ends_by_itself_is_said_on_any_screen() -> None:
    stopped = Row("inventory", Condition.STOPPED, "exit code 0")
    for view_is_terminal in (False, True):
        assert "inventory ended with exit code 1; nothing restarts it" in _shown(view_is_terminal, _ENDED)
        assert "inventory ended with exit code 0; nothing restarts it" in _shown(view_is_terminal, stopped)


def test_one_that_was_asked_to_end_is_no_news() -> None:
    assert "nothing restarts it" not in _shown(False, _ENDED, stopping=True)


def test_a_terminal_shows_one_table_with_health_pid_and_address() -> None:
    table = _shown(True, _HEALTHY, Row("gateway"))
    assert "inventory  healthy  7    127.0.0.1:50051" in table
    assert "gateway    waiting" in table
    assert "http://127.0.0.1:8080/docs" in table


def test_brackets_in_a_line_are_not_taken_for_markup() -> None:
    written = io.StringIO()
    View(Console(file=written, width=100), dict).say("[bold]as it is[/bold]")
    assert written.getvalue() == "[bold]as it is[/bold]\n"
