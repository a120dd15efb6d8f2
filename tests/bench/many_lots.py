"""A store full of new lots: how long an import takes into the shop, and how many calls."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from devstack.testing import Stack
from product.lots import Json, upload_file
from product.seller import Seller
from product.waiting import until

_NOT_SYNCED = {"sync": [f"bricklink:{state}" for state in ("pending", "unknown")], "limit": 1}
_PATIENCE = 900.0


@dataclass(frozen=True)
class Filled:
    """What it took; seconds from the answer to the import."""

    lots: int
    recorded: float
    """Until inventory had made every lot."""
    listed: float
    """Until every lot was in the shop."""
    synced: float
    """Until REST said so of each."""
    writes: int
    lists: int
    """Reads of the whole shop."""

    @property
    def words(self) -> str:
        """One sentence."""
        return (
            f"A BSX file of {self.lots} lots: recorded after {self.recorded:.1f} s, in the shop after "
            f"{self.listed:.1f} s, said to be synced after {self.synced:.1f} s, by {self.writes} writes and "
            f"{self.lists} lists."
        )


async def fill_shop(stack: Stack, lots: int) -> Filled:
    """Import a file of lots for sale into an empty seller with an empty shop."""
    async with Seller.opened(stack) as seller:
        await seller.connect()
        upload = {"params": {"currency": "EUR"}, "headers": {"Content-Type": "application/xml"}}
        accepted = await seller.told("POST", "/v1/imports", content=upload_file(lots), timeout=120, **upload)
        began = time.perf_counter()
        path = f"/v1/imports/{accepted['import_id']}"
        recorded, listed = await asyncio.gather(
            _after(began, lambda: seller.told("GET", path), lambda told: bool(told["state"] == "done")),
            _after(began, seller.shop.show, lambda shop: bool(shop["lots"] >= lots)),
        )
        unsynced = partial(seller.told, "GET", "/v1/lots", params=_NOT_SYNCED)
        synced = await _after(began, unsynced, lambda page: not page["items"])
        requests = await seller.shop.requests()
        shown = await seller.shop.lots()
        remarks = {listing["remarks"] for listing in shown.values()}
        if len(shown) != lots or len(remarks) != lots:
            raise AssertionError(f"{len(shown)} listings of {len(remarks)} lots, not {lots}")
        of_shop = [one for one in requests if one["path"].endswith("/inventories")]
        lists = sum(one["method"] == "GET" for one in of_shop)
        return Filled(lots, recorded, listed, synced, len(await seller.writes()), lists)


async def _after(began: float, read: Callable[[], Awaitable[Json]], holds: Callable[[Json], bool]) -> float:
    await until(read, holds, timeout=_PATIENCE, interval=0.5)
    return time.perf_counter() - began
