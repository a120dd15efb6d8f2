"""The second shop of a seller whom tests play: at Brick Owl."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, islice

from devstack.testing import Stack
from product.lots import Json
from product.seller import Seller
from product.waiting import until
from sandbox.brickowl.catalog import Catalog
from sandbox.testing import OwlShopControl

BRICKOWL = "/v1/connections/brickowl"


class OwlShop:
    """A seller's shop in Brick Owl's sandbox."""

    def __init__(self, seller: Seller, control: OwlShopControl, key: str) -> None:
        self.control = control
        self.key = key
        self._seller = seller

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, stack: Stack, seller: Seller, *, mark: str = "", **switches: object
    ) -> AsyncIterator["OwlShop"]:
        """A new empty shop, not connected yet; `mark` begins its key."""
        key = f"{mark}{secrets.token_hex(16)}"
        async with OwlShopControl.open(stack.brickowl_sandbox_url, f"shop-{secrets.token_hex(6)}") as control:
            await control.put(
                keys={"key": key}, seller_name=seller.shop_name, currency=seller.currency, switches=switches
            )
            shop = cls(seller, control, key)
            try:
                yield shop
            finally:
                await control.clear_faults()
                await seller.ask("DELETE", BRICKOWL)

    async def connect(self, *, key: str | None = None, empty: bool = True, state: str | None = "ready") -> Json:
        """Store the key (the shop's own by default) and wait until the connection is in this state, if one is given."""
        body = {
            "keys": {"key": key or self.key},
            "shop_is_empty": empty,
            "shop_name": self._seller.shop_name,
            "currency": self._seller.currency,
        }
        connection = await self._seller.told("PUT", BRICKOWL, json=body)
        return connection if state is None else await self.connection(state)

    async def ping(self, stack: Stack) -> None:
        """Have this shop ping the gateway of each new order: wait until it was asked to."""
        await self.control.switch(notify_port=stack.pings_port)
        await until(self.control.show, lambda shown: shown["switches"]["notify_ip"] is not None)

    async def connection(self, state: str) -> Json:
        """The connection, once it is in this state."""
        return await until(lambda: self._seller.told("GET", BRICKOWL), lambda found: found["state"] == state)

    async def with_quantity(self, lot_id: str, quantity: int) -> Json:
        """The lot, once it has so many pieces and this shop as well."""
        return await until(
            lambda: self._seller.lot(lot_id),
            lambda lot: lot["quantity"] == quantity and lot["sync"]["brickowl"]["state"] == "synced",
        )

    async def listing(self, lot: Json) -> Json:
        """What this shop shows of a lot."""
        return (await self.control.lots())[int(lot["sync"]["brickowl"]["listing_id"])]


def known_numbers(catalog: Catalog, wanted: int) -> list[tuple[str, str]]:
    """Numbers of parts that both catalogues know, each with its one BOID."""
    found = ((str(number), catalog.lookup(str(number), "Part", "bl_item_no")) for number in count(20_000))
    return list(islice(((number, boids[0]) for number, boids in found if len(boids) == 1), wanted))
