"""What a seller sees of a shop and says of it, over REST, from end to end: a pause, hands in the shop, a return."""

from product.lots import Json, a_part, eur
from product.seller import BRICKLINK, Seller, listing_of
from product.waiting import until


async def say(seller: Seller, path: str, **body: object) -> Json:
    return await seller.told("POST", f"{BRICKLINK}/{path}", json=body)


async def compare(seller: Seller) -> None:
    """Have the whole shop compared now."""
    assert (await say(seller, "sync", compare=True))["brought_forward"]


async def waiting(seller: Seller, reason: str) -> Json:
    """The one lot that waits for this reason, once it does."""
    path = f"{BRICKLINK}/waiting?reason={reason}"
    return (await until(lambda: seller.told("GET", path), lambda page: len(page["items"]) == 1))["items"][0]


async def test_a_paused_shop_is_read_and_not_written(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    assert (await say(trader, "pause"))["state"] == "paused"
    writes = len(await trader.writes())
    await trader.patch(lot["lot_id"], {"remarks": "paused"})
    await trader.shop.order({listing_of(lot): 4})
    sold = await until(lambda: trader.lot(lot["lot_id"]), lambda found: found["quantity"] == 6)
    assert sold["sync"]["bricklink"]["state"] == "pending"
    connection = await until(trader.connection, lambda found: found["sync"]["waiting_lots"] == 1)
    assert (connection["state"], connection["sync"]["oldest_waiting_at"] is None) == ("paused", False)
    planned = await until(lambda: trader.told("GET", f"{BRICKLINK}/plan"), lambda found: found["total_calls"] == 1)
    [[call]] = [one["calls"] for one in planned["items"] if one["lot_id"] == lot["lot_id"]]
    assert (call["kind"], call["tier"], call["fields"]["remarks"]) == ("update", "text", "paused")
    assert (planned["total_calls"], planned["finish_at"], planned["bound_by"]) == (1, None, "PAUSED_BY_A_PERSON")
    assert len(await trader.writes()) == writes
    assert (await say(trader, "resume"))["state"] == "ready"
    listing = await trader.listing(await trader.with_quantity(lot["lot_id"], 6))
    assert (listing["quantity"], listing["remarks"]) == (6, "paused")


async def test_a_number_changed_by_hand_is_taken_or_set_right(trader: Seller) -> None:
    taken, kept = await trader.create(a_part(color_id=5)), await trader.create(a_part(color_id=7))
    lots = {one["lot_id"]: await trader.listed(one["lot_id"]) for one in (taken, kept)}
    for lot in lots.values():
        await trader.shop.edit_lot(listing_of(lot), quantity=7)
    await compare(trader)
    found = await until(lambda: trader.every(f"{BRICKLINK}/waiting"), lambda page: len(page) == 2)
    assert {one["trouble"]["trouble"] for one in found} == {"NUMBER_UNEXPLAINED"}
    assert {(one["trouble"]["ours"], one["trouble"]["theirs"]) for one in found} == {(10, 7)}
    for lot_id, answer in ((taken["lot_id"], "shop_is_right"), (kept["lot_id"], "ours_is_right")):
        await say(trader, f"waiting/{lot_id}/trouble", trouble="NUMBER_UNEXPLAINED", answer=answer, difference=-3)
    assert (await trader.listing(await trader.with_quantity(taken["lot_id"], 7)))["quantity"] == 7
    assert (await trader.listing(await trader.with_quantity(kept["lot_id"], 10)))["quantity"] == 10
    assert await trader.every(f"{BRICKLINK}/waiting") == []


async def test_a_price_changed_by_hand_becomes_the_lots(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    await trader.shop.edit_lot(listing_of(lot), unit_price="0.3000")
    await compare(trader)
    found = await waiting(trader, "CHANGED_IN_SHOP")
    (conflict,) = found["conflicts"]
    assert (conflict["field"], conflict["ours"], conflict["theirs"]) == ("unit_price", "0.1200", "0.3000")
    await trader.told(
        "POST",
        f"{BRICKLINK}/waiting/{lot['lot_id']}/conflicts/unit_price",
        json={"answer": "theirs", "theirs": "0.3000"},
        headers={"If-Match": f'"{found["revision"]}"'},
    )
    synced = await until(lambda: trader.synced(lot["lot_id"]), lambda one: one["unit_price"] == eur("0.30"))
    assert (await trader.listing(synced))["unit_price"] == "0.3000"


async def test_a_listing_removed_by_hand_is_listed_again_when_the_seller_says_so(trader: Seller) -> None:
    lot, other = await trader.create(a_part(color_id=5)), await trader.create(a_part(color_id=7))
    listed = await trader.listed(lot["lot_id"])
    await trader.listed(other["lot_id"])  # an empty shop would not be believed
    await trader.shop.delete_lot(listing_of(listed))
    await compare(trader)
    await waiting(trader, "GONE_UNEXPLAINED")
    await say(trader, f"waiting/{lot['lot_id']}/trouble", trouble="GONE_UNEXPLAINED", answer="list_anew")
    again = await trader.listed(lot["lot_id"])
    assert listing_of(again) != listing_of(listed)
    assert sorted(one["quantity"] for one in (await trader.shop.lots()).values()) == [10, 10]


async def test_returned_pieces_are_put_back_and_go_on_sale_again(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    order = await trader.shop.order({listing_of(lot): 4})
    await trader.with_quantity(lot["lot_id"], 6)
    await trader.shop.cancel_order(order["order_id"])
    (opened,) = await until(lambda: trader.every("/v1/returns"), lambda found: len(found) == 1)
    path = f"/v1/returns/{opened['return_id']}/answer"
    await trader.told("POST", path, json={"answer": "put_back", "pieces": 4})
    assert (await trader.listing(await trader.with_quantity(lot["lot_id"], 10)))["quantity"] == 10
    await compare(trader)
    await trader.polled()
    assert (await trader.with_quantity(lot["lot_id"], 10))["sold"] == 0
    assert await trader.every("/v1/returns") == []
