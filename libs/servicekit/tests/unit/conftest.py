"""A process's log, as it would appear on stderr."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from servicekit.logs import configure_logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Call it for the lines logged so far."""
    before = (logging.root.handlers[:], logging.root.level, sys.excepthook, threading.excepthook, sys.unraisablehook)
    configure_logs("inventory")
    [handler] = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.root.handlers[:], level, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    logging.root.setLevel(level)
    logging.captureWarnings(capture=False)
