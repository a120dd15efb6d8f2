"""gRPC takes the setting that leaves only TLS 1.3 at import, so it matters what is imported first."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("first", "environ", "holds"),
    [
        ("servicekit, grpc", {}, True),
        ("grpc, servicekit", {}, False),
        ("grpc, servicekit", {"GRPC_SSL_CIPHER_SUITES": "ECDHE-RSA-AES256-GCM-SHA384"}, True),
    ],
)
def test_it_is_known_whether_the_setting_came_in_time(first: str, environ: dict[str, str], holds: bool) -> None:
    program = f"import {first}; print(servicekit.TLS_1_3_ONLY)"
    said = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == str(holds)
