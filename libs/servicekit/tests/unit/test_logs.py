"""Log lines are JSON, tell what is needed, and never a value."""

import asyncio
import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg import errors
from sqlalchemy.exc import IntegrityError

from servicekit.config import read_secret
from servicekit.logs import configure_logs, correlation_id, describe, learn_secret, stack_of

from .conftest import Lines

logger = logging.getLogger("inventory.commands")
CANARY = "canary-of-these-tests"


def fail() -> None:
    raise ValueError(CANARY)


def test_a_line_says_when_who_what_and_for_which_request(lines: Lines) -> None:
    token = correlation_id.set("c-1")
    logger.info("imported", extra={"rows": 3, "service": "ours wins"})
    correlation_id.reset(token)
    line = lines()[0]

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "inventory.commands",
        "message": "imported",
        "service": "inventory",
        "correlation_id": "c-1",
        "rows": 3,
    }


def test_an_exception_is_its_type_and_its_stack(lines: Lines) -> None:
    try:
        fail()
    except ValueError:
        logger.exception("failed")
    line = lines()[0]

    assert line["exception"] == "ValueError"
    assert [frame.rpartition(" ")[2] for frame in line["stack"]] == [
        "test_an_exception_is_its_type_and_its_stack",
        "fail",
    ]
    assert CANARY not in json.dumps(line)


def test_causes_and_members_of_a_group_are_followed(lines: Lines) -> None:
    try:
        try:
            fail()
        except ValueError as error:
            raise ExceptionGroup(CANARY, [KeyError(CANARY)]) from error
    except ExceptionGroup as group:
        stack = stack_of(group)

    assert [line for line in stack if " " not in line] == ["ValueError", "KeyError"]
    assert CANARY not in str(stack)


def test_of_a_database_error_only_its_type_is_told(lines: Lines) -> None:
    error = IntegrityError("INSERT", {"name": CANARY}, errors.UniqueViolation(f"Key (name)=({CANARY}) already exists"))
    logger.error("refused: %s", error, extra={"error": error})
    logger.error("refused", exc_info=error)

    assert describe(error) == "IntegrityError (SQLSTATE 23505)"
    assert [line["message"] for line in lines()] == ["refused: IntegrityError (SQLSTATE 23505)", "refused"]
    assert CANARY not in json.dumps(lines())


def test_a_learned_secret_is_in_no_line(lines: Lines, tmp_path: Path) -> None:
    """Whoever logs it, in whichever field: the handler is the root's."""
    learn_secret("learned-secret")
    (tmp_path / "secret").write_text("secret-of-a-file\n")
    read_secret(tmp_path / "secret")
    logging.getLogger("some.library").warning("GET https://x/?key=learned-secret", extra={"raw": b"learned-secret"})
    logger.warning("leased %s", ["secret-of-a-file"], extra={"learned-secret": {"deep": ("learned-secret",)}})

    assert len(lines()) == 2
    assert "learned-secret" not in json.dumps(lines())
    assert "secret-of-a-file" not in json.dumps(lines())
    assert "bGVhcm5lZC1zZWNyZX" not in json.dumps(lines())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_uncaught_exceptions_are_logged_without_their_text(lines: Lines) -> None:
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.unraisablehook(SimpleNamespace(exc_type=ValueError, exc_value=error, exc_traceback=error.__traceback__))
        threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))

    assert [(line["level"], line["exception"]) for line in lines()] == [("critical", "ValueError")] * 3
    assert CANARY not in json.dumps(lines())


async def test_asyncio_reports_a_forgotten_failure_without_its_text(lines: Lines) -> None:
    async def failing() -> None:
        fail()

    task = asyncio.create_task(failing())
    await asyncio.wait({task})
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": task.exception(), "future": task}
    )

    assert [line["message"] for line in lines()] == ["Task exception was never retrieved"]
    assert CANARY not in json.dumps(lines())


def test_warnings_are_lines_too(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("mind the gap", stacklevel=1)

    assert "mind the gap" in lines()[0]["message"]


def test_libraries_that_log_requests_are_quiet(lines: Lines) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://x/?key=k")
    logging.getLogger("httpx").warning("odd")

    assert [line["message"] for line in lines()] == ["odd"]


def test_a_library_that_repeats_itself_is_held_back(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the broker is away aiokafka says so twice in 100 ms; once in ten seconds is enough."""
    now = 1000.0
    monkeypatch.setattr("servicekit.logs.time.monotonic", lambda: now)
    for _ in range(50):
        logging.getLogger("aiokafka.conn").error("no connection to %s", "x")
        logging.getLogger("aiokafka").error("no leader")
    logger.error("ours")
    logger.error("ours")
    now += 11
    logging.getLogger("aiokafka").error("no leader")

    assert [(line["message"], line.get("suppressed")) for line in lines()] == [
        ("no connection to x", 0),
        ("no leader", 0),
        ("ours", None),
        ("ours", None),
        ("no leader", 49),
    ]


def test_a_line_that_cannot_be_formatted_does_not_show_its_arguments(lines: Lines) -> None:
    [ours, *_] = logging.root.handlers  # pytest's own would raise
    ours.handle(logger.makeRecord(logger.name, logging.WARNING, __file__, 1, "two %s %s", (CANARY,), None))

    assert [line["message"] for line in lines()] == ["a log line could not be written"]
    assert CANARY not in json.dumps(lines())


def test_the_level_is_configurable(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("inventory", "ERROR")
    logger.warning("not said")
    logger.error("said")

    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["said"]
