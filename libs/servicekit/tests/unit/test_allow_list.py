"""What no real client can be made to send: calls over old TLS, and certificates that name several services."""

from typing import Any

import pytest

from servicekit.callers import CallerNotAllowed, current_caller
from servicekit.grpc_server import AllowList

SERVICE = "brickops.test.v1.EchoService"


class Call:
    """A call's context as far as the allow list looks at it."""

    def __init__(self, **auth: bytes | list[bytes]) -> None:
        self._auth = {key: value if isinstance(value, list) else [value] for key, value in auth.items()}

    def auth_context(self) -> dict[str, list[bytes]]:
        return self._auth

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


class Details:
    """Which method is called."""

    method = f"/{SERVICE}/Who"


async def admit(call: Any) -> str:
    details: Any = Details()
    async with AllowList({SERVICE: frozenset({"gateway"})}).around(details, call):
        return current_caller().service


async def test_tls_1_3_is_let_in() -> None:
    call = Call(ssl_tls_version=b"TLSv1.3", peer_spiffe_id=b"spiffe://brickops/gateway")

    assert await admit(call) == "gateway"


@pytest.mark.parametrize(
    "call",
    [
        Call(ssl_tls_version=b"TLSv1.2", peer_spiffe_id=b"spiffe://brickops/gateway"),
        Call(ssl_tls_version=b"TLSv1.3", peer_spiffe_id=[b"spiffe://brickops/gateway", b"spiffe://brickops/inventory"]),
        Call(ssl_tls_version=b"TLSv1.3"),
    ],
    ids=["old-tls", "two-names", "no-name"],
)
async def test_a_doubtful_caller_is_refused(call: Call) -> None:
    with pytest.raises(CallerNotAllowed):
        await admit(call)
