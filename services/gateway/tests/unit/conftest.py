from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from gateway.app import Gateway
from gateway.auth import Tokens
from gateway.signing_keys import SigningKeys
from gateway.testing.issuer import Issuer
from gateway.upstreams import Upstreams
from servicekit.testing.clock import SteppedClock

ISSUER_URL = "http://issuer.test"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def issuer(clock: SteppedClock) -> Issuer:
    return Issuer(ISSUER_URL, clock)


@pytest.fixture
async def keys(issuer: Issuer, clock: SteppedClock) -> AsyncIterator[SigningKeys]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(issuer.app)) as http:
        yield SigningKeys(http, ISSUER_URL, clock)


@pytest.fixture
def tokens(keys: SigningKeys, clock: SteppedClock) -> Tokens:
    return Tokens(keys, issuer_url=ISSUER_URL, audience="brickops", clock=clock)


@pytest.fixture
def app(keys: SigningKeys, tokens: Tokens) -> Gateway:
    """The whole application with nobody behind it."""
    nobody = cast("Any", None)
    upstreams = Upstreams(inventory=nobody, credentials=nobody, sync={"bricklink": nobody})
    return Gateway(upstreams=upstreams, keys=keys, tokens=tokens)


@pytest.fixture
async def client(app: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.test") as client:
        yield client
