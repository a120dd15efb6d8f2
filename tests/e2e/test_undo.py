"""What a person did by mistake is taken back, here and in the shop; what was sold stays sold."""

from product.lots import Json, upload_file
from product.seller import BRICKLINK, Seller, is_synced, listing_of, problem
from product.waiting import until


async def test_an_undo_reaches_the_shop_and_comes_once(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    lot_id, before = lot["lot_id"], lot["quantity"]
    added = await trader.adjust(lot_id, by=5)
    await trader.synced(lot_id)
    path = f"/v1/changes/{added['change_id']}/undo"
    undone = await trader.told("POST", path, json={"reason": "wrong lot"}, role="editor")
    assert undone["quantity"] == before
    problem(await trader.ask("POST", path), 409, "ALREADY_UNDONE")
    problem(await trader.ask("POST", path, role="viewer"), 403)
    assert (await trader.listing(await trader.synced(lot_id)))["quantity"] == before
    [newest] = await trader.changes(lot_id, source="undo")
    assert (newest["undoes"], newest["reason"]) == (added["change_id"], "wrong lot")


async def test_an_import_that_is_undone_leaves_the_shop_and_redone_comes_back_without_what_was_sold(
    trader: Seller,
) -> None:
    start = {str(place): 1 + place % 7 for place in range(24)}
    accepted = await trader.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=upload_file(len(start)),
        headers={"Content-Type": "application/xml"},
    )
    path = f"/v1/imports/{accepted['import_id']}"
    await until(lambda: trader.told("GET", path), lambda found: found["state"] == "done")
    lots = {lot["remarks"]: await trader.listed(lot["lot_id"]) for lot in await trader.lots()}
    assert len(lots) == len(start)
    sold = {remarks: start[remarks] - left for remarks, left in (("1", 1), ("4", 0), ("5", 2), ("8", 1))}
    for remarks, pieces in sold.items():
        await trader.shop.order({listing_of(lots[remarks]): pieces})
        await trader.with_quantity(lots[remarks]["lot_id"], start[remarks] - pieces)

    await trader.told("POST", f"{path}/undo", role="editor")
    done = await until(lambda: trader.told("GET", f"{path}/undo"), is_done)
    assert (done["undone_changes"], done["refused_changes"]) == (24, 0)
    problem(await trader.ask("POST", f"{path}/undo"), 409, "ALREADY_UNDONE")
    await trader.connection("awaiting_confirmation")
    await trader.told("POST", f"{BRICKLINK}/confirm")
    for lot in lots.values():
        await trader.unlisted(lot["lot_id"])
    assert not await trader.shop.lots()

    await trader.told("POST", f"{path}/redo", role="editor")
    assert (await until(lambda: trader.told("GET", f"{path}/undo"), is_done))["undone_changes"] == 24
    await until(trader.lots, lambda found: all(is_synced(lot) for lot in found))
    left = {remarks: pieces - sold.get(remarks, 0) for remarks, pieces in start.items()}
    assert {lot["remarks"]: lot["quantity"] for lot in await trader.lots()} == left
    shown = (await trader.shop.lots()).values()
    assert {listing["remarks"]: listing["quantity"] for listing in shown} == {
        remarks: pieces for remarks, pieces in left.items() if pieces
    }


def is_done(found: Json) -> bool:
    return bool(found["state"] == "done")
