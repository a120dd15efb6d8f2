"""Processes killed with -9 in the middle of an import from a shop, of its undo and its redo: nothing is half done."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from chaos.hands import Hands
from chaos.load import PATIENCE, insist
from devstack.testing import Stack
from product.lots import Json, a_listing, a_part
from product.seller import BRICKLINK, Seller, is_listed, is_synced, listing_of
from product.waiting import until

pytestmark = pytest.mark.timeout(400)

LOTS = 120
"""Three chunks of inventory's."""
PLAIN: Json = {
    "completeness": None,
    "sale_percent": 0,
    "tiers": [],
    "bulk": 1,
    "cost": None,
    "description": "",
    "stockroom": None,
    "retain": False,
}
NO_READING = "LOCK TABLE shop_listings IN ACCESS EXCLUSIVE MODE"
NO_LINKING = "LOCK TABLE listings IN SHARE MODE"
NO_IMPORTS = "LOCK TABLE imports IN SHARE MODE"
ONE_LOT = "SELECT FROM lots WHERE lot_id = %s FOR UPDATE"


@pytest.fixture
async def seller(stack: Stack) -> AsyncIterator[Seller]:
    """A seller with a full shop; not connected, and nothing of it is a lot."""
    async with Seller.opened(stack) as seller:
        for number in range(LOTS):
            await seller.shop.add_lot(**a_listing(PLAIN | a_part(str(3001 + number), remarks=str(number))))
        yield seller


@pytest.mark.long
async def test_an_import_from_the_shop_its_undo_and_its_redo(hands: Hands, seller: Seller) -> None:
    """Each listing is one lot's, each step is done once for each lot, sales stay counted, and nothing is written."""
    await seller.connect(empty=False, state="awaiting_confirmation")
    listings = await seller.shop.lots()
    path = await previewed(hands, seller)
    await confirmed(hands, seller, path)
    lots = await in_step(seller)
    assert {listing_of(lot): lot["remarks"] for lot in lots} == {
        listing_id: listing["remarks"] for listing_id, listing in listings.items()
    }
    assert (await insist(seller, "POST", f"{BRICKLINK}/confirm", key="plan"))["state"] == "ready"
    assert (await insist(seller, "GET", f"{BRICKLINK}/plan"))["total_calls"] == 0

    made = [change["lot_id"] for change in await seller.changes()]  # newest first
    sold = made[LOTS // 2]
    await seller.shop.order({next(listing_of(lot) for lot in lots if lot["lot_id"] == sold): 3})
    await with_pieces(seller, sold, 7)
    await insist(seller, "POST", f"{BRICKLINK}/pause", key="pause")
    await killed_twice(hands, seller, path, "undo", last=made[-1])
    await seller.shop.order({next(listing_of(lot) for lot in lots if lot["lot_id"] == sold): 2})
    await with_pieces(seller, sold, 5)
    await killed_twice(hands, seller, path, "redo", last=made[0])
    # Resumed before the redo has reached it, the service would rightly begin with what the undo wants.
    after = {lot["lot_id"]: lot for lot in await in_step(seller)}
    await insist(seller, "POST", f"{BRICKLINK}/resume", key="resume")
    assert (await insist(seller, "GET", f"{BRICKLINK}/plan"))["total_calls"] == 0
    assert {lot_id: lot["quantity"] for lot_id, lot in after.items()} == dict.fromkeys(made, 10) | {sold: 5}
    assert {lot_id: lot["revision"] for lot_id, lot in after.items()} == dict.fromkeys(made, 3) | {sold: 5}
    assert {listing_of(lot): lot["quantity"] for lot in after.values()} == {
        listing_id: listing["quantity"] for listing_id, listing in (await seller.shop.lots()).items()
    }
    assert await seller.writes() == []


async def previewed(hands: Hands, seller: Seller) -> str:
    """Ask for the shop's list, and kill who reads it, then who asks for it: one preview comes of it."""
    async with asyncio.TaskGroup() as group:
        async with hands.locked("inventory", NO_IMPORTS) as accepting:
            async with hands.locked("sync-bricklink", NO_READING) as reading:
                asked = group.create_task(insist(seller, "POST", f"{BRICKLINK}/import", key="take-all"))
                await reading.awaited()
                await hands.kill("sync-bricklink")
            await hands.start("sync-bricklink")
            await accepting.awaited()
            await hands.kill("gateway")
        await hands.start("gateway")
    path = f"/v1/imports/{asked.result()['import_id']}"
    assert [one["import_id"] for one in await seller.every("/v1/imports")] == [asked.result()["import_id"]]
    await import_once(seller, path, lambda found: bool(found["state"] == "preview"))
    return path


async def confirmed(hands: Hands, seller: Seller, path: str) -> None:
    """Say yes, and kill who passes it on, who makes the lots, and who links them."""
    async with asyncio.TaskGroup() as group, hands.locked("sync-bricklink", NO_LINKING) as linking:
        async with hands.commits_held("inventory", "changes") as chunk:
            async with hands.locked("inventory", NO_IMPORTS) as confirming:
                group.create_task(insist(seller, "POST", f"{path}/confirm", {}, key="yes"))
                await confirming.awaited()
                await hands.kill("gateway")
            await hands.start("gateway")
            await hands.kill_after("inventory", chunk)
        await hands.start("inventory")
        await linking.awaited()
        await hands.kill("sync-bricklink")
    await hands.start("sync-bricklink")
    done = await import_once(seller, path, lambda found: bool(found["state"] == "done"))
    assert (done["created_rows"], done["refused_rows"]) == (LOTS, 0)


async def killed_twice(hands: Hands, seller: Seller, path: str, what: str, *, last: str) -> None:
    """Undo or redo an import, and kill who does it: with a chunk committed that it never hears of, and in the last.

    `last`: the lot whose turn comes last.
    """
    async with hands.commits_held("inventory", "undos") as chunk:
        await insist(seller, "POST", f"{path}/{what}", key=what)
        await hands.kill_after("inventory", chunk)
    async with hands.locked("inventory", ONE_LOT, last) as lot:
        await hands.start("inventory")
        await lot.awaited()
        await hands.kill("inventory")
    await hands.start("inventory")
    done = await import_once(seller, f"{path}/undo", lambda found: bool(found["state"] == "done"))
    assert (done["undone_changes"], done["refused_changes"]) == (LOTS, 0)


async def import_once(seller: Seller, path: str, holds: Callable[[Json], bool]) -> Json:
    return await until(lambda: insist(seller, "GET", path), holds, timeout=PATIENCE)


async def with_pieces(seller: Seller, lot_id: str, pieces: int) -> None:
    await until(lambda: seller.lot(lot_id), lambda lot: bool(lot["quantity"] == pieces), timeout=PATIENCE)


async def in_step(seller: Seller) -> list[Json]:
    """All lots, once each has a listing that shows all that it says."""
    return await until(
        seller.lots,
        lambda lots: len(lots) == LOTS and all(is_synced(lot) and is_listed(lot) for lot in lots),
        timeout=PATIENCE,
        interval=0.5,
    )
