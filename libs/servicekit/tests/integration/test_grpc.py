"""Our gRPC server and channel over real sockets and certificates: who gets in, and what an error says."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.callers import current_caller, outgoing_metadata, require_role
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import ErrorTable, InvalidField, InvalidFields, problem_of
from servicekit.grpc_server import HealthReporter, serving
from servicekit.logs import correlation_id
from servicekit.mtls import TlsFiles
from servicekit.postgres import create_engine
from servicekit.testing.ca import TestAuthority

SERVICE = "brickops.test.v1.EchoService"
ALLOW = {SERVICE: frozenset({"gateway", "sync-bricklink"})}
CANARY = "canary-value-that-nobody-may-see"


class NotEnough(Exception):
    """Listed in the table below."""


class FarTooFew(NotEnough):
    """Not listed, but its parent is."""


def echo(server: grpc.aio.Server) -> None:
    """A service that says who calls it, or fails as it is asked to."""

    async def who(request: StringValue, context: Any) -> StringValue:
        caller = current_caller()
        return StringValue(value=f"{caller.service} {caller.seller_id} {caller.role} {correlation_id.get()}")

    async def fail(request: StringValue, context: Any) -> Empty:
        match request.value:
            case "listed":
                raise FarTooFew("There are only 3.")
            case "field":
                raise InvalidField("quantity", "must not be negative")
            case "fields":
                raise InvalidFields([InvalidField("a", "is missing"), InvalidField("b", "is too long")])
            case "role":
                require_role("owner")
            case "database":
                async with create_engine(f"postgresql://nobody:{CANARY}@127.0.0.1:{free_port()}/none").connect():
                    pass
            case "abort":
                await context.abort(grpc.StatusCode.OUT_OF_RANGE, "over")
        raise ValueError(CANARY)

    async def count(request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        for number in range(3):
            yield StringValue(value=f"{current_caller().service} {number}")
        if request.value:
            raise FarTooFew("There are only 3.")

    methods = {
        "Who": grpc.unary_unary_rpc_method_handler(who, StringValue.FromString, StringValue.SerializeToString),
        "Fail": grpc.unary_unary_rpc_method_handler(fail, StringValue.FromString, Empty.SerializeToString),
        "Count": grpc.unary_stream_rpc_method_handler(count, StringValue.FromString, StringValue.SerializeToString),
    }
    closed = {"Who": methods["Who"]}
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(SERVICE, methods),
            grpc.method_handlers_generic_handler("brickops.test.v1.ForgottenService", closed),
        ]
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def server(tls: TlsFiles, port: int) -> AsyncIterator[HealthReporter]:
    errors: ErrorTable = {NotEnough: (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH")}
    async with serving(
        listen=f"127.0.0.1:{port}", tls=tls, allow=ALLOW, errors=errors, register=echo, grace=1
    ) as health:
        yield health


@pytest.fixture
async def address(authority: TestAuthority) -> AsyncIterator[str]:
    port = free_port()
    async with server(authority.issue("inventory"), port) as health:
        await health.ready()
        yield f"127.0.0.1:{port}"


async def ask(
    address: str,
    tls: TlsFiles,
    value: str = "",
    *,
    method: str = f"{SERVICE}/Who",
    service: str = "inventory",
    metadata: Sequence[tuple[str, str]] = (),
) -> str:
    async with open_channel(address, service=service, tls=tls) as channel:
        call = channel.unary_unary(f"/{method}", StringValue.SerializeToString, StringValue.FromString)
        answer: StringValue = await call(StringValue(value=value), metadata=tuple(metadata), timeout=20)
        return answer.value


async def refusal(*args: Any, **kwargs: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ask(*args, **kwargs)
    return raised.value


async def test_an_allowed_service_is_known_by_its_certificate(address: str, authority: TestAuthority) -> None:
    answer = await ask(address, authority.issue("sync-bricklink"))

    assert answer.startswith("sync-bricklink None None ")


async def test_the_gateway_says_for_whom_it_calls(address: str, authority: TestAuthority) -> None:
    metadata = outgoing_metadata(seller_id="s-1", actor="u-1", role="editor", correlation_id="c-1")

    assert await ask(address, authority.issue("gateway"), metadata=metadata) == "gateway s-1 editor c-1"


async def test_the_correlation_id_of_the_context_is_handed_on(address: str, authority: TestAuthority) -> None:
    token = correlation_id.set("c-of-context")
    try:
        assert await ask(address, authority.issue("gateway")) == "gateway None None c-of-context"
    finally:
        correlation_id.reset(token)


@pytest.mark.parametrize("given", ["", "x" * 129])
async def test_a_useless_correlation_id_is_replaced(address: str, authority: TestAuthority, given: str) -> None:
    answer = await ask(address, authority.issue("gateway"), metadata=outgoing_metadata(correlation_id=given))

    assert len(answer.split()[-1]) == 32


@pytest.mark.parametrize("claim", [{"seller_id": "s-1"}, {"actor": "u-1"}, {"role": "owner"}])
async def test_seller_metadata_of_anyone_but_the_gateway_is_refused(
    address: str, authority: TestAuthority, claim: dict[str, str]
) -> None:
    error = await refusal(address, authority.issue("sync-bricklink"), metadata=outgoing_metadata(**claim))

    assert (error.code(), problem_of(error).reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")


async def test_a_seller_named_twice_is_refused(address: str, authority: TestAuthority) -> None:
    twice = [*outgoing_metadata(seller_id="s-1"), *outgoing_metadata(seller_id="s-2")]
    error = await refusal(address, authority.issue("gateway"), metadata=twice)

    assert problem_of(error).reason == "CALLER_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("uri", "method"),
    [
        ("spiffe://brickops/sync-brickowl", f"{SERVICE}/Who"),
        ("spiffe://elsewhere/gateway", f"{SERVICE}/Who"),
        ("spiffe://brickops/gateway/admin", f"{SERVICE}/Who"),
        ("spiffe://brickops/gateway", "brickops.test.v1.ForgottenService/Who"),
    ],
    ids=["not-listed", "another-trust-domain", "a-longer-name", "a-service-without-a-list"],
)
async def test_who_is_not_listed_is_refused(address: str, authority: TestAuthority, uri: str, method: str) -> None:
    error = await refusal(address, authority.issue("gateway", uri=uri, name="refused"), method=method)

    assert (error.code(), problem_of(error).reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")


@pytest.mark.parametrize("kind", ["none", "another-authority", "expired"])
async def test_without_a_valid_certificate_of_ours_there_is_no_handshake(
    address: str, authority: TestAuthority, strangers: TestAuthority, kind: str
) -> None:
    theirs = strangers.issue("gateway")
    match kind:
        case "none":
            credentials = grpc.ssl_channel_credentials(authority.ca_file.read_bytes())
        case "another-authority":
            credentials = client_credentials(authority, theirs)
        case _:
            credentials = client_credentials(authority, authority.issue("gateway", expired=True, name="old"))
    options = (("grpc.ssl_target_name_override", "inventory"),)
    async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
        call = channel.unary_unary(f"/{SERVICE}/Who", StringValue.SerializeToString, StringValue.FromString)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(StringValue(), timeout=20)

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def client_credentials(authority: TestAuthority, files: TlsFiles) -> grpc.ChannelCredentials:
    """Believe our authority, so that it is the server that refuses."""
    return grpc.ssl_channel_credentials(
        authority.ca_file.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
    )


async def test_a_client_refuses_a_server_of_another_name(address: str, authority: TestAuthority) -> None:
    error = await refusal(address, authority.issue("gateway"), service="credentials")

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert problem_of(error).reason == "UNAVAILABLE"


async def test_nothing_below_tls_1_3_is_spoken(address: str, authority: TestAuthority) -> None:
    files = authority.issue("gateway")
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.certificate, files.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, port = address.split(":")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await asyncio.open_connection(host, int(port), ssl=context, server_hostname="inventory")

    context.maximum_version = ssl.TLSVersion.TLSv1_3
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="inventory")
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()
    await writer.wait_closed()


async def test_a_reissued_certificate_needs_no_restart(authority: TestAuthority, strangers: TestAuthority) -> None:
    """The server serves the file as it is now; clients that shake hands from then on see it."""
    files = authority.issue("inventory", dns="formerly-inventory")
    port = free_port()
    async with server(files, port):
        gateway = authority.issue("gateway")
        assert (await refusal(f"127.0.0.1:{port}", gateway)).code() is grpc.StatusCode.UNAVAILABLE
        authority.issue("inventory")
        assert await ask(f"127.0.0.1:{port}", gateway)


async def test_a_listed_error_says_its_reason(address: str, authority: TestAuthority) -> None:
    problem = problem_of(await refusal(address, authority.issue("gateway"), "listed", method=f"{SERVICE}/Fail"))

    assert (problem.code, problem.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH")
    assert problem.message == "There are only 3."


@pytest.mark.parametrize(
    ("asked", "violations"),
    [("field", [("quantity", "must not be negative")]), ("fields", [("a", "is missing"), ("b", "is too long")])],
)
async def test_invalid_fields_are_named(
    address: str, authority: TestAuthority, asked: str, violations: list[tuple[str, str]]
) -> None:
    problem = problem_of(await refusal(address, authority.issue("gateway"), asked, method=f"{SERVICE}/Fail"))

    assert (problem.code, problem.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert problem.violations == violations


async def test_a_role_that_does_not_suffice_is_refused(address: str, authority: TestAuthority) -> None:
    editor = outgoing_metadata(seller_id="s-1", actor="u-1", role="editor")
    error = await refusal(address, authority.issue("gateway"), "role", method=f"{SERVICE}/Fail", metadata=editor)

    assert (error.code(), problem_of(error).reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")


async def test_an_unexpected_error_shows_a_reference_and_nothing_else(
    address: str, authority: TestAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    error = await refusal(address, authority.issue("gateway"), "surprise", method=f"{SERVICE}/Fail")
    problem = problem_of(error)

    assert (problem.code, problem.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert CANARY not in f"{error} {error.trailing_metadata()}"
    assert [record.__dict__.get("reference") for record in caplog.records if record.levelname == "ERROR"] == [
        problem.reference
    ]


async def test_while_its_database_is_away_so_is_a_service(
    address: str, authority: TestAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Callers repeat what is UNAVAILABLE; INTERNAL they would take for an answer."""
    error = await refusal(address, authority.issue("gateway"), "database", method=f"{SERVICE}/Fail")

    assert (error.code(), problem_of(error).reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_AWAY")
    assert CANARY not in f"{error} {error.trailing_metadata()} {caplog.text}"


async def test_an_abort_stays_what_it_is(address: str, authority: TestAuthority) -> None:
    error = await refusal(address, authority.issue("gateway"), "abort", method=f"{SERVICE}/Fail")

    assert (error.code(), error.details()) == (grpc.StatusCode.OUT_OF_RANGE, "over")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_stream_is_guarded_too(address: str, authority: TestAuthority, fails: bool) -> None:
    async with open_channel(address, service="inventory", tls=authority.issue("gateway")) as channel:
        call = channel.unary_stream(f"/{SERVICE}/Count", StringValue.SerializeToString, StringValue.FromString)
        stream = call(StringValue(value="fail" if fails else ""), timeout=20)
        answers = [await stream.read() for _ in range(3)]
        if fails:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stream.read()
            assert problem_of(raised.value).reason == "NOT_ENOUGH"
        else:
            assert await stream.read() is grpc.aio.EOF

    assert answers == [StringValue(value=f"gateway {number}") for number in range(3)]


async def test_health_is_open_to_every_certificate_of_ours(authority: TestAuthority) -> None:
    """A probe's certificate is in no list; the server is not ready until it says so."""
    port = free_port()
    tls = authority.issue("devstack")
    async with (
        server(authority.issue("inventory"), port) as health,
        open_channel(f"127.0.0.1:{port}", service="inventory", tls=tls) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        statuses = [(await stub.Check(health_pb2.HealthCheckRequest())).status]
        watched = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        statuses.append((await watched.read()).status)
        await health.ready()
        statuses.append((await watched.read()).status)
        statuses.append((await stub.Check(health_pb2.HealthCheckRequest())).status)
        await health.not_ready()
        statuses.append((await watched.read()).status)
        watched.cancel()

    assert [health_pb2.HealthCheckResponse.ServingStatus.Name(status) for status in statuses] == [
        "NOT_SERVING",
        "NOT_SERVING",
        "SERVING",
        "SERVING",
        "NOT_SERVING",
    ]


async def test_a_port_in_use_is_one_clear_error(address: str, authority: TestAuthority) -> None:
    with pytest.raises(OSError, match=f"cannot listen on {address}"):
        async with server(authority.issue("inventory"), int(address.split(":")[1])):
            pass


async def test_every_call_is_one_line_without_its_payload(
    address: str, authority: TestAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "servicekit")
    await ask(address, authority.issue("gateway"), CANARY)
    await refusal(address, authority.issue("sync-brickowl"), CANARY)
    lines = [record.__dict__ for record in caplog.records if record.message == "answered"]

    assert [(line["rpc"], line["caller"], line["outcome"]) for line in lines] == [
        (f"/{SERVICE}/Who", ["gateway"], "OK"),
        (f"/{SERVICE}/Who", ["sync-brickowl"], "CallerNotAllowed"),
    ]
    assert CANARY not in str(lines)


async def test_calls_come_back_after_an_outage(authority: TestAuthority) -> None:
    """The same channel works again with the server, within about a second, when told to wait."""
    port, tls = free_port(), authority.issue("inventory")
    async with open_channel(f"127.0.0.1:{port}", service="inventory", tls=authority.issue("gateway")) as channel:
        call: Callable[..., Any] = channel.unary_unary(
            f"/{SERVICE}/Who", StringValue.SerializeToString, StringValue.FromString
        )
        for _ in range(2):
            async with server(tls, port):
                await call(StringValue(), timeout=20, wait_for_ready=True)
