"""A seller's first hour with two full shops: how long each step takes, and that exactly the differences are sent.

`PYTHONPATH=tests python -m bench.first_hour` takes some ten minutes: 5,000 listings a shop, 200 of them different.
"""

import argparse
import asyncio
import time
from collections import Counter

from rich.console import Console

from devstack.testing import Stack, temporary_stack
from product import first_hour
from product.first_hour import KINDS, FirstHour, confirmed, planned, previewed, stocked, written
from product.lots import Json
from product.owl import OwlShop
from product.pace import QUICK
from product.seller import Seller
from product.waiting import until

_PATIENCE = 3600.0
_SHARES = {"quantity": 0.4, "price": 0.3, "remarks": 0.2, "bricklink": 0.05, "owl": 0.05}
_SHOPS = ("bricklink", "brickowl")


class _Told:
    """Prints each step with the seconds since the last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.perf_counter()

    def __call__(self, words: str) -> None:
        now = time.perf_counter()
        self._console.print(f"{now - self._last:6.1f} s  {words}")
        self._last = now


async def _live(stack: Stack, lots: int, different: int, console: Console) -> None:
    each = {kind: round(different * _SHARES[kind]) for kind in KINDS}
    tell = _Told(console)
    async with Seller.opened(stack, currency="EUR") as seller, OwlShop.opened(stack, seller) as owl:
        hour = await stocked(seller, owl, same=lots - different, each=each)
        tell(f"{len(hour.bricklink)} and {len(hour.owl)} listings put up, {each}")
        await seller.connect(empty=False, state=None)
        await owl.connect(empty=False, state=None)
        for shop in _SHOPS:
            await _in_state(seller, shop, "awaiting_confirmation")
        tell("both shops read and matched")
        path, _ = await previewed(seller, "bricklink", patience=_PATIENCE)
        tell("BrickLink's preview")
        await confirmed(seller, path, patience=_PATIENCE)
        tell("its listings are lots")
        path, found = await previewed(seller, "brickowl", patience=_PATIENCE)
        told = {name: found[name] for name in ("matched_rows", "different_rows", "ambiguous_rows", "unmatched_lots")}
        tell(f"Brick Owl's preview: {told}, {found['differing']}")
        takes = {"quantity": "theirs", "price": "ours", "rest": "ours"}
        await confirmed(seller, path, patience=_PATIENCE, takes=takes)
        tell(f"linked, with {takes}")
        plans = {
            "bricklink": await planned(seller, "bricklink", each["quantity"] + each["owl"], patience=_PATIENCE),
            "brickowl": await planned(
                seller, "brickowl", each["price"] + each["remarks"] + each["bricklink"], patience=_PATIENCE
            ),
        }
        assert await written(seller.shop) == await written(owl.control) == []
        tell("; ".join(f"{shop}: {plan['total_calls']} calls {plan['calls_by_tier']}" for shop, plan in plans.items()))
        for shop in _SHOPS:
            await seller.told("POST", f"/v1/connections/{shop}/confirm")
            plan = await seller.told("GET", f"/v1/connections/{shop}/plan?limit=1")
            console.print(f"          {shop}: {plan['total_calls']} calls, to be done at {plan['finish_at']}")
        await until(lambda: _waiting(seller), lambda waiting: waiting == 0, timeout=_PATIENCE, interval=2.0)
        tell("agreed to, and sent")
        await _judge(seller, owl, hour, console)


async def _in_state(seller: Seller, shop: str, state: str) -> None:
    await until(
        lambda: seller.told("GET", f"/v1/connections/{shop}"), lambda found: found["state"] == state, timeout=_PATIENCE
    )


async def _waiting(seller: Seller) -> int:
    """How many lots are not synced, in one shop or the other."""
    asked = [{"count": True, "limit": 1, "sync": [f"{shop}:{state}" for state in _NOT_SYNCED]} for shop in _SHOPS]
    return sum([int((await seller.told("GET", "/v1/lots", params=params))["count"]) for params in asked])


_NOT_SYNCED = ("pending", "unknown", "failed", "conflict")


async def _judge(seller: Seller, owl: OwlShop, hour: FirstHour, console: Console) -> None:
    """Both shops are equal, and each listing that was written to is one that differed."""
    at_bricklink = {one["remarks"]: one["quantity"] for one in (await seller.shop.lots()).values()}
    at_owl = {one["personal_note"]: one["qty"] for one in (await owl.control.lots()).values()}
    assert at_bricklink == at_owl, "the shops are not equal"
    to_bricklink, to_owl = await written(seller.shop), await written(owl.control)
    changed = {int(one["path"].rpartition("/")[2]) for one in to_bricklink if one["path"][-1].isdigit()}
    assert changed == {hour.bricklink[place] for place in hour.places(first_hour.QUANTITY)}
    changed = {int(one["lot_id"]) for one in to_owl if one.get("lot_id")} & set(hour.owl.values())
    assert changed == {hour.owl[place] for kind in ("price", "remarks") for place in hour.places(kind)}
    console.print(f"Both shops show the same {len(at_owl)} lots; only what differed was written.")
    for name, control, writes in (("BrickLink", seller.shop, to_bricklink), ("Brick Owl", owl.control, to_owl)):
        calls: Json = await control.requests()
        methods = Counter("reads" if one["method"] == "GET" else "writes" for one in calls)
        console.print(f"{name}: {dict(methods)}, of {len(writes)} lots; {len(calls)} calls in all.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=5_000, help="listings that each shop has, about")
    parser.add_argument("--different", type=int, default=200, help="those of them that differ")
    asked = parser.parse_args()
    with temporary_stack(overrides=QUICK) as running:
        asyncio.run(_live(running, asked.lots, asked.different, Console()))
