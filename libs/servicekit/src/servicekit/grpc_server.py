"""A gRPC server as every service runs it: mTLS, an allow list, health, errors in our words, one log line per call."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from servicekit import TLS_1_3_ONLY
from servicekit.callers import (
    ACTOR_KEY,
    CORRELATION_KEY,
    GATEWAY,
    ROLE_KEY,
    SELLER_KEY,
    Caller,
    CallerNotAllowed,
    set_caller,
)
from servicekit.certificate_expiry import watch_expiry
from servicekit.clock import SystemClock
from servicekit.grpc_errors import ErrorTable, GrpcErrorInterceptor
from servicekit.grpc_interceptor import AroundInterceptor, Context
from servicekit.logs import correlation_id, describe
from servicekit.mtls import SPIFFE_PREFIX, Reloaded, TlsFiles, fingerprint, server_credentials

logger = logging.getLogger(__name__)

HEALTH = "grpc.health.v1.Health"
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # or a second server takes the same port silently
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_connection_age_ms", 600_000),  # so that clients shake hands again, with certificates of today
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
_LONGEST_CORRELATION_ID = 128


class HealthReporter:
    """Tells probes whether this server is ready; it is not until `ready` is called."""

    def __init__(self, servicer: health_aio.HealthServicer, services: tuple[str, ...]) -> None:
        self._servicer = servicer
        self._services = services

    async def ready(self) -> None:
        """From now on probes are answered SERVING, for the server and for each of its gRPC services."""
        await self._set(health_pb2.HealthCheckResponse.SERVING)

    async def not_ready(self) -> None:
        """From now on probes are answered NOT_SERVING."""
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def _set(self, status: health_pb2.HealthCheckResponse.ServingStatus.ValueType) -> None:
        for service in ("", *self._services):
            await self._servicer.set(service, status)


@asynccontextmanager
async def serving(
    *,
    listen: str,
    tls: TlsFiles,
    allow: Mapping[str, frozenset[str]],
    errors: ErrorTable,
    register: Callable[[grpc.aio.Server], None],
    grace: float = 10,
) -> AsyncIterator[HealthReporter]:
    """Serve while the block runs; at its end stop taking calls and give those running `grace` seconds.

    `listen` is host:port. `allow` says which services may call each gRPC service, by its full name; one not named is
    closed to all (every server lists its callers, ARCHITECTURE.md section 2), except that health is open to every
    certificate of our authority. Refusals are in the log. `register` adds the servicers. Raises OSError if the port is
    taken.
    """
    server = grpc.aio.server(
        interceptors=[GrpcErrorInterceptor(errors), _CorrelationInterceptor(), _AccessLog(), AllowList(allow)],
        options=_OPTIONS,
    )
    health = health_aio.HealthServicer()
    reporter = HealthReporter(health, tuple(allow))
    await reporter.not_ready()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    register(server)
    identity = Reloaded(tls)
    try:
        server.add_secure_port(listen, server_credentials(identity))
    except RuntimeError:
        raise OSError(f"cannot listen on {listen}: is the port in use?") from None
    if not TLS_1_3_ONLY:
        logger.warning("handshakes below TLS 1.3 succeed, only calls are refused: import servicekit before grpc")
    await server.start()
    logger.info("serving", extra={"listen": listen})
    watching = asyncio.ensure_future(watch_expiry(identity, SystemClock()))
    try:
        yield reporter
    finally:
        watching.cancel()
        await health.enter_graceful_shutdown()
        await server.stop(grace)


class _CorrelationInterceptor(AroundInterceptor):
    """Takes the caller's correlation id, or makes one."""

    @asynccontextmanager
    async def _around(self, context: Context) -> AsyncIterator[None]:
        given = _metadata(context, CORRELATION_KEY)
        correlation_id.set(given[0] if len(given) == 1 and _is_plain(given[0]) else uuid.uuid4().hex)
        yield

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> AbstractAsyncContextManager[None]:
        return self._around(context)


class _AccessLog(AroundInterceptor):
    """One line per call: what, who, how it ended, how long it took; never the payload."""

    @asynccontextmanager
    async def _around(self, details: grpc.HandlerCallDetails, context: Context) -> AsyncIterator[None]:
        started = time.perf_counter()
        outcome = "OK"
        try:
            yield
        except BaseException as error:
            outcome = describe(error)
            raise
        finally:
            level = logging.DEBUG if details.method.startswith(f"/{HEALTH}/") else logging.INFO
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            extra = {"rpc": details.method, "caller": _names_of(context), "outcome": outcome, "ms": milliseconds}
            logger.log(level, "answered", extra=extra)

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> AbstractAsyncContextManager[None]:
        return self._around(details, context)


class AllowList(AroundInterceptor):
    """Lets in whom the list names for the gRPC service, and believes nobody but the gateway about sellers and users."""

    def __init__(self, allow: Mapping[str, frozenset[str]]) -> None:
        self._allow = allow

    @asynccontextmanager
    async def _around(self, details: grpc.HandlerCallDetails, context: Context) -> AsyncIterator[None]:
        caller = self._admit(details.method.split("/")[1], context)
        set_caller(caller)
        yield

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> AbstractAsyncContextManager[None]:
        """Set the caller, or raise CallerNotAllowed."""
        return self._around(details, context)

    def _admit(self, service: str, context: Context) -> Caller:
        if any(bytes(version) != b"TLSv1.3" for version in context.auth_context().get("ssl_tls_version", ())):
            raise CallerNotAllowed("Only TLS 1.3 is spoken here.")  # where servicekit was imported after grpc
        names = _names_of(context)
        if len(names) != 1:
            raise CallerNotAllowed("The certificate does not name one service.")
        name = names[0]
        if service != HEALTH and name not in self._allow.get(service, frozenset()):
            raise CallerNotAllowed(f"{name} may not call {service}.")
        claims = {key: _metadata(context, key) for key in (SELLER_KEY, ACTOR_KEY, ROLE_KEY)}
        if any(claims.values()) and name != GATEWAY:
            raise CallerNotAllowed("Only the gateway may say who the seller and the user are.")
        if any(len(values) > 1 for values in claims.values()):
            raise CallerNotAllowed("Seller, actor and role may be given once.")
        seller, actor, role = (values[0] if values else None for values in claims.values())
        return Caller(name, seller, actor, role, _certificate_of(context))


def _names_of(context: Context) -> list[str]:
    """The services that the caller's certificate names; [] for one made for anything else."""
    identities = [bytes(value).decode() for value in context.auth_context().get("peer_spiffe_id", ())]
    return [one.removeprefix(SPIFFE_PREFIX) for one in identities if one.startswith(SPIFFE_PREFIX)]


def _certificate_of(context: Context) -> str:
    (pem,) = context.auth_context().get("x509_pem_cert", (b"",))
    return fingerprint(bytes(pem)) if pem else ""


def _metadata(context: Context, wanted: str) -> list[str]:
    return [str(value) for key, value in context.invocation_metadata() or () if key == wanted]


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_CORRELATION_ID and text.isascii() and text.isprintable()
