"""What a person did by mistake is taken back, here and in the shop; what was sold stays sold."""

from product.lots import Json
from product.seller import Seller, problem
from product.waiting import until

ROW = (
    "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{number}</ITEMID><COLOR>5</COLOR><QTY>4</QTY><PRICE>0.12</PRICE>"
    "<CONDITION>N</CONDITION></ITEM>"
)


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


async def test_the_lots_of_an_import_that_is_undone_leave_the_shop(trader: Seller) -> None:
    rows = "".join(ROW.format(number=number) for number in (3001, 3002, 3003))
    accepted = await trader.told(
        "POST",
        "/v1/imports",
        params={"currency": "EUR"},
        content=f"<INVENTORY>{rows}</INVENTORY>".encode(),
        headers={"Content-Type": "application/xml"},
    )
    path = f"/v1/imports/{accepted['import_id']}"
    await until(lambda: trader.told("GET", path), lambda found: found["state"] == "done")
    lots = [lot["lot_id"] for lot in await trader.all_synced()]
    await trader.told("POST", f"{path}/undo", role="editor")

    def is_done(found: Json) -> bool:
        return bool(found["state"] == "done")

    done = await until(lambda: trader.told("GET", f"{path}/undo"), is_done)
    assert (done["undone_changes"], done["refused_changes"]) == (3, 0)
    for lot_id in lots:
        await trader.unlisted(lot_id)
