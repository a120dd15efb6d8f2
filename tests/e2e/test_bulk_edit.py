"""One edit of many lots reaches the shop, lot by lot, and is taken back there by one undo."""

from product.lots import Json, a_part
from product.seller import Seller, problem
from product.waiting import until


async def test_a_bulk_edit_and_its_undo_reach_the_shop(trader: Seller) -> None:
    made = [await trader.create(a_part(color_id=color, tags=["sale"])) for color in (1, 5, 11)]
    others = await trader.create(a_part(color_id=7))
    before = {lot["lot_id"]: lot["unit_price"] for lot in made}
    for lot_id in before:
        await trader.listed(lot_id)
    said: Json = {"filter": {"tag": ["sale"]}, "edit": {"price": {"by_percent": "50", "places": 4}}}
    preview = await trader.told("POST", "/v1/bulk-edits/preview", json=said, role="viewer")
    assert (preview["total_lots"], preview["changed_lots"]) == (3, 3)
    problem(await trader.ask("POST", "/v1/bulk-edits", json=said, role="viewer"), 403)

    accepted = await trader.told("POST", "/v1/bulk-edits", json=said | {"reason": "spring"}, role="editor")
    path = f"/v1/bulk-edits/{accepted['bulk_edit_id']}"
    done = await until(lambda: trader.told("GET", path), lambda found: bool(found["state"] == "done"))
    assert (done["changed_lots"], done["refused_lots"]) == (3, 0)
    after = {shown["before"]["lot_id"]: shown["after"]["unit_price"] for shown in preview["lots"]}
    for lot_id, price in after.items():
        lot = await trader.synced(lot_id)
        assert lot["unit_price"] == price
        assert float((await trader.listing(lot))["unit_price"]) == float(price["amount"])
    assert {change["reason"] for change in await trader.changes(bulk_edit_id=accepted["bulk_edit_id"])} == {"spring"}
    assert (await trader.lot(others["lot_id"]))["revision"] == 1

    await trader.told("POST", f"{path}/undo", role="editor")
    undone = await until(lambda: trader.told("GET", path), lambda found: bool(found["undo"]["finished_at"]))
    assert (undone["undo"]["undone_changes"], undone["undo"]["refused_changes"]) == (3, 0)
    for lot_id, price in before.items():
        lot = await trader.synced(lot_id)
        assert lot["unit_price"] == price
        assert float((await trader.listing(lot))["unit_price"]) == float(price["amount"])
