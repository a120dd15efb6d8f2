"""How soon one seller's change reaches the shop, alone and beside a seller with 50,000 waiting lots (rule L4).

Run by hand, on a quiet machine: `make measure-neighbours`. It starts the product with an empty state, and prints the
median time from a change's record to the arrival of its call at the shop: alone, while the other's lots are being
imported, and once all of them wait. Medians of one run on one machine; the ratio is what tells.
"""

import argparse
import asyncio
import sys
import time
from datetime import datetime
from statistics import median, quantiles

from devstack.testing import Stack, temporary_stack
from product.lots import Json
from product.seller import Seller
from product.waiting import until
from sandbox.bricklink.upload_xml import upload_xml
from sandbox.catalog import Catalog

MOST = 1.5
"""Times the time alone."""
_PACE = {
    "sync-bricklink": {
        "SYNC_BRICKLINK_LATE_WINDOW": "1",
        "SYNC_BRICKLINK_LAG_WINDOW": "2",
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "100",  # as at the real shop
    }
}
_FOR_ALL = 3600.0
"""Seconds in which all lots must have come, on any machine."""


async def measure(stack: Stack, *, lots: int, changes: int) -> dict[str, list[float]]:
    """Seconds from record to call, change by change, in each of the three situations."""
    async with Seller.opened(stack) as one, Seller.opened(stack) as other:
        for seller in (one, other):
            await seller.connect()
        lot = await _with_a_lot(one)
        await _delays(one, lot, 3)  # what every process does for the first time
        took = {"alone": await _delays(one, lot, changes)}
        _tell(f"alone: {median(took['alone']) * 1000:.0f} ms")
        _tell(f"importing {lots} lots of another seller")
        began = time.monotonic()
        accepting = asyncio.create_task(_import(other, lots))
        took["while they are imported"] = await _delays(one, lot, changes)
        path = f"/v1/imports/{(await accepting)['import_id']}"
        _tell(f"meanwhile: {median(took['while they are imported']) * 1000:.0f} ms")
        found = await until(lambda: other.told("GET", path), lambda found: found["state"] == "done", timeout=_FOR_ALL)
        _tell(f"{found['created_rows']} were made within {time.monotonic() - began:.0f} s of the upload's beginning")
        waiting = await _all_taken_in(other)
        _tell(f"{waiting} lots wait {time.monotonic() - began:.0f} s after it")
        took["while they wait"] = await _delays(one, lot, changes)
    return took


async def _import(seller: Seller, lots: int) -> Json:
    """Upload a file; answered when it was read as a whole."""
    return await seller.told(
        "POST",
        "/v1/imports",
        params={"currency": seller.currency},
        content=upload_xml(Catalog.shipped(), lots=lots, seed=1).encode(),
        headers={"Content-Type": "application/xml"},
        timeout=_FOR_ALL,
    )


async def _with_a_lot(seller: Seller) -> Json:
    """One lot, on sale."""
    return await seller.listed((await seller.create())["lot_id"])


async def _all_taken_in(seller: Seller) -> int:
    """Wait until no more lots come to wait; each second a call takes one away, and a few are not for sale."""
    before, now = -1, await _waiting(seller)
    while now > before:
        await asyncio.sleep(5)
        before, now = now, await _waiting(seller)
    return now


async def _waiting(seller: Seller) -> int:
    return int((await seller.connection())["sync"]["waiting_lots"])


async def _delays(seller: Seller, lot: Json, count: int) -> list[float]:
    """Change a lot again and again, one piece up and one down, each when the one before is settled."""
    took = []
    for number in range(count):
        so_far = await seller.shop.requests()
        await seller.adjust(lot["lot_id"], by=-1 if number % 2 else 1)
        (call,) = await seller.shop.wait_for_requests(
            1, after=so_far[-1]["number"], method="PUT", path=r"/inventories/\d+", timeout=60
        )
        (change, *_) = (await seller.told("GET", "/v1/changes", params={"lot_id": lot["lot_id"], "limit": 1}))["items"]
        took.append((_moment(call["time"]) - _moment(change["recorded_at"])).total_seconds())
        await seller.synced(lot["lot_id"])
        await asyncio.sleep(1.1)  # one stamp a second, or the pace of the calls is what is measured (rule B4)
    return took


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, and say what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lots", type=int, default=50_000, help="of the other seller")
    parser.add_argument("--changes", type=int, default=40, help="in each situation")
    asked = parser.parse_args()
    with temporary_stack(overrides=_PACE) as stack:
        took = asyncio.run(measure(stack, lots=asked.lots, changes=asked.changes))
    alone = median(took["alone"])
    for situation, seconds in took.items():
        slow = quantiles(seconds, n=10)[-1]
        ratio = median(seconds) / alone
        verdict = "" if ratio <= MOST else f"  more than {MOST:g}"
        _tell(
            f"{situation:24} median {median(seconds) * 1000:7.1f} ms, {ratio:4.2f}x; p90 {slow * 1000:7.1f} ms{verdict}"
        )


if __name__ == "__main__":
    main()
