"""The keys of another shop in place of the right ones: nothing is written, in neither shop (rules C5, W1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from devstack.testing import Stack
from product.lots import Json, a_listing, a_part
from product.seller import NewSeller, new_keys
from recovery.keeper import Keeper, all_settled, each, keepers_with
from sandbox.testing import ShopControl

FEW, MANY = 4, 22
"""Of the seller: so few that only an order shows that the shop is another, or so many that a list does (rule C5)."""
POLLS = 4
"""Of another seller's orders, by which what a connection would do with a wrong shop has had its time."""


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
        for number in range(MANY):
            await self.control.add_lot(**a_listing(_theirs(str(7000 + number)), quantity=50))

    async def is_empty(self) -> None:
        """There is nothing in it."""


def _theirs(item_no: str) -> Json:
    """What REST would show of a lot of this item."""
    missing: Json = {"completeness": None, "sale_percent": 0, "tiers": [], "bulk": 1, "cost": None, "description": ""}
    return a_part(item_no, remarks="theirs", stockroom=None, retain=False, **missing)


@asynccontextmanager
async def another_shop(stack: Stack) -> AsyncIterator[OtherShop]:
    """Nothing is in it yet."""
    keys = new_keys()
    async with ShopControl.open(stack.sandbox_url, f"other-{keys['token']}") as control:
        await control.put(keys=keys, seller_name=f"other-{keys['token'][:8]}", currency="EUR")
        yield OtherShop(control, keys)


@pytest.mark.timeout(300)
async def test_keys_of_another_shop_write_nothing(stack: Stack, new_seller: NewSeller) -> None:
    """Whether the one shop or the other has orders that show its name or not; six sellers at once, for the waiting."""
    bystander = await new_seller()
    await bystander.connect()
    async with AsyncExitStack() as opened:
        few = await opened.enter_async_context(keepers_with(stack, sellers=2, lots=FEW))
        keepers = [*few, *await opened.enter_async_context(keepers_with(stack, sellers=4, lots=MANY))]
        await each(keepers[::2], lambda keeper: keeper.sell(keeper.lots[0], pieces=1))
        await all_settled(keepers)
        others = [await opened.enter_async_context(another_shop(stack)) for _ in keepers]
        for number, furnish in enumerate((OtherShop.sells, OtherShop.is_quiet, OtherShop.is_empty)):
            await each(others[2 * number : 2 * number + 2], furnish)
        before = [
            (await keeper.shop.lots(), await other.control.lots())
            for keeper, other in zip(keepers, others, strict=True)
        ]
        written = [await keeper.seller.writes() for keeper in keepers]
        await asyncio.gather(*map(_swap, keepers, others))
        await bystander.polled(POLLS)
        for number, (keeper, other) in enumerate(zip(keepers, others, strict=True)):
            writes = [request for request in await other.control.requests() if request["method"] != "GET"]
            assert writes == [], number
            assert await keeper.seller.writes() == written[number], number
            assert (await keeper.shop.lots(), await other.control.lots()) == before[number], number
        await each(keepers, lambda keeper: keeper.seller.connect(empty=False, state=None))
        await all_settled(keepers)
        assert [await keeper.faults() for keeper in keepers] == [[]] * 6


async def _swap(keeper: Keeper, other: OtherShop) -> None:
    """Store the other shop's keys, and change this and that, which waits for the right ones."""
    await keeper.seller.connect(keys=other.keys, empty=False, state=None)
    await other.control.wait_for_requests(1, method="GET", path="/orders")
    await keeper.adjust(keeper.lots[0], -2)
    await keeper.adjust(keeper.lots[1], 5)
    await keeper.reprice(keeper.lots[2], "7.5")
    await keeper.stock(1)
