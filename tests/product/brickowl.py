"""A shop of Brick Owl's sandbox with the adapter before it, for tests of the adapter alone and with the engine.

A pytest plugin: a module names it in `pytest_plugins`, and asks for `owl`, or for `world`: the engine over it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import httpx
import pytest

from product.owl_world import OwlWorld
from sandbox.brickowl.marketplace import BRICKOWL
from sandbox.testing import OwlShopControl, RunningSandbox, running_sandbox
from sync_brickowl.auth import ShopKeys
from sync_brickowl.client import MAX_CONNECTIONS, BrickOwl
from sync_brickowl.listing import facts
from syncengine.marketplace import Ticket
from syncengine.service.http import open_http
from syncengine.testing.clock import HandClock

_NUMBERS = count(1)


@dataclass
class Owl:
    """A shop, the adapter with its key, and the side doors to it."""

    control: OwlShopControl
    shop: BrickOwl
    key: str
    clock: HandClock
    _stamps: list[datetime] = field(default_factory=list)

    def ticket(self, deadline: float = 20) -> Ticket:
        """Stamps rise strictly (rule B4)."""
        step = self.shop.facts.stamp_step
        last = self._stamps[-1] if self._stamps else self.clock.now() - step
        self._stamps.append(max(self.clock.now(), last + step))
        return Ticket(stamp=self._stamps[-1], deadline=timedelta(seconds=deadline))


@pytest.fixture(scope="session")
def owl_clock() -> HandClock:
    """The shop's clock and ours."""
    return HandClock()


@pytest.fixture(scope="session")
async def owl_sandbox(owl_clock: HandClock) -> AsyncIterator[RunningSandbox]:
    """The sandbox on that clock."""
    async with running_sandbox(BRICKOWL, clock=owl_clock.now) as running:
        yield running


@pytest.fixture(scope="session")
async def owl_http(owl_sandbox: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """The client that all shops share."""
    async with open_http(owl_sandbox.api_url, connections=MAX_CONNECTIONS) as http:
        yield http


@pytest.fixture
async def owl(owl_sandbox: RunningSandbox, owl_http: httpx.AsyncClient, owl_clock: HandClock) -> AsyncIterator[Owl]:
    """A shop of its own for each test."""
    number = next(_NUMBERS)
    key = f"CANARYOWLKEY{number:04d}"
    async with OwlShopControl.open(owl_sandbox.url, f"shop{number}") as control:
        await control.put(keys={"key": key}, seller_name=f"seller{number}", currency="EUR")
        yield Owl(control, BrickOwl(owl_http, ShopKeys(key=key), facts(600, 200)), key, owl_clock)


@pytest.fixture
async def world(owl: Owl) -> OwlWorld:
    """The engine over the adapter, and a seller whose shop is empty."""
    world = OwlWorld(owl)
    await world.open()
    return world
