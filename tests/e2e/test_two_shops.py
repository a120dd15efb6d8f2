"""One seller, two shops, one stock: what sells in one is gone from the other."""

import secrets

import pytest

from devstack.testing import Stack
from product import first_hour
from product.first_hour import confirmed, planned, previewed, stocked, written
from product.leaks import places_with
from product.lots import a_part
from product.owl import BRICKOWL, OwlShop
from product.seller import BRICKLINK, Seller, problem
from product.waiting import until


@pytest.mark.timeout(180)
async def test_a_lot_is_in_both_shops_and_a_sale_in_one_reaches_the_other(stack: Stack, trader: Seller) -> None:
    async with OwlShop.opened(stack, trader) as owl:
        await owl.connect()
        await owl.ping(stack)
        await trader.ping(stack)
        lot = await trader.create(a_part(item_no="3001", color_id=5, quantity=10, remarks="A1-01"))
        await trader.listed(lot["lot_id"])
        lot = await owl.with_quantity(lot["lot_id"], 10)
        there = await owl.listing(lot)
        assert (there["qty"], there["personal_note"], there["boid"].partition("-")[0]) == (10, "A1-01", "771344")

        await owl.control.order({there["lot_id"]: 4})
        lot = await trader.with_quantity(lot["lot_id"], 6)
        assert (await trader.listing(lot))["quantity"] == 6

        await trader.shop.order({(await trader.listing(lot))["inventory_id"]: 5})
        lot = await owl.with_quantity(lot["lot_id"], 1)
        assert (await owl.listing(lot))["qty"] == 1
        for marketplace in (BRICKLINK, BRICKOWL):
            connection = await trader.told("GET", marketplace)
            assert connection["sync"]["last_ping_at"] is not None, marketplace


@pytest.mark.timeout(240)
async def test_a_first_hour_sends_exactly_what_differs_and_nothing_before_the_seller_agrees(
    stack: Stack, seller: Seller
) -> None:
    """Sixty listings in each shop, nine of them different; and two sales while the seller makes up their mind."""
    each = {"quantity": 3, "price": 2, "remarks": 2, "bricklink": 1, "owl": 1}
    async with OwlShop.opened(stack, seller) as owl:
        hour = await stocked(seller, owl, same=52, each=each)
        sold_at_bricklink, sold_at_owl, *_ = hour.places(first_hour.SAME)
        ours, *theirs = hour.places(first_hour.QUANTITY)
        await seller.connect(empty=False, state="awaiting_confirmation")
        await owl.connect(empty=False, state="awaiting_confirmation")
        await seller.shop.order({hour.bricklink[sold_at_bricklink]: 3})
        path, found = await previewed(seller, "bricklink")
        assert (found["total_rows"], found["different_rows"], found["matched_rows"]) == (60, 0, 0)
        assert (await confirmed(seller, path))["created_rows"] == 60
        await until(seller.lots, lambda lots: sum(lot["sold"] for lot in lots) == 3)

        path, found = await previewed(seller, "brickowl")
        assert (found["matched_rows"], found["different_rows"], found["ambiguous_rows"]) == (52, 7, 0)
        assert found["differing"] == {"quantity": 3, "price": 2, "rest": 2}
        assert (found["unmatched_lots"], found["total_rows"]) == (1, 60)
        rows = await seller.every(f"{path}/rows", differing="quantity")
        assert [(row["differences"][0]["ours"], row["differences"][0]["theirs"]) for row in rows] == [(10, 7)] * 3
        [one] = [row for row in rows if int(row["listing_id"]) == hour.owl[ours]]
        refused = problem(await seller.ask("POST", f"{path}/confirm", json={}), 400, "INVALID_FIELD")
        assert {one["field"] for one in refused["errors"]} == {"takes.quantity", "takes.price", "takes.rest"}
        await owl.control.order({hour.owl[sold_at_owl]: 2})
        over = await confirmed(
            seller,
            path,
            takes={"quantity": "theirs", "price": "ours", "rest": "ours"},
            rows=[{"number": one["number"], "choice": "link", "takes": {"quantity": "ours"}}],
        )
        assert (over["updated_rows"], over["created_rows"]) == (59, 1)
        await until(seller.lots, lambda lots: sum(lot["sold"] for lot in lots) == 5)
        to_bricklink = await planned(seller, "bricklink", 2 + 1 + 1)
        to_owl = await planned(seller, "brickowl", 1 + 2 + 2 + 1 + 1)
        assert to_bricklink["calls_by_tier"] == {"decrease": 3, "create": 1}
        assert to_owl["calls_by_tier"]["increase"] == 1
        assert [plan["bound_by"] for plan in (to_bricklink, to_owl) if plan["finish_at"]] == ["FIRST_PLAN"] * 2
        assert await written(seller.shop) == await written(owl.control) == []

        for marketplace in ("bricklink", "brickowl"):
            await seller.told("POST", f"/v1/connections/{marketplace}/confirm")
        await until(
            lambda: seller.lots(),
            lambda lots: all(shop["state"] == "synced" for lot in lots for shop in lot["sync"].values()),
        )
        at_bricklink = {one["remarks"]: one for one in (await seller.shop.lots()).values()}
        at_owl = {one["personal_note"]: one for one in (await owl.control.lots()).values()}
        assert at_bricklink.keys() == at_owl.keys()
        assert {name: one["quantity"] for name, one in at_bricklink.items()} == {
            name: one["qty"] for name, one in at_owl.items()
        }
        assert sum(one["qty"] for one in at_owl.values()) == 61 * 10 - 3 - 2 - 2 * 3
        asked = {int(one["path"].rpartition("/")[2]) for one in await written(seller.shop) if one["path"][-1].isdigit()}
        assert asked == {hour.bricklink[place] for place in (sold_at_owl, *theirs)}
        asked = {int(one["lot_id"]) for one in await written(owl.control) if one.get("lot_id")} & set(hour.owl.values())
        changed = [sold_at_bricklink, ours, *hour.places(first_hour.PRICE), *hour.places(first_hour.REMARKS)]
        assert asked == {hour.owl[place] for place in changed}


@pytest.mark.timeout(180)
async def test_items_that_the_marketplace_does_not_know_are_one_list_and_are_mapped_by_hand(
    stack: Stack, trader: Seller
) -> None:
    """Their lots are in the other shop meanwhile, and no error here."""
    async with OwlShop.opened(stack, trader) as owl:
        await owl.connect()
        lots = [await trader.create(a_part(item_no="3003", color_id=color_id)) for color_id in (1, 5)]
        for lot in lots:
            await trader.listed(lot["lot_id"])
        unmapped = f"{BRICKOWL}/unmapped-items"
        [item] = await until(lambda: trader.every(unmapped), lambda items: [each["lots"] for each in items] == [2])
        assert (item["item_type"], item["item_no"], item["color_id"]) == ("PART", "3003", None)
        assert await trader.every(f"{BRICKOWL}/waiting") == []
        said = {"item_type": "PART", "item_no": "3003", "number_there": "not a BOID"}
        problem(await trader.ask("POST", unmapped, json=said), 400, "INVALID_FIELD")
        await trader.told("POST", unmapped, json={**said, "number_there": "939628"})
        for lot in lots:
            there = await owl.listing(await owl.with_quantity(lot["lot_id"], 10))
            assert there["boid"].partition("-")[0] == "939628"
        assert await trader.every(unmapped) == []


@pytest.mark.timeout(180)
async def test_the_key_is_nowhere_to_be_seen_though_it_is_in_every_url(stack: Stack, seller: Seller) -> None:
    mark = f"canary{secrets.token_hex(8)}"
    async with OwlShop.opened(stack, seller, mark=mark) as owl:
        await owl.connect(key=f"{mark}{secrets.token_hex(4)}", state=None)
        halted = await owl.connection("halted")
        assert halted["reason"] == "WRONG_KEY"
        lot = await seller.create()
        await owl.connect()
        await owl.with_quantity(lot["lot_id"], 10)
        await owl.control.set_fault("drop", when="after", method="POST", count=1)  # unknown, so it is looked at
        await seller.adjust(lot["lot_id"], by=-1)
        await owl.with_quantity(lot["lot_id"], 9)
        for method in ("POST", "GET"):  # whose error repeats what it was asked
            await owl.control.set_fault("error", code=500, message=f"/v1/x?key={owl.key}&y=1", method=method, count=1)
        await seller.adjust(lot["lot_id"], by=-1)
        await owl.with_quantity(lot["lot_id"], 8)
        bricklinks = {name: secrets.token_hex(4) for name in ("consumer_key", "consumer_secret", "token")}
        wrong = {"keys": {**bricklinks, "token_secret": f"{mark}x"}, "shop_name": "s", "currency": "EUR"}
        problem(await seller.ask("PUT", "/v1/connections/brickowl", json=wrong), 400, "INVALID_FIELD")
        assert await places_with(stack, mark) == []
        assert "table sync_brickowl.connections" in await places_with(stack, seller.seller_id)
