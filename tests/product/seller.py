"""A seller as tests play one: REST with their own token, and their own shop in the sandbox."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from devstack.testing import Stack
from devstack.tokens import demo_seller, demo_user
from product.lots import Json, a_part
from product.waiting import PATIENCE, until
from sandbox.testing import NO_TLS, ShopControl

BRICKLINK = "/v1/connections/bricklink"

# Gateway and sandbox close an idle connection after 5 s. A request sent at that very moment would find it closed.
_LIMITS = httpx.Limits(keepalive_expiry=2)


def new_keys() -> dict[str, str]:
    """Keys that no other shop has."""
    return {name: secrets.token_hex(16) for name in ("consumer_key", "consumer_secret", "token", "token_secret")}


class Seller:
    """One seller. Methods that stand for a step of a story raise AssertionError when the step is refused."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, shop: ShopControl, *, currency: str) -> None:
        self.name = f"t{secrets.token_hex(6)}"
        """What the issuer knows the seller by."""
        self.shop = shop
        self.shop_name = f"shop-{secrets.token_hex(4)}"
        self.currency = currency
        self.keys = new_keys()
        self._http = http
        self._tokens = {role: stack.token(role, seller=self.name) for role in ("owner", "editor", "viewer")}

    @classmethod
    @asynccontextmanager
    async def opened(cls, stack: Stack, *, currency: str = "EUR", **switches: object) -> AsyncIterator["Seller"]:
        """A new seller with an empty shop, not connected yet. `switches` are the sandbox shop's.

        At the end the shop is disconnected, so that nobody polls it for the rest of the session.
        """
        async with (
            httpx.AsyncClient(
                base_url=stack.gateway_url, timeout=30, trust_env=False, verify=NO_TLS, limits=_LIMITS
            ) as http,
            httpx.AsyncClient(
                base_url=stack.sandbox_url, timeout=60, trust_env=False, verify=NO_TLS, limits=_LIMITS
            ) as control,
        ):
            shop = ShopControl(control, f"shop-{secrets.token_hex(6)}")
            seller = cls(stack, http, shop, currency=currency)
            await shop.put(keys=seller.keys, seller_name=seller.shop_name, currency=currency, switches=switches)
            try:
                yield seller
            finally:
                await shop.clear_faults()
                await seller.ask("DELETE", BRICKLINK)

    @property
    def seller_id(self) -> str:
        """The opaque id in this seller's tokens."""
        return demo_seller(self.name)

    def user_id(self, role: str = "owner") -> str:
        """The opaque id of the user who has this role."""
        return demo_user(self.name, role)

    def token(self, role: str = "owner") -> str:
        """The bearer token of the user who has this role."""
        return self._tokens[role]

    def hear(self, hook: Callable[[httpx.Response], Awaitable[None]]) -> None:
        """From now on give every answer of the REST API to this hook, too."""
        self._http.event_hooks = {"response": [hook]}

    # REST, as it is ---------------------------------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, *, role: str = "owner", headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """Send a request, whatever its answer; `request` as httpx takes it."""
        authorized = {"Authorization": f"Bearer {self.token(role)}", **(headers or {})}
        return await self._http.request(method, path, headers=authorized, **request)

    async def told(self, method: str, path: str, **request: Any) -> Json:
        """Send a request that must succeed; return its JSON."""
        answer = await self.ask(method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def every(self, path: str, **query: Any) -> list[Json]:
        """Every item of a list, page after page."""
        items: list[Json] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self.told(
                "GET", path, params={**query, "limit": 500, **({"cursor": cursor} if cursor else {})}
            )
            items += page["items"]
            cursor = page["next_cursor"]
        return items

    # Lots -------------------------------------------------------------------------------------------------------------

    async def create(self, lot: Json | None = None, **request: Any) -> Json:
        """Make a lot (ten red bricks by default)."""
        return await self.told("POST", "/v1/lots", json=a_part() if lot is None else lot, **request)

    async def lot(self, lot_id: str) -> Json:
        """Read a lot with its status."""
        return await self.told("GET", f"/v1/lots/{lot_id}")

    async def lots(self) -> list[Json]:
        """Every lot, archived ones too."""
        return await self.every("/v1/lots", include_archived=True)

    async def patch(self, lot_id: str, fields: Json, **request: Any) -> Json:
        """Change fields of a lot."""
        return await self.told("PATCH", f"/v1/lots/{lot_id}", json=fields, **request)

    async def adjust(self, lot_id: str, **by: Any) -> Json:
        """Change a quantity: by, reserved_by, reason."""
        return await self.told("POST", f"/v1/lots/{lot_id}/adjust", json=by)

    async def archive(self, lot_id: str) -> Json:
        """Put a lot away."""
        return await self.told("POST", f"/v1/lots/{lot_id}/archive")

    async def restore(self, lot_id: str) -> Json:
        """Take an archived lot out again."""
        return await self.told("POST", f"/v1/lots/{lot_id}/restore")

    async def changes(self, lot_id: str = "", **query: Any) -> list[Json]:
        """Recorded changes, newest first: of one lot, or all."""
        return await self.every("/v1/changes", **({"lot_id": lot_id} if lot_id else {}), **query)

    async def synced(self, lot_id: str, *, timeout: float = PATIENCE) -> Json:
        """The lot, once the shop holds all that it says."""
        return await until(lambda: self.lot(lot_id), is_synced, timeout=timeout)

    async def listed(self, lot_id: str) -> Json:
        """The lot, once a listing stands for it that holds all that it says."""
        return await until(lambda: self.lot(lot_id), lambda lot: is_synced(lot) and is_listed(lot))

    async def unlisted(self, lot_id: str) -> Json:
        """The lot, once no listing stands for it any more, as it should be."""
        return await until(lambda: self.lot(lot_id), lambda lot: is_synced(lot) and not is_listed(lot))

    async def all_synced(self, *, timeout: float = PATIENCE) -> list[Json]:
        """All lots, once the shop holds all that each of them says."""
        return await until(self.lots, lambda lots: all(map(is_synced, lots)), timeout=timeout)

    async def with_quantity(self, lot_id: str, quantity: int, *, timeout: float = PATIENCE) -> Json:
        """The lot, once it has so many pieces and the shop as well."""
        return await until(
            lambda: self.lot(lot_id), lambda lot: lot["quantity"] == quantity and is_synced(lot), timeout=timeout
        )

    # The shop ---------------------------------------------------------------------------------------------------------

    async def connect(
        self,
        *,
        empty: bool = True,
        keys: Mapping[str, str] | None = None,
        shop_name: str | None = None,
        currency: str | None = None,
        state: str | None = "ready",
    ) -> Json:
        """Store keys (the shop's own by default) and wait until the connection is in this state, if one is given."""
        body = {
            "keys": dict(keys or self.keys),
            "shop_is_empty": empty,
            "shop_name": shop_name or self.shop_name,
            "currency": currency or self.currency,
        }
        connection = await self.told("PUT", BRICKLINK, json=body)
        return connection if state is None else await self.connection(state)

    async def ping(self, stack: Stack) -> None:
        """Type the connection's address for pings into the shop's settings."""
        address = await self.told("GET", f"{BRICKLINK}/ping-address")
        await self.shop.switch(callback_url=f"{stack.gateway_url}{address['path']}")

    async def connection(self, *states: str, timeout: float = PATIENCE) -> Json:
        """The connection, once it is in one of these states; as it is now if none is given."""
        return await until(
            lambda: self.told("GET", BRICKLINK), lambda found: not states or found["state"] in states, timeout=timeout
        )

    async def listing(self, lot: Json) -> Json:
        """The listing that a lot says stands for it, as the shop has it."""
        listing_id, listings = listing_of(lot), await self.shop.lots()
        assert listing_id in listings, f"{listing_id} is not in the shop: {list(listings)}"
        return listings[listing_id]

    async def writes(self, **asked: object) -> list[Json]:
        """Every request to the shop that was no read, whether it was applied or not."""
        return [request for request in await self.shop.requests(**asked) if request["method"] != "GET"]

    async def lots_written(self) -> int:
        """How many lots all the writes were for: how many of them one call makes is up to when they became known."""
        bodies = [write["body"] for write in await self.writes()]
        return sum(len(body) if isinstance(body, list) else 1 for body in bodies)

    async def polled(self, times: int = 2) -> None:
        """Wait until the shop's orders were read so many times more."""
        so_far = await self.shop.requests()
        last = so_far[-1]["number"] if so_far else 0
        await self.shop.wait_for_requests(times, after=last, method="GET", path="/orders", timeout=55)


NewSeller = Callable[..., Awaitable[Seller]]
"""What the fixture `new_seller` gives: `await new_seller(currency="USD", below_zero="clamp")`."""


def sync_of(lot: Json) -> Json:
    """How far a lot has come at BrickLink."""
    return lot["sync"]["bricklink"]


def is_synced(lot: Json) -> bool:
    """Whether the shop holds all that a lot says."""
    return bool(sync_of(lot)["state"] == "synced")


def is_listed(lot: Json) -> bool:
    """Whether a listing stands for a lot."""
    return sync_of(lot)["listing_id"] is not None


def listing_of(lot: Json) -> int:
    """The number of the listing that stands for a lot."""
    assert is_listed(lot), f"no listing stands for it: {lot['sync']}"
    return int(sync_of(lot)["listing_id"])


def problem(answer: httpx.Response, status: int, reason: str = "") -> Json:
    """The problem that an answer tells of, which must have this status and, if given, this constant reason."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert not reason or told["reason"] == reason, told
    return told
