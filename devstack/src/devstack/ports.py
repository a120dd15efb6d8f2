"""Which port a program listens on, and whether it may."""

import errno
import random
import socket
from collections.abc import Iterator
from itertools import cycle, islice

from devstack.problems import Problem

HOST = "127.0.0.1"  # nothing here is meant for another machine

# Below what Linux and macOS hand to outgoing connections, so that a port stays free while its owner is down
_TEST_PORTS = range(20_000, 30_000)
# One after the other, from a place of this process's own: nobody listens yet on what was just given, and two stacks
# that begin together must not be given the same.
_first = random.randrange(len(_TEST_PORTS))  # noqa: S311 - a place to begin, no secret
_next_ports: Iterator[int] = cycle((*_TEST_PORTS[_first:], *_TEST_PORTS[:_first]))


def free_port() -> int:
    """Find a port that nobody uses now, for a test run of its own; what was given before comes last of all."""
    for port in islice(_next_ports, len(_TEST_PORTS)):
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
