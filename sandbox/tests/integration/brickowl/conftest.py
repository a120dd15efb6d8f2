"""A real Brick Owl sandbox, a fresh shop for each test, and a client with its key."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest

from sandbox.testing import NO_TLS, OwlShopControl, RunningSandbox

_NUMBERS = count(1)

LOT = {"boid": "771344", "color_id": "81", "quantity": "40", "price": "0.800", "condition": "new"}


def make_key() -> str:
    """Return a key that no other shop has."""
    return f"OWLKEY{next(_NUMBERS):04d}"


class BrickOwl:
    """A client of the API: the key in the query of a GET, in the form of a POST."""

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self.http = httpx.AsyncClient(base_url=url, timeout=20, trust_env=False, verify=NO_TLS)

    async def get(self, path: str, **params: str) -> Any:
        """Return the answer's JSON."""
        return (await self.http.get(path, params={"key": self.key, **params})).json()

    async def post(self, path: str, **params: str) -> Any:
        """Return the answer's JSON."""
        return (await self.send(path, **params)).json()

    async def send(self, path: str, **params: str) -> httpx.Response:
        """Return the whole answer to a POST."""
        return await self.http.post(path, data={"key": self.key, **params})

    async def batch(self, *entries: tuple[str, dict[str, Any]]) -> Any:
        """Return the answer to a batch of POSTs."""
        requests = [{"endpoint": path, "request_method": "POST", "params": [params]} for path, params in entries]
        return await self.post("/bulk/batch", requests=json.dumps({"requests": requests}))


@dataclass(frozen=True)
class Shop:
    """One shop from both sides: the client with its key, and the control API."""

    name: str
    api: BrickOwl
    control: OwlShopControl

    async def quantities(self) -> Sequence[int]:
        """The pieces of every lot."""
        return [lot["qty"] for lot in (await self.control.lots()).values()]


@pytest.fixture
async def shop(brickowl_sandbox: RunningSandbox) -> AsyncIterator[Shop]:
    key = make_key()
    name = f"shop{key[-4:]}"
    async with OwlShopControl.open(brickowl_sandbox.url, name) as control:
        await control.put(keys={"key": key})
        api = BrickOwl(brickowl_sandbox.api_url, key)
        async with api.http:
            yield Shop(name, api, control)


@pytest.fixture
async def lot_id(shop: Shop) -> int:
    return int((await shop.control.add_lot(**LOT))["lot_id"])
