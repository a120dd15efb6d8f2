"""Connecting a shop: what a seller is told when it cannot be, and how a shop that has listings is taken over."""

from functools import partial

import pytest

from product.lots import Json, a_listing, a_part, seen, shown_for
from product.seller import BRICKLINK, NewSeller, Seller, is_listed, is_synced, listing_of, new_keys, problem, sync_of
from product.waiting import until

SOON = 30.0
"""Seconds in which a seller is told what is wrong, on a machine that is busy with other things as well."""


async def _halted(seller: Seller, reason: str, *words: str) -> Json:
    connection = await until(
        lambda: seller.told("GET", BRICKLINK),
        lambda found: found["state"] == "halted" and found["reason"] == reason,
        timeout=SOON,
    )
    assert all(word in connection["message"] for word in words), connection["message"]
    assert reason not in connection["message"], "a seller is told in words"
    return connection


@pytest.mark.parametrize("wrong", ["consumer_key", "consumer_secret", "token", "token_secret"])
async def test_a_wrong_key_is_told_in_words_and_right_ones_go_on(seller: Seller, wrong: str) -> None:
    lot = await seller.create()
    mistyped = seller.keys | {wrong: new_keys()[wrong]}
    await seller.connect(keys=mistyped, state=None)
    connection = await _halted(seller, "WRONG_KEY", "does not accept the keys", "store them here")
    assert not [value for value in mistyped.values() if value in str(connection)]
    assert await seller.shop.lots() == {}
    await seller.connect()
    lot = await seller.listed(lot["lot_id"])
    assert seen(await seller.listing(lot)) == shown_for(lot)


async def test_the_keys_are_tested_when_a_seller_asks(seller: Seller) -> None:
    """Wrong, right, not allowed from our address or at all, a shop that does not answer, or no more: by a charged call,
    or at once."""

    async def tested() -> Json:
        return await seller.told("POST", f"{BRICKLINK}/test")

    problem(await seller.ask("POST", f"{BRICKLINK}/test"), 404, "CONNECTION_NOT_FOUND")
    await seller.connect(keys=seller.keys | {"token": new_keys()["token"]}, state=None)
    await _halted(seller, "WRONG_KEY")
    calls = len(await seller.shop.requests())
    wrong = await tested()
    assert (wrong["ok"], wrong["reason"], wrong["key_version"]) == (False, "WRONG_KEY", 1)
    assert len(await seller.shop.requests()) == calls + 1, "one cheap read, ahead of the hour"
    assert (await seller.connection())["validation"] == "WRONG_KEY"
    await seller.connect()
    right = await tested()
    assert (right["ok"], right["reason"], right["key_version"]) == (True, None, 2)
    assert (await seller.connection())["validation"] == "OK"
    await seller.shop.switch(token_ip="192.0.2.1", token_ip_mask="255.255.255.255")
    assert (await tested())["reason"] == "ADDRESS_NOT_ALLOWED"
    await seller.shop.switch(token_ip_mask="0.0.0.0")
    assert (await tested())["ok"], "a halt ends as soon as somebody tests"
    await seller.connection("ready", "matching")
    await seller.shop.set_fault("error", code=403, message="PERMISSION_DENIED", count=None)
    barred = await tested()
    assert (barred["ok"], barred["reason"], "permission" in barred["message"]) == (False, "NO_PERMISSION", True)
    await seller.shop.clear_faults()
    assert (await tested())["ok"]
    await seller.connection("ready", "matching")
    await seller.shop.set_fault("html_503", when="before", count=None)
    down = await tested()
    assert (down["ok"], down["reason"] in ("SHOP_DOWN", "SERVER_ERROR", "UNREADABLE_REPLY")) == (False, True), down
    await seller.shop.clear_faults()
    await seller.connection("ready", "matching")
    await seller.shop.set_fault("http_429", retry_after=3600, count=None)
    spent = await until(tested, lambda told: told["reason"] == "QUOTA")
    assert (spent["ok"], "used up" in spent["message"]) == (False, True)
    assert (await seller.connection())["validation"] == "QUOTA"
    await seller.shop.clear_faults()


async def test_keys_mistyped_again_and_again_are_told_each_time(seller: Seller) -> None:
    lot = await seller.create()
    for _ in range(3):
        await seller.connect(keys=seller.keys | {"token": new_keys()["token"]}, state=None)
        await _halted(seller, "WRONG_KEY")
    await seller.connect()
    await seller.listed(lot["lot_id"])
    assert (await seller.connection())["key_version"] == 4


async def test_keys_that_stop_working_are_told_and_new_ones_bring_what_waited(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    trader.keys = new_keys()
    await trader.shop.put(keys=trader.keys, seller_name=trader.shop_name, currency=trader.currency)
    await _halted(trader, "WRONG_KEY")
    await trader.adjust(lot["lot_id"], by=5)
    await trader.shop.order({listing_of(lot): 2})
    assert not is_synced(await trader.lot(lot["lot_id"]))
    await trader.connect(empty=False)
    lot = await trader.with_quantity(lot["lot_id"], 13)
    assert (await trader.listing(lot))["quantity"] == 13


async def test_an_address_that_the_shop_does_not_know_is_told_in_words(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    await trader.shop.switch(token_ip="192.0.2.1", token_ip_mask="255.255.255.255")
    connection = await _halted(trader, "ADDRESS_NOT_ALLOWED", "address")
    assert not [value for value in trader.keys.values() if value in str(connection)]
    await trader.adjust(lot["lot_id"], by=-4)
    await trader.shop.switch(token_ip_mask="0.0.0.0")
    await trader.connect(empty=False)
    lot = await trader.with_quantity(lot["lot_id"], 6)
    assert (await trader.listing(lot))["quantity"] == 6


async def test_a_shop_that_does_not_answer_is_waited_for(trader: Seller) -> None:
    await trader.shop.set_fault("html_503", when="before", count=None)
    await trader.connection("waiting", timeout=SOON)
    lot = await trader.create()
    await trader.shop.clear_faults()
    await trader.connection("ready")
    await trader.listed(lot["lot_id"])
    assert len(await trader.shop.lots()) == 1


async def test_a_shop_with_listings_is_only_read_until_the_seller_agrees(seller: Seller) -> None:
    same, fewer, more, new, alike = [await seller.create(a_part(color_id=color)) for color in (1, 2, 3, 4, 5)]
    await seller.shop.add_lot(**a_listing(same))
    await seller.shop.add_lot(**a_listing(fewer, quantity=7))
    await seller.shop.add_lot(**a_listing(more, quantity=25))
    others = [
        await seller.shop.add_lot(**a_listing(alike, unit_price="5.0000")),
        await seller.shop.add_lot(**a_listing(same, color_id=7, quantity=3)),
    ]
    before = await seller.shop.lots()
    connection = await seller.connect(empty=False, state="awaiting_confirmation")
    assert connection["sync"]["match"] == {"linked": 3, "to_create": 1, "ambiguous": 1, "unowned": 2, "different": 2}
    assert "confirm" in connection["message"]
    differences = await seller.every(f"{BRICKLINK}/differences")
    assert {one["lot_id"]: (one["ours"], one["theirs"]) for one in differences} == {
        fewer["lot_id"]: (10, 7),
        more["lot_id"]: (10, 25),
    }
    await seller.adjust(same["lot_id"], by=2)
    await seller.polled()
    assert await seller.shop.lots() == before
    assert await seller.writes() == []

    await seller.told("POST", f"{BRICKLINK}/confirm")
    await seller.told("POST", f"{BRICKLINK}/confirm")
    for lot_id in (same["lot_id"], fewer["lot_id"], more["lot_id"], new["lot_id"]):
        lot = await seller.listed(lot_id)
        assert seen(await seller.listing(lot)) == shown_for(lot)
    assert [one["theirs"] for one in await seller.every(f"{BRICKLINK}/differences")] == []
    lot = await until(lambda: seller.lot(alike["lot_id"]), lambda lot: sync_of(lot)["state"] == "conflict")
    assert "same item" in sync_of(lot)["groups"]["quantity"]["reason"]
    listings = await seller.shop.lots()
    assert len(listings) == len(before) + 1
    assert [listings[other["inventory_id"]] for other in others] == others
    quantities = [write["body"].get("quantity") for write in await seller.writes()]
    assert sorted(map(str, quantities)) == ["+2", "+3", "-15", "10"]


async def test_a_shop_said_to_be_empty_that_is_not_is_only_read(seller: Seller) -> None:
    lot = await seller.create()
    listing = await seller.shop.add_lot(**a_listing(lot, quantity=4))
    await seller.connect(empty=True, state="awaiting_confirmation")
    await seller.polled()
    assert await seller.shop.lots() == {listing["inventory_id"]: listing}


async def test_an_empty_list_is_not_believed_without_the_sellers_word(seller: Seller) -> None:
    """A closed shop lists nothing (rule C5)."""
    lot = await seller.create()
    await seller.connect(empty=False, state=None)
    await _halted(seller, "LIST_IS_EMPTY", "no listings", "say here")
    refused = await seller.ask("POST", f"{BRICKLINK}/confirm")
    problem(refused, 409, "NOTHING_TO_CONFIRM")
    assert await seller.writes() == []
    await seller.connect(empty=True)
    await seller.listed(lot["lot_id"])


async def test_orders_from_before_are_not_counted_and_those_after_are(seller: Seller) -> None:
    """The seller counted after them: their pieces are gone from the lot already (rule C3)."""
    lot = await seller.create()
    listing = await seller.shop.add_lot(**a_listing(lot))
    old = await seller.shop.order({listing["inventory_id"]: 3})
    await seller.patch(lot["lot_id"], {"quantity": 7}, headers={"If-Match": '"1"'})
    await seller.connect(empty=False, state="awaiting_confirmation")
    await seller.told("POST", f"{BRICKLINK}/confirm")
    lot = await seller.with_quantity(lot["lot_id"], 7)
    assert (lot["sold"], (await seller.listing(lot))["quantity"]) == (0, 7)
    await seller.shop.order({listing_of(lot): 2})
    await seller.with_quantity(lot["lot_id"], 5)
    await seller.shop.add_batch(old["order_id"], {listing_of(lot): 1})
    lot = await seller.with_quantity(lot["lot_id"], 4)
    assert (lot["sold"], (await seller.listing(lot))["quantity"]) == (3, 4)
    sales = [change["quantity_delta"] for change in await seller.changes(lot["lot_id"]) if change["type"] == "sold"]
    assert sales == [-1, -2]
    assert await seller.writes() == []


async def test_no_call_is_made_after_the_keys_were_revoked(trader: Seller, new_seller: NewSeller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    assert (await trader.ask("DELETE", BRICKLINK)).status_code == 204
    connection = await trader.connection("not_connected")
    assert not connection["configured"]
    await trader.adjust(lot["lot_id"], by=-1)
    await trader.shop.order({listing_of(lot): 2})
    other = await new_seller()
    await other.connect()  # whose polls tell the time
    await until(lambda: _calls_while(trader, other, polls=2), lambda calls: calls == 0)
    assert await _calls_while(trader, other, polls=3) == 0
    assert (await trader.lot(lot["lot_id"]))["quantity"] == 9
    problem(await trader.ask("DELETE", BRICKLINK), 404)
    await trader.connect(empty=False)
    lot = await trader.with_quantity(lot["lot_id"], 7)
    assert (await trader.listing(lot))["quantity"] == 7


async def _calls_while(trader: Seller, other: Seller, *, polls: int) -> int:
    """How many calls one seller's shop gets while another's orders are read so often."""
    before = len(await trader.shop.requests())
    await other.polled(polls)
    return len(await trader.shop.requests()) - before


async def test_a_shop_is_kept_by_one_seller_only(trader: Seller, new_seller: NewSeller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    other = await new_seller()
    await other.create(a_part(color_id=1))
    await other.connect(keys=trader.keys, shop_name=trader.shop_name.upper(), empty=False, state=None)
    await _halted(other, "SHOP_OF_ANOTHER_SELLER", "another account")
    await trader.adjust(lot["lot_id"], by=1)
    await trader.with_quantity(lot["lot_id"], 11)
    assert list(await trader.shop.lots()) == [listing_of(lot)]


async def test_a_mistyped_name_is_told_and_can_be_corrected(seller: Seller) -> None:
    """What the seller typed is verified by what the shop says in its first order (rule W1)."""
    lot = await seller.create()
    await seller.connect(shop_name="sohp")
    lot = await seller.listed(lot["lot_id"])
    await seller.shop.order({listing_of(lot): 1})
    await _halted(seller, "ANOTHER_SHOP")
    assert (await seller.lot(lot["lot_id"]))["quantity"] == 10
    await seller.connect(empty=False)
    lot = await seller.with_quantity(lot["lot_id"], 9)
    assert is_listed(lot)
    assert (await seller.connection())["shop_name"] == seller.shop_name


async def test_a_mistyped_currency_lists_no_price_and_can_be_corrected(seller: Seller) -> None:
    """A price in another currency than the shop's is never sent (rule W2); what the seller typed last counts (W1)."""
    lot = await seller.create()
    await seller.connect(currency="USD")
    price = await until(partial(_price_of, seller, lot["lot_id"]), lambda group: group["state"] == "failed")
    assert "another currency" in price["reason"]
    assert not await seller.shop.lots()
    await seller.connect()
    assert is_listed(await seller.listed(lot["lot_id"]))


async def _price_of(seller: Seller, lot_id: str) -> dict[str, str]:
    group: dict[str, str] = (await seller.lot(lot_id))["sync"]["bricklink"]["groups"]["price"]
    return group
