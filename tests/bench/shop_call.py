"""From a change by REST to the call that brings it to the shop, by the clock that both sides share."""

from contextlib import AsyncExitStack
from datetime import datetime

from devstack.testing import Stack
from product.lots import a_part, eur
from product.seller import Seller

_SELLERS = 3
_CHANGES = 20
"""For each seller, one after the other: the stamps of a key may run a minute ahead, one second a call (rule B4)."""


async def commit_to_shop_call(stack: Stack) -> list[float]:
    """Seconds from each change's time, taken just before its commit, to the arrival of its call at the shop."""
    async with AsyncExitStack() as sellers:
        waits: list[float] = []
        for _ in range(_SELLERS):
            seller = await sellers.enter_async_context(Seller.opened(stack))
            await seller.connect()
            lot_id = (await seller.create(a_part()))["lot_id"]
            await seller.listed(lot_id)
            waits += [await _change(seller, lot_id, f"0.{1000 + number}") for number in range(_CHANGES)]
        return waits


async def _change(seller: Seller, lot_id: str, amount: str) -> float:
    last = (await seller.shop.requests())[-1]["number"]
    lot = await seller.patch(lot_id, {"unit_price": eur(amount)})
    (call,) = await seller.shop.wait_for_requests(1, after=last, method="PUT", applied=True)
    await seller.synced(lot_id)
    return (datetime.fromisoformat(call["time"]) - datetime.fromisoformat(lot["updated_at"])).total_seconds()
