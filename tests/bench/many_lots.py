"""A store full of new lots: how long an import takes into the shop, and how many calls."""

import asyncio
import time
from dataclasses import dataclass

from devstack.testing import Stack
from product.lots import upload_file
from product.seller import Seller, is_synced

_CREATED = 1.0
"""Seconds between two looks at the shop."""


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


async def fill_shop(stack: Stack, lots: int) -> Filled:
    """Import a file of lots for sale into an empty seller with an empty shop."""
    async with Seller.opened(stack) as seller:
        await seller.connect()
        upload = {"params": {"currency": "EUR"}, "headers": {"Content-Type": "application/xml"}}
        accepted = await seller.told("POST", "/v1/imports", content=upload_file(lots), timeout=120, **upload)
        began = time.perf_counter()
        recorded = listed = 0.0
        while not recorded or not listed:
            await asyncio.sleep(_CREATED)
            told = await seller.told("GET", f"/v1/imports/{accepted['import_id']}")
            if not recorded and told["state"] == "done":
                recorded = time.perf_counter() - began
            if not listed and (await seller.shop.show())["lots"] >= lots:
                listed = time.perf_counter() - began
        while not all(map(is_synced, found := await seller.lots())) or len(found) < lots:
            await asyncio.sleep(_CREATED)
        synced = time.perf_counter() - began
        requests = await seller.shop.requests()
        shown = await seller.shop.lots()
        remarks = {listing["remarks"] for listing in shown.values()}
        if len(shown) != lots or len(remarks) != lots:
            raise AssertionError(f"{len(shown)} listings of {len(remarks)} lots, not {lots}")
        of_shop = [one for one in requests if one["path"].endswith("/inventories")]
        lists = sum(one["method"] == "GET" for one in of_shop)
        return Filled(lots, recorded, listed, synced, len(await seller.writes()), lists)
