"""What a person did by mistake is taken back, here and in the shop; what was sold stays sold."""

import pytest

from product.seller import Seller, problem
from product.undoing import import_undone_and_redone


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


@pytest.mark.long
async def test_an_import_that_is_undone_leaves_the_shop_and_redone_comes_back_without_what_was_sold(
    trader: Seller,
) -> None:
    await import_undone_and_redone(trader, 24, sold=4, patience=120)
