"""Logs: one JSON object a line on stderr, without secrets and without anybody's values.

What a log line may say of an exception is its type and its stack; of a database error also SQLSTATE and constraint.
Texts of exceptions quote values (PostgreSQL's `DETAIL: Key (name)=(...)`, a shop's error that prints a key): left out.
"""

import contextlib
import json
import logging
import sys
import threading
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from psycopg import Error as PsycopgError
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy.exc import DBAPIError

from servicekit.redaction import Redactor

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
"""Ties together all lines, events and intents that one request caused."""

_redactor = Redactor()
_QUIET_SECONDS = 10.0
_TALKATIVE = ("aiokafka",)  # logs two errors every 100 ms while a broker is away
_WARNINGS_ONLY = ("aiokafka", "httpx", "httpcore", "uvicorn.access")  # they log every request, or every rebalance


def learn_secret(value: str) -> None:
    """From now on no log line shows `value`, plain, quoted, or encoded. Texts under six characters are not learned."""
    _redactor.learn(value)


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send every log line of this process, libraries' and uncaught exceptions' too, through one redacting handler.

    A library that brings handlers of its own must be told not to (uvicorn: `log_config=None`).
    """
    handler = _SafeHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(service))
    handler.addFilter(RepeatFilter())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def describe(error: BaseException) -> str:
    """What may be said of an exception without repeating a value: type; SQLSTATE and constraint of a database error."""
    name = type(error).__name__
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, PsycopgError):
        facts = [f"SQLSTATE {cause.sqlstate}"] if cause.sqlstate else []
        facts += [f"constraint {cause.diag.constraint_name}"] if cause.diag.constraint_name else []
        return f"{name} ({', '.join(facts)})" if facts else name
    return name


class _SafeHandler(logging.StreamHandler[TextIO]):
    """Of a line that cannot be formatted it names the place only, where logging itself would print the arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        place = {"level": "error", "message": "a log line could not be written", "logger": record.name}
        with contextlib.suppress(OSError, ValueError):  # nobody listens any more
            self.stream.write(json.dumps(place | {"place": f"{record.pathname}:{record.lineno}"}) + self.terminator)


class SafeFormatter(JsonFormatter):
    """Formats records as JSON: time, level, logger, message, service, correlation_id, and the `extra` fields."""

    def __init__(self, service: str) -> None:
        super().__init__(json_ensure_ascii=False)
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        given = {name: value for name, value in record.__dict__.items() if name not in self.reserved_attrs}
        fields: dict[str, Any] = given | {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message_of(record),
            "service": self._service,
            "correlation_id": correlation_id.get(),
        }
        fields = {name: _without_text(value) for name, value in fields.items()}
        if record.exc_info and record.exc_info[1]:
            fields |= {"exception": describe(record.exc_info[1]), "stack": stack_of(record.exc_info[1])}
        return _redactor.redact(self.jsonify_log_record(fields))


def stack_of(error: BaseException) -> list[str]:
    """Where an exception came from, outermost call first: `file:line function`; causes and group members follow."""
    lines: list[str] = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        lines += [describe(one)] if lines else []
        lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(one.__traceback__)]
        members = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [one.__cause__ or (None if one.__suppress_context__ else one.__context__), *members]
    return lines


class RepeatFilter(logging.Filter):
    """Lets a talkative library say each thing once in ten seconds, and counts what it held back in `suppressed`."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is to be written."""
        if not record.name.startswith(_TALKATIVE):
            return True
        what = (record.name, str(record.msg))
        now = time.monotonic()
        last, suppressed = self._said.get(what, (-_QUIET_SECONDS, 0))
        if now - last < _QUIET_SECONDS:
            self._said[what] = (last, suppressed + 1)
            return False
        self._said[what] = (now, 0)
        record.suppressed = suppressed
        return True


def _message_of(record: logging.LogRecord) -> str:
    if isinstance(record.args, tuple):
        record.args = tuple(_without_text(one) for one in record.args)
    message = record.getMessage()
    if record.name == "asyncio":  # its further lines are reprs of tasks, which quote the exception's text
        return message.partition("\n")[0]
    return message


def _without_text(value: object) -> object:
    return describe(value) if isinstance(value, BaseException) else value


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt) or error is None:
        return
    logging.getLogger("servicekit").critical("died of an uncaught exception", exc_info=(kind, error, trace))
