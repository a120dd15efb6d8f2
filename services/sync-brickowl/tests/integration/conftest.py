"""A shop of Brick Owl's sandbox over real HTTP, on a clock turned by hand."""

from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest

from product.brickowl import Sandbox
from sandbox.brickowl.marketplace import BRICKOWL
from sandbox.testing import OwlShopControl, RunningSandbox, running_sandbox
from sync_brickowl.auth import ShopKeys
from sync_brickowl.client import MAX_CONNECTIONS, BrickOwl
from sync_brickowl.listing import facts
from syncengine.service.http import open_http
from syncengine.testing.clock import HandClock

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def owl_clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
async def owl(owl_clock: HandClock) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(BRICKOWL, clock=owl_clock.now) as running:
        yield running


@pytest.fixture(scope="session")
async def http(owl: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(owl.api_url, connections=MAX_CONNECTIONS) as http:
        yield http


@pytest.fixture
async def sandbox(owl: RunningSandbox, http: httpx.AsyncClient, owl_clock: HandClock) -> AsyncIterator[Sandbox]:
    """A shop of its own for each test."""
    number = next(_NUMBERS)
    key = f"CANARYOWLKEY{number:04d}"
    async with OwlShopControl.open(owl.url, f"shop{number}") as control:
        await control.put(keys={"key": key}, seller_name=f"seller{number}", currency="EUR")
        yield Sandbox(control, BrickOwl(http, ShopKeys(key=key), facts(600, 200)), key, owl_clock)
