"""Certificates are replaced on disk while calls are made: every call is answered, and the newest is shown."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable
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


Broken = Callable[[TlsFiles, TlsFiles], tuple[Path, bytes | None, str]]
"""Of our files and a stranger's: which file is changed, its new content (None: gone), and what the log says of it."""


def half_an_authority(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    """Two of them, as while one is handed over to the next; the second is still being written."""
    whole = ours.ca.read_bytes()
    return ours.ca, whole + strangers.ca.read_bytes()[:-30], f"{ours.ca} holds no whole certificates"


def cut_at_a_line(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    whole = ours.ca.read_bytes()
    return ours.ca, whole + whole[: whole.index(b"\n") + 1], f"{ours.ca} holds no whole certificates"


def no_authority(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    return ours.ca, b"", f"{ours.ca} holds no whole certificates"


def another_authority(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    """Of the same name."""
    return ours.ca, strangers.ca.read_bytes(), f"{ours.certificate} is not of an authority in {ours.ca}"


def no_certificate(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    return ours.certificate, b"no certificate", f"{ours.certificate} holds no whole certificate"


def half_a_certificate(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    return ours.certificate, ours.certificate.read_bytes()[:-30], f"{ours.certificate} holds no whole certificate"


def a_strangers_certificate(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    return ours.certificate, strangers.certificate.read_bytes(), f"{ours.key} is not the key of {ours.certificate}"


def half_a_key(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, bytes, str]:
    return ours.key, ours.key.read_bytes()[:-30], f"{ours.key} holds no whole private key"


def gone(ours: TlsFiles, strangers: TlsFiles) -> tuple[Path, None, str]:
    return ours.certificate, None, ""


BROKEN: tuple[Broken, ...] = (
    *(half_an_authority, cut_at_a_line, no_authority, another_authority),
    *(no_certificate, half_a_certificate, a_strangers_certificate, half_a_key, gone),
)


@pytest.mark.parametrize("broken", BROKEN)
async def test_while_files_do_not_fit_together_the_last_good_ones_are_shown(
    tmp_path: Path, unused_tcp_port: int, caplog: pytest.LogCaptureFixture, broken: Broken
) -> None:
    """By a client and by a server: both are called, and the log names the file, once. Whole again, they are taken."""
    authority = TestAuthority(tmp_path / "server")
    server, client = authority.issue("inventory"), copied(authority.issue("gateway"), tmp_path / "client")
    strangers = TestAuthority(tmp_path / "strangers").issue("gateway")
    caller = copied(client, tmp_path / "caller")
    async with (
        answering(server, unused_tcp_port, Held()) as address,
        open_channel(address, service="inventory", tls=client) as channel,
    ):
        ask = channel.unary_unary(f"/{SERVICE}/Certificate", StringValue.SerializeToString, StringValue.FromString)
        good = shown_by(client)
        for files in (client, server):
            changed, content, said = broken(files, strangers)
            whole = changed.read_bytes()
            caplog.clear()
            changed.unlink() if content is None else changed.write_bytes(content)
            for _ in range(3):
                assert (await ask(StringValue(), timeout=10)).value == good
                async with open_channel(address, service="inventory", tls=caller) as anew:
                    ask_anew = anew.unary_unary(
                        f"/{SERVICE}/Certificate", StringValue.SerializeToString, StringValue.FromString
                    )
                    assert (await ask_anew(StringValue(), timeout=10)).value == good
            logged = [record for record in caplog.records if record.name == "servicekit.mtls"]
            told = [(record.levelname, record.__dict__["because"]) for record in logged]
            assert told == ([("ERROR", said)] if said else [])
            changed.write_bytes(whole)
        newest = copied(authority.issue("gateway"), client.ca.parent)
        assert (await ask(StringValue(), timeout=10)).value == shown_by(newest) != good


async def test_an_authority_may_sign_by_way_of_another(tmp_path: Path, unused_tcp_port: int) -> None:
    """The certificate's file then holds the way to it."""
    authority = TestAuthority(tmp_path)
    client = authority.issue("gateway")
    identity = Reloaded(client)
    before = identity.get()
    client.certificate.write_bytes(client.certificate.read_bytes() + client.ca.read_bytes())
    assert identity.get() is not before
    client.certificate.write_bytes(client.certificate.read_bytes() + before.certificate)
    kept = identity.get()
    assert kept.certificate != client.certificate.read_bytes(), "the last one did not sign the one before it"


def copied(files: TlsFiles, folder: Path) -> TlsFiles:
    """The same in a folder of their own."""
    folder.mkdir(exist_ok=True)
    return TlsFiles(**{name: Path(shutil.copy(getattr(files, name), folder)) for name in ("ca", "certificate", "key")})


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
