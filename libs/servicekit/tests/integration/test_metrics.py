"""Numbers of a process, as Prometheus reads them."""

import math
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.x509 import load_pem_x509_certificate
from prometheus_client.parser import text_string_to_metric_families

from servicekit.metrics import serving_metrics
from servicekit.mtls import TlsFiles
from servicekit.testing.ca import TestAuthority


async def expires(port: int) -> float:
    async with httpx.AsyncClient() as http:
        shown = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    (family,) = [
        family
        for family in text_string_to_metric_families(shown)
        if family.name == "brickops_certificate_expires_timestamp_seconds"
    ]
    return float(family.samples[0].value)


def end_of(files: TlsFiles) -> float:
    return load_pem_x509_certificate(files.certificate.read_bytes()).not_valid_after_utc.timestamp()


async def test_the_end_of_the_certificate_is_that_of_the_file_as_it_is_now(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    authority = TestAuthority(tmp_path)
    files = authority.issue("inventory")
    async with serving_metrics(f"127.0.0.1:{unused_tcp_port}", files):
        assert await expires(unused_tcp_port) == end_of(files)
        authority.issue("inventory", valid_for=timedelta(days=90))
        assert await expires(unused_tcp_port) == end_of(files)
        with pytest.raises(OSError, match="cannot serve metrics on 127"):
            async with serving_metrics(f"127.0.0.1:{unused_tcp_port}", files):
                pass
    with pytest.raises(httpx.ConnectError):
        await expires(unused_tcp_port)


async def test_what_is_no_certificate_has_no_end(tmp_path: Path, unused_tcp_port: int) -> None:
    files = TestAuthority(tmp_path).issue("inventory")
    files.certificate.write_text("no certificate")
    async with serving_metrics(f"127.0.0.1:{unused_tcp_port}", files):
        assert math.isnan(await expires(unused_tcp_port))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", ":"])
async def test_what_is_no_address_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(OSError, match=f"cannot serve metrics on {address}"):
        async with serving_metrics(address, TestAuthority(tmp_path).issue("inventory")):
            pass


async def test_without_an_address_there_is_nothing_to_serve_or_read(tmp_path: Path) -> None:
    nowhere = TlsFiles(ca=tmp_path / "ca", certificate=tmp_path / "certificate", key=tmp_path / "key")
    async with serving_metrics("", nowhere):
        pass
