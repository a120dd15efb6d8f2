"""A real sandbox, a fresh shop for each test, and a client that signs as the sync service does: with authlib."""

import time
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from authlib.oauth1 import ClientAuth

from sandbox.testing import NO_TLS, RunningSandbox, ShopControl

_NUMBERS = count(1)


def make_keys() -> dict[str, str]:
    """Return keys that no other shop has."""
    number = next(_NUMBERS)
    return {
        name: f"{name.upper()}{number:04d}" for name in ("consumer_key", "consumer_secret", "token", "token_secret")
    }


class _Client(ClientAuth):  # type: ignore[misc]  # authlib has no types
    """authlib's client with a nonce and a timestamp of our choice."""

    def __init__(self, keys: dict[str, str]) -> None:
        super().__init__(
            keys["consumer_key"], keys["consumer_secret"], token=keys["token"], token_secret=keys["token_secret"]
        )
        self.timestamps = count(int(time.time()) - 200)  # rising, and far from both ends of the window
        self.fixed: tuple[str, int] | None = None

    def get_oauth_params(self, nonce: str, timestamp: str) -> Any:
        nonce, seconds = self.fixed or (nonce, next(self.timestamps))
        return super().get_oauth_params(nonce, str(seconds))


class Signer(httpx.Auth):
    """Signs each request as BrickLink's clients do: in the header, the body left out."""

    def __init__(self, keys: dict[str, str]) -> None:
        self.client = _Client(keys)

    def authorization(self, method: str, url: str, body: bytes = b"") -> str:
        """Return the header's value; a body adds authlib's `oauth_body_hash`."""
        _, headers, _ = self.client.sign(method, url, {}, body)
        return str(headers["Authorization"])

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self.authorization(request.method, str(request.url))
        yield request


class BrickLink:
    """A signed client of the Store API; every answer's envelope is returned as it came."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.signer = Signer(keys)
        self.http = httpx.AsyncClient(base_url=url, auth=self.signer, timeout=20, trust_env=False, verify=NO_TLS)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one signed request; returns the envelope."""
        return (await self.http.request(method, path, json=body)).json()

    async def get(self, path: str) -> Any:
        """Return the data of a read that must succeed."""
        envelope = await self.call("GET", path)
        assert envelope["meta"]["code"] == 200, envelope
        return envelope["data"]


@dataclass(frozen=True)
class Shop:
    """One shop from both sides: the signed client, and the control API."""

    name: str
    keys: dict[str, str]
    api: BrickLink
    control: ShopControl


LOT = {
    "item": {"no": "3001", "type": "PART"},
    "color_id": 5,
    "quantity": 40,
    "unit_price": "0.1200",
    "new_or_used": "U",
    "description": "",
    "remarks": "A1-03",
    "bulk": 1,
    "is_retain": False,
    "is_stock_room": False,
}


@pytest.fixture
async def shop(sandbox: RunningSandbox) -> AsyncIterator[Shop]:
    keys = make_keys()
    name = f"shop{keys['token'][-4:]}"
    async with ShopControl.open(sandbox.url, name) as control:
        await control.put(keys=keys)
        api = BrickLink(sandbox.api_url, keys)
        async with api.http:
            yield Shop(name, keys, api, control)
