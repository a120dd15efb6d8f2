"""Numbers of a process, for Prometheus to read over plain HTTP at /metrics, where the configuration gives an address.

They tell nothing of sellers or keys; the address is meant for a network of the operator's own all the same.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from servicekit.mtls import Reloaded, TlsFiles


@asynccontextmanager
async def serving_metrics(listen: str, tls: TlsFiles) -> AsyncIterator[None]:
    """Serve numbers while the block runs, in a thread; nothing if `listen`, host:port, is empty.

    Raises OSError if the address is none or the port taken.
    """
    if not listen:
        yield
        return
    registry = CollectorRegistry()
    ends = Gauge(
        "brickops_certificate_expires_timestamp_seconds",
        "When the certificate of this service ends, in Unix time; NaN while it cannot be read.",
        registry=registry,
    )
    identity = Reloaded(tls)
    ends.set_function(lambda: _expires(identity))
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except (OSError, OverflowError, ValueError):
        raise OSError(f"cannot serve metrics on {listen}: is it host:port, and the port free?") from None
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


def _expires(identity: Reloaded) -> float:
    try:
        return identity.get().expires_at.timestamp()
    except ValueError:
        return math.nan
