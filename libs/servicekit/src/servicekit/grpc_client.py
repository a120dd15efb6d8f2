"""A channel to another service: mTLS, sure of who answers, quick to come back."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from servicekit.callers import CORRELATION_KEY
from servicekit.grpc_server import MAX_MESSAGE_BYTES
from servicekit.logs import correlation_id
from servicekit.mtls import Identity, Reloaded, TlsFiles, channel_credentials
from servicekit.reloading_channel import ReloadingChannel


def open_channel(address: str, *, service: str, tls: TlsFiles) -> grpc.aio.Channel:
    """A channel to `service` at `address` (host:port); it connects on first use.

    After an outage it is back within about a second. The server's certificate must name `service`, wherever it runs.
    Calls carry the correlation id of the context they are made in, unless given one, and show the certificate that is
    in the files by then. Nothing is retried here: retries live in one layer. Raises OSError if a TLS file cannot be
    read.
    """

    def connect(identity: Identity) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(
            address,
            channel_credentials(identity),
            options=(("grpc.ssl_target_name_override", service), *_OPTIONS),
            interceptors=[_CorrelationInterceptor()],
        )

    return ReloadingChannel(Reloaded(tls), connect)


_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),  # a proxy that the environment names is for the world, not for neighbours
)


class _CorrelationInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Hands the correlation id on."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        call = client_call_details
        metadata = grpc.aio.Metadata(*(call.metadata or ()))
        if correlation_id.get() and not metadata.get_all(CORRELATION_KEY):
            metadata.add(CORRELATION_KEY, correlation_id.get())
        return await continuation(
            grpc.aio.ClientCallDetails(call.method, call.timeout, metadata, call.credentials, call.wait_for_ready),
            request,
        )
