"""From a sale in one shop to the call at the other, with pings on, over the real stack: `python -m bench.sales`.

Polls are a minute apart and more, so that what is quick is the pings'.
"""

import argparse
import asyncio
from datetime import UTC, datetime
from statistics import median, quantiles

from rich.console import Console

from devstack.testing import Stack, temporary_stack
from product.lots import a_part
from product.owl import OwlShop
from product.seller import Seller

_POLLS = {"ORDER_POLL_INTERVAL": "60", "LATE_WINDOW": "1", "LAG_WINDOW": "2"}
OVERRIDES = {
    service: {f"{service.upper().replace('-', '_')}_{name}": value for name, value in _POLLS.items()}
    for service in ("sync-bricklink", "sync-brickowl")
}


async def sale_to_call(stack: Stack, sales: int) -> dict[str, list[float]]:
    """Seconds from just before each order to the arrival of its call at the other shop, by where it sold."""
    waits: dict[str, list[float]] = {"BrickLink": [], "Brick Owl": []}
    async with Seller.opened(stack) as seller, OwlShop.opened(stack, seller) as owl:
        await seller.connect()
        await owl.connect()
        await owl.ping(stack)
        await seller.ping(stack)
        lot_id = (await seller.create(a_part(item_no="3001", color_id=5, quantity=4 * sales)))["lot_id"]
        await seller.listed(lot_id)
        lot = await owl.with_quantity(lot_id, 4 * sales)
        listings = int(lot["sync"]["bricklink"]["listing_id"]), int(lot["sync"]["brickowl"]["listing_id"])
        for number in range(sales):
            left = 4 * sales - 2 * number
            seen = (await owl.control.requests())[-1]["number"]
            sold_at = datetime.now(UTC)
            await seller.shop.order({listings[0]: 1})
            [call] = await owl.control.wait_for_requests(1, after=seen, path=".*inventory/update")
            waits["BrickLink"].append((datetime.fromisoformat(call["time"]) - sold_at).total_seconds())
            await owl.with_quantity(lot_id, left - 1)
            seen = (await seller.shop.requests())[-1]["number"]
            sold_at = datetime.now(UTC)
            await owl.control.order({listings[1]: 1})
            [call] = await seller.shop.wait_for_requests(1, after=seen, method="PUT", applied=True)
            waits["Brick Owl"].append((datetime.fromisoformat(call["time"]) - sold_at).total_seconds())
            await seller.with_quantity(lot_id, left - 2)
    return waits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=10, help="in each shop; Brick Owl allows so many reads a minute")
    asked = parser.parse_args()
    with temporary_stack(overrides=OVERRIDES) as stack:
        measured = asyncio.run(sale_to_call(stack, asked.sales))
    for shop, waits in measured.items():
        Console().print(
            f"Sold at {shop}: {median(waits):.2f} s to the call at the other shop in the median, "
            f"{quantiles(waits, n=20)[-1]:.2f} s at the 95th percentile, of {len(waits)}."
        )
