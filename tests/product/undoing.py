"""A story for any number of lots: an import is undone after some of it was sold, here and in the shop, and redone."""

from collections.abc import Callable, Mapping

from product.lots import Json, upload_file
from product.seller import BRICKLINK, Seller, is_listed, is_synced, listing_of, problem
from product.waiting import until


async def import_undone_and_redone(trader: Seller, lots: int, *, sold: int, patience: float) -> None:
    """So many lots, of which `sold` have sold pieces before the undo, some all, and one more while it is held.

    `trader` has an empty shop, connected; `patience`: seconds for each step.
    """
    start = {str(place): 1 + place % 7 for place in range(lots)}
    left = dict(start)
    accepted = await trader.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=upload_file(lots),
        headers={"Content-Type": "application/xml"},
    )
    path = f"/v1/imports/{accepted['import_id']}"
    found = await _lots(trader, lambda lot: is_synced(lot) and is_listed(lot), lots, patience)

    async def sell(remarks: str, pieces: int) -> None:
        await trader.shop.order({listing_of(found[remarks]): pieces})
        left[remarks] -= pieces

    for number, remarks in enumerate(list(start)[:: lots // sold][:sold]):
        await sell(remarks, 1 + number % start[remarks])
    await _lots(trader, lambda lot: is_synced(lot) and lot["quantity"] == left[lot["remarks"]], lots, patience)
    assert 0 in left.values()

    undone = await _undone(trader, path, "undo", lots, patience)
    assert undone["refused_changes"] == 0
    problem(await trader.ask("POST", f"{path}/undo"), 409, "ALREADY_UNDONE")
    await trader.connection("awaiting_confirmation", timeout=patience)
    # Nobody has agreed yet: what was put away is still for sale, but for the few that may go without being asked (B5).
    standing = {listing["remarks"] for listing in (await trader.shop.lots()).values() if listing["quantity"]}
    await sell(max(standing, key=lambda remarks: left[remarks]), 1)
    await _lots(trader, lambda lot: lot["quantity"] == left[lot["remarks"]], lots, patience)
    await trader.told("POST", f"{BRICKLINK}/confirm")
    away = await _lots(trader, lambda lot: is_synced(lot) and not is_listed(lot), lots, patience)
    assert all(lot["archived"] for lot in away.values())
    assert {remarks: lot["quantity"] for remarks, lot in away.items()} == left
    assert {remarks: lot["sold"] for remarks, lot in away.items()} == {
        remarks: start[remarks] - left[remarks] for remarks in start
    }
    assert not await trader.shop.lots()

    await _undone(trader, path, "redo", lots, patience)
    problem(await trader.ask("POST", f"{path}/redo"), 409, "NOTHING_TO_REDO")
    back = await _lots(trader, is_synced, lots, patience)
    assert {remarks: lot["quantity"] for remarks, lot in back.items()} == left
    assert not any(lot["archived"] for lot in back.values())
    shown = (await trader.shop.lots()).values()
    assert len(shown) == len([pieces for pieces in left.values() if pieces])
    assert {one["remarks"]: one["quantity"] for one in shown} == {
        remarks: pieces for remarks, pieces in left.items() if pieces
    }


async def _undone(trader: Seller, path: str, what: str, lots: int, patience: float) -> Json:
    """The undo (or redo) of an import, once it is done."""
    await trader.told("POST", f"{path}/{what}", role="editor")
    done = await until(
        lambda: trader.told("GET", f"{path}/undo"), lambda found: bool(found["state"] == "done"), timeout=patience
    )
    assert done["undone_changes"] == lots
    return done


async def _lots(trader: Seller, holds: Callable[[Json], bool], lots: int, patience: float) -> Mapping[str, Json]:
    """Every lot by its remarks, once this holds of all."""
    found = await until(
        trader.lots,
        lambda found: len(found) == lots and all(map(holds, found)),
        timeout=patience,
        interval=0.1 + lots / 500,
    )
    return {lot["remarks"]: lot for lot in found}
