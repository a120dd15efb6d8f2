"""A gateway over real sockets, the services behind it over real mTLS, and an issuer. They run for the whole session;
each test is a seller of its own, so tests do not meet.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from devstack.ports import free_port
from gateway.app import Gateway
from gateway.auth import Tokens
from gateway.config import Config
from gateway.http_server import listen_on, serve_http
from gateway.signing_keys import SigningKeys
from gateway.testing.answering import Faults
from gateway.testing.issuer import Issuer
from gateway.testing.services import Services
from gateway.upstreams import connected
from servicekit.clock import SystemClock
from servicekit.testing.ca import TestAuthority

SERVICES = ("inventory", "credentials", "sync-bricklink")
DRAIN = timedelta(seconds=5)


@asynccontextmanager
async def over_http(app: ASGIApp, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """Serves an application; gives its URL."""
    listener = listen_on(address)
    serving = asyncio.create_task(serve_http(app, listener, drain=DRAIN))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@dataclass(frozen=True)
class Behind:
    """What stands behind the gateway."""

    services: Services
    authority: TestAuthority
    addresses: dict[str, str]
    issuer: Issuer

    def config(self, **changes: Any) -> Config:
        """A gateway's settings."""
        tls = self.authority.issue("gateway")
        settings: dict[str, Any] = {
            "tls_ca_file": tls.ca,
            "tls_certificate_file": tls.certificate,
            "tls_key_file": tls.key,
            "issuer_url": self.issuer.url,
            "marketplaces": "bricklink",
            **{f"{name.replace('-', '_')}_address": address for name, address in self.addresses.items()},
        }
        return Config(**settings | changes)


@pytest.fixture(scope="session")
async def behind(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    folder: Path = tmp_path_factory.mktemp("authority")
    authority = TestAuthority(folder)
    addresses = {name: f"127.0.0.1:{free_port()}" for name in SERVICES}
    services = Services()
    issuer_address = f"127.0.0.1:{free_port()}"
    issuer = Issuer(f"http://{issuer_address}", SystemClock())
    async with AsyncExitStack() as stack:
        tls = {name: authority.issue(name) for name in SERVICES}
        await stack.enter_async_context(services.serving(addresses=addresses, tls=tls))
        await stack.enter_async_context(over_http(issuer.app, issuer_address))
        yield Behind(services, authority, addresses, issuer)


@asynccontextmanager
async def gateway_over_http(config: Config) -> AsyncIterator[str]:
    """A gateway with these settings, wired as `__main__` wires it; gives its URL."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        upstreams = await stack.enter_async_context(connected(config))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        keys = SigningKeys(http, config.issuer_url, clock)
        tokens = Tokens(keys, issuer_url=config.issuer_url, audience=config.audience, clock=clock)
        yield await stack.enter_async_context(over_http(Gateway(upstreams=upstreams, keys=keys, tokens=tokens)))


@pytest.fixture(scope="session")
def another_gateway() -> Callable[[Config], contextlib.AbstractAsyncContextManager[str]]:
    """Runs a gateway with other settings."""
    return gateway_over_http


@pytest.fixture(scope="session")
async def url(behind: Behind) -> AsyncIterator[str]:
    """The gateway's URL."""
    async with gateway_over_http(behind.config()) as url:
        yield url


@pytest.fixture
def services(behind: Behind) -> Iterator[Services]:
    """The services behind, to be told what to say or how to fail."""
    told = behind.services
    told.inventory.faults, told.credentials.faults, told.sync_bricklink.faults = Faults(), Faults(), Faults()
    yield told
    told.inventory.faults, told.credentials.faults, told.sync_bricklink.faults = Faults(), Faults(), Faults()
    told.inventory.sync.clear()
    told.sync_bricklink.differences.clear()
    told.sync_bricklink.planned.Clear()


@pytest.fixture
def seller() -> str:
    return f"seller-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def as_role(url: str, behind: Behind, seller: str) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """`as_role("viewer", seller="seller-b")`: a client that has such a token."""
    async with AsyncExitStack() as stack:

        def client(role: str, *, seller: str = seller) -> httpx.AsyncClient:
            token = behind.issuer.token(seller=seller, sub=f"user-{role}", role=role)
            headers = {"Authorization": f"Bearer {token}"}
            opened = httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False)
            stack.push_async_callback(opened.aclose)
            return opened

        yield client


@pytest.fixture
def owner(as_role: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return as_role("owner")


@pytest.fixture
def stranger(as_role: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """The owner of another shop."""
    return as_role("owner", seller=f"seller-{uuid.uuid4().hex[:8]}")
