"""The keys of another shop in place of the right ones: nothing is written, in neither shop (rules C5, W1)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from devstack.testing import Stack
from product.lots import Json, a_listing, a_part, eur
from product.seller import NewSeller, Seller, new_keys
from sandbox.testing import ShopControl

LOTS = 4


@dataclass(frozen=True)
class OtherShop:
    """A shop that is not the seller's."""

    control: ShopControl
    keys: dict[str, str]

    async def sells(self) -> None:
        """It has listings of its own and an order, which shows its name."""
        await self.is_quiet()
        await self.control.order({next(iter(await self.control.lots())): 1})

    async def is_quiet(self) -> None:
        """It has listings of its own and never sold anything: nothing tells its name."""
        for color in (1, 2, 3):
            await self.control.add_lot(**a_listing(_shown(color), quantity=50))

    async def is_empty(self) -> None:
        """There is nothing in it."""


def _shown(color: int) -> Json:
    """What REST would show of a lot of this colour; other remarks, or it would equal the seller's."""
    missing: Json = {"completeness": None, "sale_percent": 0, "tiers": [], "bulk": 1, "cost": None, "description": ""}
    return a_part(color_id=color, remarks="theirs", stockroom=None, retain=False, **missing)


@pytest.fixture
async def other_shop(stack: Stack) -> AsyncIterator[OtherShop]:
    """Nothing is in it yet."""
    keys = new_keys()
    async with ShopControl.open(stack.sandbox_url, f"other-{keys['token']}") as control:
        await control.put(keys=keys, seller_name=f"other-{keys['token'][:8]}", currency="EUR")
        yield OtherShop(control, keys)


@pytest.mark.parametrize("is_so", [OtherShop.sells, OtherShop.is_quiet, OtherShop.is_empty])
@pytest.mark.parametrize("has_sold", [True, False])
async def test_keys_of_another_shop_write_nothing(
    new_seller: NewSeller, other_shop: OtherShop, is_so: Callable[[OtherShop], Awaitable[None]], has_sold: bool
) -> None:
    """`has_sold`: the seller's own shop has shown its name in an order; else it is what they typed."""
    seller = await new_seller()
    await seller.connect()
    lots = [await seller.create(a_part(color_id=color)) for color in range(1, 1 + LOTS)]
    await seller.all_synced()
    if has_sold:
        await seller.shop.order({next(iter(await seller.shop.lots())): 1})
        await seller.with_quantity(lots[0]["lot_id"], 9)
    await is_so(other_shop)
    before = await seller.shop.lots(), await other_shop.control.lots(), await seller.writes()

    await seller.connect(keys=other_shop.keys, empty=False, state=None)
    await seller.adjust(lots[0]["lot_id"], by=-2)
    await seller.adjust(lots[1]["lot_id"], by=5)
    await seller.patch(lots[2]["lot_id"], {"unit_price": eur("7")})
    await seller.create(a_part(color_id=9))
    await _at_rest(seller, other_shop)
    writes = [request for request in await other_shop.control.requests() if request["method"] != "GET"]
    assert writes == []
    assert (await seller.shop.lots(), await other_shop.control.lots(), await seller.writes()) == before

    await seller.connect(empty=False)
    await seller.all_synced()
    shown = {listing["color_id"]: listing["quantity"] for listing in (await seller.shop.lots()).values()}
    assert shown == {1: 8 - has_sold, 2: 15, 3: 10, 4: 10, 9: 10}


async def _at_rest(seller: Seller, other_shop: OtherShop) -> None:
    """Wait until the connection is halted, or has had the time for whatever it would do with this shop."""
    await other_shop.control.wait_for_requests(1, method="GET", path="/orders")
    connection = await seller.connection("halted", "ready", "awaiting_confirmation")
    if connection["state"] != "halted":
        last = (await other_shop.control.requests())[-1]["number"]
        await other_shop.control.wait_for_requests(5, after=last, method="GET", path="/orders")
