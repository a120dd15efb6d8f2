"""How a process ends: on a signal in good order, on the death of one of its tasks with a non-zero code."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_until_signalled(*tasks: Coroutine[Any, Any, None]) -> None:
    """Run all tasks until SIGTERM or SIGINT, then cancel them, let them finish, and return.

    A task that ends before a signal ends the process: its exception is logged and SystemExit(1) is raised, so the
    surrounding AsyncExitStack still unwinds. With no tasks it only waits for the signal.
    """
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, signalled.set)
    running = {asyncio.ensure_future(task) for task in tasks}
    waiting = asyncio.ensure_future(signalled.wait())
    try:
        await asyncio.wait({*running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        logger.info("stopping", extra={"signalled": signalled.is_set()})
    finally:
        for task in (*running, waiting):
            task.cancel()
        await asyncio.gather(*running, waiting, return_exceptions=True)
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    dead = [error for task in running if not task.cancelled() and (error := task.exception())]
    for error in dead:
        logger.critical("a task of this process died", exc_info=error)
    if dead or not signalled.is_set():
        raise SystemExit(1)
