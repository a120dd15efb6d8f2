"""Asking a program whether it works: gRPC health with devstack's own certificate, or an HTTP GET."""

import http.client
import threading
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack.ports import HOST
from servicekit.mtls import Reloaded, TlsFiles, channel_credentials

_TIMEOUT = 1.0  # seconds


def http_answers(port: int, path: str) -> Callable[[], bool]:
    """Return a check: does a GET of this path answer 200?"""

    def check() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check


class GrpcHealth:
    """A check: does the service that the certificate at this port names say SERVING?"""

    def __init__(self, port: int, *, service: str, tls: TlsFiles) -> None:
        self._port = port
        self._service = service
        self._tls = tls
        self._channel: grpc.Channel | None = None
        self._opening = threading.Lock()

    def __call__(self) -> bool:
        """Ask it now."""
        with self._opening:
            channel = self._channel = self._channel or self._open()
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_TIMEOUT, wait_for_ready=True
            )
        except (grpc.RpcError, ValueError):  # ValueError: closed meanwhile
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """End the connection; a later call opens another."""
        with self._opening:
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _open(self) -> grpc.Channel:
        return grpc.secure_channel(
            f"{HOST}:{self._port}",
            channel_credentials(Reloaded(self._tls).get()),
            options=(
                ("grpc.ssl_target_name_override", self._service),
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.min_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 200),
                ("grpc.enable_http_proxy", 0),  # a proxy in the environment is there for the package registries
            ),
        )
