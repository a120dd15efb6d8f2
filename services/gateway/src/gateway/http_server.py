"""uvicorn as a task that drains when it is cancelled."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from datetime import timedelta

import uvicorn
from starlette.types import ASGIApp

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process: uvicorn would raise them again after draining, and the exit code be no 0."""
        yield


def listen_on(address: str) -> socket.socket:
    """A listening socket at host:port. Raises OSError that names the address."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OverflowError:
        raise OSError(f"cannot listen on {address}: a port is at most 65535") from None
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python appends the address once more
        raise OSError(f"cannot listen on {address}: {reason}") from error


async def serve_http(app: ASGIApp, listener: socket.socket, *, drain: timedelta) -> None:
    """Serves until cancelled, then takes no more requests and gives those that run `drain` to end."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(drain.total_seconds()),
    )
    server = _Server(config)
    host, port, *_ = listener.getsockname()
    logger.info("serving", extra={"listen": f"{host}:{port}"})
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
