"""A shop that takes no more calls for now has refused nothing: no lot is parked or dropped for it (rules F3, O3).

Brick Owl's limits are a minute's, and another tool of the seller's may use them up with the same key. The sandbox
counts and refuses as the shop does; nothing here is a fault that was switched on.
"""

from collections.abc import Callable, Mapping

import pytest

from devstack.testing import Stack
from product.lots import Json, upload_file
from product.owl import OwlShop, known_numbers
from product.seller import Seller
from product.waiting import until
from sandbox.brickowl.catalog import Catalog

_A_MINUTE_OF_CALLS = 600
"""What the shop allows, and what the service knows of it (marketplaces/brickowl.md#1.2)."""
_COLORS = 25


async def imported(seller: Seller, lots: int) -> None:
    """In many colours, so that few look-ups tell what all are of: else writes would wait for these."""
    numbers = [number for number, _ in known_numbers(Catalog.shipped(), -(-lots // _COLORS))]
    parts = [(number, color_id) for number in numbers for color_id in range(1, _COLORS + 1)]
    await seller.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=upload_file(lots, parts),
        headers={"Content-Type": "application/xml"},
        timeout=120,
    )


async def use_up(owl: OwlShop, *, when_listed: int, timeout: float, holds: Callable[[Json], bool]) -> None:
    """Another tool uses up a minute's calls, once so many lots are listed; wait until one is refused that `holds`.

    Not told for how long, the service asks again after ten seconds: by a write, after a read that was refused.
    """
    await until(owl.control.show, lambda shown: shown["lots"] >= when_listed, timeout=timeout)
    newest = (await owl.control.requests())[-1]["number"]
    await owl.control.charge_calls(_A_MINUTE_OF_CALLS)
    await until(lambda: refused(owl, after=newest), lambda calls: any(map(holds, calls)), interval=0.5)


async def refused(owl: OwlShop, *, after: int = 0) -> list[Json]:
    """The calls too many. None of them did anything."""
    calls = [request for request in await owl.control.requests(after=after) if request["code"] == 429]
    assert not any(request["applied"] for request in calls)
    return calls


async def all_right(seller: Seller, owl: OwlShop, lots: int, *, timeout: float) -> None:
    """Wait until each lot is in the shop, and see that each is there once with all its fields, and never failed."""
    states: set[str] = set()

    async def lots_now() -> list[Json]:
        found = await seller.lots()
        states.update(lot["sync"]["brickowl"]["state"] for lot in found)
        return found

    def all_synced(found: list[Json]) -> bool:
        return len(found) == lots and all(lot["sync"]["brickowl"]["state"] == "synced" for lot in found)

    known = await until(lots_now, all_synced, timeout=timeout, interval=0.5)
    # What is parked stays so until a user changes the lot: nobody did.
    assert states <= {"pending", "syncing", "synced"}
    shown = await owl.control.lots()
    assert {lot["sync"]["brickowl"]["listing_id"]: shown_for(lot) for lot in known} == {
        str(listing_id): {name: listing[name] for name in shown_for(known[0])} for listing_id, listing in shown.items()
    }


def shown_for(lot: Mapping[str, Json]) -> Json:
    """What Brick Owl must show for a lot of the file: written down a second time, as for BrickLink."""
    return {
        "qty": lot["quantity"],
        "base_price": f"{float(lot['unit_price']['amount']):.3f}",
        "sale_percent": 0,
        "bulk_qty": 1,
        "tier_price": [],
        "for_sale": True,
        "full_con": "new",
        "public_note": lot["description"],
        "personal_note": lot["remarks"],
        "my_cost": None,
    }


def _writes(request: Json) -> bool:
    """Whether a request was to change the stock."""
    entries = request["body"] if isinstance(request["body"], list) else []
    endpoints = [entry["endpoint"] for entry in entries] or [request["path"].strip("/")]
    return all(endpoint in ("inventory/create", "inventory/update") for endpoint in endpoints)


@pytest.mark.timeout(300)
async def test_a_call_too_many_is_made_again_later(stack: Stack, seller: Seller) -> None:
    async with OwlShop.opened(
        stack, seller, calls_per_minute=_A_MINUTE_OF_CALLS, knows_batches=False, send_retry_after=False
    ) as owl:
        await owl.connect()
        await imported(seller, 20)
        await use_up(owl, when_listed=1, timeout=60, holds=_writes)
        assert (await owl.control.show())["lots"] < 20
        await owl.control.switch(calls_per_minute=2 * _A_MINUTE_OF_CALLS)  # as if the other tool had not been there
        await all_right(seller, owl, 20, timeout=120)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_thousand_lots_while_another_tool_uses_up_the_calls(stack: Stack, seller: Seller) -> None:
    """Four times, with the shop's own limit and its own minute; each thing in a batch counts as a call."""
    async with OwlShop.opened(
        stack, seller, calls_per_minute=_A_MINUTE_OF_CALLS, batch_counts="each", send_retry_after=False
    ) as owl:
        await owl.connect()
        await imported(seller, 1000)
        for listed in (100, 350, 600, 850):
            await use_up(owl, when_listed=listed, timeout=400, holds=bool)
            assert (await owl.control.show())["lots"] < 1000
        await all_right(seller, owl, 1000, timeout=900)
        assert any(map(_writes, await refused(owl)))
