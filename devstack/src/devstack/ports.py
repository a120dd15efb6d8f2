"""Which port a program listens on, and whether it may."""

import errno
import random
import socket

from devstack.problems import Problem

HOST = "127.0.0.1"  # nothing here is meant for another machine

# Below what Linux and macOS hand to outgoing connections, so that a port stays free while its owner is down
_TEST_PORTS = range(20_000, 30_000)


def free_port() -> int:
    """Find a port that nobody uses now, for a test run of its own."""
    for port in random.sample(_TEST_PORTS, len(_TEST_PORTS)):
        if is_free(port):
            return port
    raise Problem("no free port between 20000 and 29999: stop what uses them")


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of this machine."""
    with socket.socket() as probe:
        # a server restarted at once must not take its own old connections, still closing, for another server
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def require_free(port: int, program: str, variable: str) -> None:
    """Raise the line that a person needs when a port is taken."""
    if not is_free(port):
        raise Problem(
            f"port {port}, which {program} wants, is in use (or not allowed): stop what uses it, or choose another "
            f"with {variable}={port + 1000} make run"
        )
