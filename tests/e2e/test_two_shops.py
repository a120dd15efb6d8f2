"""One seller, two shops, one stock: what sells in one is gone from the other."""

import secrets

import pytest

from devstack.testing import Stack
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
