from collections.abc import AsyncIterator

import httpx
import pytest
from gateway.auth import Tokens
from gateway.signing_keys import SigningKeys
from gateway.testing.issuer import Issuer
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
