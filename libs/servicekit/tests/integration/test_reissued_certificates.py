"""Certificates are replaced on disk while calls are made: every call is answered, and the newest is shown."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from servicekit.callers import current_caller
from servicekit.certificate_expiry import say_expiry
from servicekit.clock import SystemClock
from servicekit.grpc_client import open_channel
from servicekit.grpc_server import serving
from servicekit.mtls import Reloaded, TlsFiles, fingerprint
from servicekit.testing.ca import TestAuthority

SERVICE = "brickops.test.v1.CertificateService"


class Held:
    """A call that is held until the test lets it go."""

    def __init__(self) -> None:
        self.arrived, self.go = asyncio.Event(), asyncio.Event()


@asynccontextmanager
async def answering(tls: TlsFiles, port: int, held: Held) -> AsyncIterator[str]:
    """A server that tells each caller its certificate; gives its address."""

    async def certificate(request: StringValue, context: Any) -> StringValue:
        if request.value == "held":
            held.arrived.set()
            await held.go.wait()
        return StringValue(value=current_caller().certificate)

    def register(server: grpc.aio.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            certificate, StringValue.FromString, StringValue.SerializeToString
        )
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Certificate": handler})])

    allow = {SERVICE: frozenset({"gateway"})}
    async with serving(listen=f"127.0.0.1:{port}", tls=tls, allow=allow, errors={}, register=register, grace=1):
        yield f"127.0.0.1:{port}"


def shown_by(files: TlsFiles) -> str:
    return fingerprint(files.certificate.read_bytes())


async def test_no_call_is_dropped_over_reissues(tmp_path: Path, unused_tcp_port: int) -> None:
    """Eight callers without a pause, five reissues on both sides, and one call that outlasts them all."""
    authority, held = TestAuthority(tmp_path), Held()
    client = authority.issue("gateway")
    issued = [shown_by(client)]
    seen: list[str] = []
    async with (
        answering(authority.issue("inventory"), unused_tcp_port, held) as address,
        open_channel(address, service="inventory", tls=client) as channel,
    ):
        ask = channel.unary_unary(f"/{SERVICE}/Certificate", StringValue.SerializeToString, StringValue.FromString)
        outlasting = asyncio.ensure_future(ask(StringValue(value="held"), timeout=30))
        await held.arrived.wait()
        done = asyncio.Event()

        async def call_on() -> None:
            while not done.is_set():
                seen.append((await ask(StringValue(), timeout=10)).value)

        callers = [asyncio.ensure_future(call_on()) for _ in range(8)]
        for _ in range(5):
            authority.issue("inventory")
            issued.append(shown_by(authority.issue("gateway")))
            assert (await ask(StringValue(), timeout=10)).value == issued[-1]
        done.set()
        await asyncio.gather(*callers)
        held.go.set()
        assert (await outlasting).value == issued[0]
    assert set(seen) <= set(issued)
    assert len(set(issued)) == 6


async def test_while_files_do_not_fit_together_the_last_good_ones_are_shown(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    authority = TestAuthority(tmp_path)
    server, client = authority.issue("inventory"), authority.issue("gateway")
    strangers = TestAuthority(tmp_path / "strangers").issue("gateway")
    async with (
        answering(server, unused_tcp_port, Held()) as address,
        open_channel(address, service="inventory", tls=client) as channel,
    ):
        ask = channel.unary_unary(f"/{SERVICE}/Certificate", StringValue.SerializeToString, StringValue.FromString)
        good = shown_by(authority.issue("gateway"))
        assert (await ask(StringValue(), timeout=10)).value == good
        for files in (client, server):
            certificate = files.certificate.read_bytes()
            for broken in (strangers.certificate.read_bytes(), b"no certificate", None):
                files.certificate.unlink() if broken is None else files.certificate.write_bytes(broken)
                assert (await ask(StringValue(), timeout=10)).value == good
                async with open_channel(
                    address, service="inventory", tls=authority.issue("gateway", name="x")
                ) as other:
                    ask_anew = other.unary_unary(
                        f"/{SERVICE}/Certificate", StringValue.SerializeToString, StringValue.FromString
                    )
                    assert (await ask_anew(StringValue(), timeout=10)).value
            files.certificate.write_bytes(certificate)


async def test_files_must_be_there_at_first(tmp_path: Path) -> None:
    files = TlsFiles(ca=tmp_path / "ca", certificate=tmp_path / "certificate", key=tmp_path / "key")
    with pytest.raises(FileNotFoundError):
        open_channel("127.0.0.1:1", service="inventory", tls=files)


@pytest.mark.parametrize(
    ("valid_for", "level"),
    [(timedelta(days=15), "INFO"), (timedelta(days=13), "WARNING"), (timedelta(minutes=-1), "ERROR")],
)
def test_the_end_of_a_certificate_is_told_in_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, valid_for: timedelta, level: str
) -> None:
    files = TestAuthority(tmp_path).issue("inventory", valid_for=valid_for)
    with caplog.at_level(logging.INFO, logger="servicekit.certificate_expiry"):
        say_expiry(Reloaded(files), SystemClock())
    (record,) = caplog.records
    assert record.levelname == level
    assert record.__dict__["seconds_left"] == pytest.approx(valid_for.total_seconds(), abs=10)
