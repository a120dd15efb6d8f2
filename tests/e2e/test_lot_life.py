"""A lot's life over REST, and what the shop, the lot's status and the change log say of it."""

import asyncio

from product.lots import Json, a_part, a_set, eur, seen, shown_for
from product.seller import NewSeller, Seller, is_listed, listing_of, problem, sync_of
from product.waiting import until

FULL = a_part(
    "3023",
    86,
    quantity=1200,
    unit_price=eur("0.0250"),
    sale_percent=10,
    tiers=[
        {"quantity": 100, "unit_price": eur("0.0220")},
        {"quantity": 500, "unit_price": eur("0.0190")},
        {"quantity": 1000, "unit_price": eur("0.0155")},
    ],
    bulk=10,
    cost=eur("0.0081"),
    description="Plate 1 x 2, never built",
    remarks="A1-04",
    retain=True,
    location="shelf 4",
    tags=["plates", "sorted"],
)

CHANGES: dict[str, Json] = {
    "lowest price": {"unit_price": eur("0.001")},
    "price": {"unit_price": eur("0.1375")},
    "sale": {"sale_percent": 25},
    "sale ended": {"sale_percent": 0},
    "tiers": {"tiers": [{"quantity": 5, "unit_price": eur("0.1")}, {"quantity": 50, "unit_price": eur("0.0905")}]},
    "tiers taken away": {"tiers": []},
    "bulk": {"bulk": 5},
    "bulk back": {"bulk": None},
    "description": {"description": "light scratches"},
    "description taken away": {"description": ""},
    "remarks": {"remarks": "C2-11"},
    "remarks taken away": {"remarks": None},
    "cost": {"cost": eur("0.0333")},
    "cost taken away": {"cost": None},
    "retain": {"retain": True},
    "retain back": {"retain": False},
    "stockroom A": {"stockroom": "A"},
    "stockroom B": {"stockroom": "B"},
    "stockroom C": {"stockroom": "C"},
    "for sale again": {"stockroom": None},
    "all at once": {
        "unit_price": eur("0.5"),
        "sale_percent": 5,
        "tiers": [{"quantity": 20, "unit_price": eur("0.45")}],
        "bulk": 2,
        "cost": eur("0.2"),
        "description": "as new",
        "remarks": "Z9",
        "retain": True,
        "stockroom": "B",
    },
    "all at once back": {
        "sale_percent": None,
        "tiers": None,
        "bulk": None,
        "cost": None,
        "description": None,
        "remarks": None,
        "retain": None,
        "stockroom": None,
    },
}

TEXTS = {
    "brackets and quotes": "2 x 4 (mint) \"as new\" & 'clean'",
    "what looks like entities": "&amp; &#40;sic&#41; 50 &lt; 70 &nbsp;",
    "comparisons": "5 < 7, 7 > 5, <3",
    "letters of the world": "Grün, écru, 赤, зелёный, 🧱",
    "two lines": "first line\nsecond line",
    "as long as may be": "x" * 255,
}


async def test_a_new_lot_is_in_the_shop_with_every_field(trader: Seller) -> None:
    made = await trader.create({**FULL, "reason": "new stock"}, headers={"X-Correlation-Id": "e2e-made-1"})
    lot = await trader.synced(made["lot_id"])
    listing = await trader.listing(lot)
    assert seen(listing) == shown_for(lot)
    assert {name: lot[name] for name in FULL if name not in ("unit_price", "tiers", "cost")} == {
        name: value for name, value in FULL.items() if name not in ("unit_price", "tiers", "cost")
    }
    assert {group: told["settled_revision"] for group, told in sync_of(lot)["groups"].items()} == dict.fromkeys(
        ("quantity", "price", "text", "rest"), lot["revision"]
    )
    [change] = await trader.changes(lot["lot_id"])
    assert change["type"] == "created"
    assert change["source"] == "user"
    assert change["actor"] == trader.user_id()
    assert change["reason"] == "new stock"
    assert change["before"] == {}
    assert change["after"]["quantity"] == 1200
    assert change["after"]["unit_price"] == "0.025"
    assert change["quantity_delta"] == 1200
    assert change["correlation_id"] == "e2e-made-1"
    assert await trader.told("GET", f"/v1/changes/{change['change_id']}") == change


async def test_every_field_that_the_shop_takes_can_be_changed(trader: Seller) -> None:
    """One lot, one field after the other: the shop follows each, by one write, and the log has before and after."""
    lot = await trader.synced((await trader.create())["lot_id"])
    listing_id = listing_of(lot)
    for what, fields in CHANGES.items():
        before = lot
        await trader.patch(lot["lot_id"], {**fields, "reason": what}, role="editor")
        lot = await trader.synced(lot["lot_id"])
        assert listing_of(lot) == listing_id, what
        listing = await trader.listing(lot)
        assert seen(listing) == shown_for(lot), what
        assert lot["revision"] == before["revision"] + 1, what
        [change, *_] = await trader.changes(lot["lot_id"])
        assert (change["type"], change["reason"], change["actor"]) == ("updated", what, trader.user_id("editor"))
        assert change["before"].keys() == change["after"].keys(), what
        assert change["before"].keys() <= fields.keys(), what
        assert change["revision"] == lot["revision"], what
    assert len(await trader.writes(applied=True)) == 1 + len(CHANGES)


async def test_texts_survive_a_shop_that_answers_them_escaped(trader: Seller) -> None:
    """What the shop escapes in its answers is no difference: nothing is written a second time."""
    lots = [await trader.create(a_part(color_id=color, description=text, remarks=text))
            for color, text in enumerate(TEXTS.values(), start=1)]  # fmt: skip
    for made, text in zip(lots, TEXTS.values(), strict=True):
        lot = await trader.synced(made["lot_id"])
        assert lot["description"] == lot["remarks"] == text
        listing = await trader.listing(lot)
        assert (listing["description"], listing["remarks"]) == (text, text)
    await trader.patch(lots[0]["lot_id"], {"remarks": "moved (again)"})
    lot = await trader.synced(lots[0]["lot_id"])
    listing = await trader.listing(lot)
    assert (listing["description"], listing["remarks"]) == (lot["description"], "moved (again)")
    await trader.polled()
    assert await trader.lots_written() == len(TEXTS) + 1


async def test_texts_are_brought_into_their_normal_form(trader: Seller) -> None:
    made = await trader.create(
        a_part(description="  E\u0301cru\u00a0plate\r\n2\u202fx 4\x07 ", remarks="\u00a0A1\u00a0")
    )
    lot = await trader.synced(made["lot_id"])
    assert (lot["description"], lot["remarks"]) == ("\u00c9cru plate\n2 x 4", "A1")
    listing = await trader.listing(lot)
    assert (listing["description"], listing["remarks"]) == (lot["description"], lot["remarks"])


async def test_a_text_that_is_too_long_for_the_shop_is_cut_there_and_left_so(trader: Seller) -> None:
    """255 letters may be more than the 255 bytes that are known to be safe (marketplaces/bricklink.md#3.7)."""
    lot = await trader.listed((await trader.create(a_part(description="\u00fc" * 200)))["lot_id"])
    assert lot["description"] == "\u00fc" * 200
    assert (await trader.listing(lot))["description"] == "\u00fc" * 127
    await trader.adjust(lot["lot_id"], by=1)
    await trader.synced(lot["lot_id"])
    await trader.polled()
    assert len(await trader.writes()) == 2


async def test_a_quantity_goes_up_and_down_and_is_set(trader: Seller) -> None:
    lot = await trader.synced((await trader.create())["lot_id"])
    lot_id = lot["lot_id"]

    async def in_the_shop() -> int:
        listing = await trader.listing(await trader.synced(lot_id))
        return int(listing["quantity"])

    await trader.adjust(lot_id, by=7, reason="found in a box")
    assert await in_the_shop() == 17
    await trader.adjust(lot_id, by=-3)
    assert await in_the_shop() == 14
    await trader.adjust(lot_id, by=-4, reserved_by=4, reason="for a friend")
    assert await in_the_shop() == 10
    lot = await trader.lot(lot_id)
    assert (lot["quantity"], lot["reserved"]) == (10, 4)
    stale = {"If-Match": f'"{lot["revision"] - 1}"'}
    problem(
        await trader.ask("PATCH", f"/v1/lots/{lot_id}", json={"quantity": 99}, headers=stale), 412, "STALE_REVISION"
    )
    problem(await trader.ask("PATCH", f"/v1/lots/{lot_id}", json={"quantity": 99}), 428)
    await trader.patch(lot_id, {"quantity": 25}, headers={"If-Match": f'"{lot["revision"]}"'})
    assert await in_the_shop() == 25
    problem(await trader.ask("POST", f"/v1/lots/{lot_id}/adjust", json={"by": -26}), 409, "NOT_ENOUGH_PIECES")
    deltas = [(change["quantity_delta"], change["reserved_delta"]) for change in await trader.changes(lot_id)]
    assert deltas == [(15, 0), (-4, 4), (-3, 0), (7, 0), (10, 0)]
    bodies = [write["body"].get("quantity") for write in await trader.writes(method="PUT")]
    assert bodies == ["+7", "-3", "-4", "+15"]


async def test_edits_while_the_shop_is_slow_become_one_call(trader: Seller) -> None:
    """N edits are one desired state (design, section 5): the shop is asked for what is left to do, not for each."""
    lot = await trader.synced((await trader.create())["lot_id"])
    fault = await trader.shop.set_fault("withhold", when="before", method="PUT")
    await trader.adjust(lot["lot_id"], by=1)
    await trader.shop.wait_for_fault(fault)
    for number in range(1, 11):
        await trader.adjust(lot["lot_id"], by=number)
        await trader.patch(lot["lot_id"], {"remarks": f"edit {number}"})
    await trader.shop.release(fault)
    lot = await trader.with_quantity(lot["lot_id"], 10 + 1 + 55)
    listing = await trader.listing(lot)
    assert seen(listing) == shown_for(lot)
    assert len(await trader.writes(method="PUT")) <= 3  # what is not absorbed when the reply comes is one call more


async def test_an_archived_lot_leaves_the_shop_and_comes_back(trader: Seller) -> None:
    first = await trader.synced((await trader.create({**FULL}))["lot_id"])
    lot_id = first["lot_id"]
    await trader.archive(lot_id)
    archived = await trader.unlisted(lot_id)
    assert archived["archived"]
    assert await trader.shop.lots() == {}
    assert lot_id not in [lot["lot_id"] for lot in await trader.every("/v1/lots")]
    await trader.restore(lot_id)
    restored = await trader.listed(lot_id)
    listing = await trader.listing(restored)
    assert seen(listing) == shown_for(restored)
    assert listing_of(restored) != listing_of(first)
    assert [change["type"] for change in await trader.changes(lot_id)] == ["restored", "archived", "created"]
    assert len(await trader.shop.lots()) == 1


async def test_sets_used_parts_and_other_items(trader: Seller) -> None:
    wanted = [
        *(a_set(completeness=word, quantity=2) for word in ("COMPLETE", "INCOMPLETE", "SEALED")),
        a_set("75192-1", "SEALED", condition="NEW", unit_price=eur("649.9900")),
        a_part("3069b", 1, condition="USED", used_grade="ACCEPTABLE"),
        a_part("3069b", 1, condition="NEW"),
        a_part("sw0001a", 0, item_type="MINIFIG", condition="USED"),
        a_part("6080-1", 0, item_type="INSTRUCTION", condition="USED"),
        a_part("6080-1", 0, item_type="ORIGINAL_BOX", condition="USED"),
    ]
    for lot in wanted:
        await trader.create(lot)
    lots = await trader.all_synced()
    listings = [await trader.listing(lot) for lot in lots]
    assert [seen(listing) for listing in listings] == [shown_for(lot) for lot in lots]
    assert len(await trader.shop.lots()) == len(wanted)


async def test_equal_lots_stay_two_and_the_second_is_told_of_the_first(trader: Seller) -> None:
    first = await trader.create()
    second = await trader.create()
    assert (first["equal_lot_ids"], second["equal_lot_ids"]) == ([], [first["lot_id"]])
    lots = await trader.all_synced()
    assert len({listing_of(lot) for lot in lots}) == len(await trader.shop.lots()) == 2


async def test_a_lot_with_nothing_to_sell_is_not_listed(trader: Seller) -> None:
    empty = await trader.create(a_part(quantity=0))
    hidden = await trader.create(a_part(color_id=1, stockroom="C"))
    listed = await trader.create(a_part(color_id=7))
    await trader.all_synced()
    assert list(await trader.shop.lots()) == [listing_of(await trader.lot(listed["lot_id"]))]
    await trader.adjust(empty["lot_id"], by=3)
    await trader.patch(hidden["lot_id"], {"stockroom": None})
    await until(lambda: trader.shop.lots(), lambda lots: len(lots) == 3)
    for lot in await trader.all_synced():
        listing = await trader.listing(lot)
        assert seen(listing) == shown_for(lot)


async def test_a_sale_lowers_the_stock_and_is_in_the_log_with_its_order(trader: Seller) -> None:
    lot = await trader.synced((await trader.create())["lot_id"])
    lot_id, listing_id = lot["lot_id"], listing_of(lot)
    order = await trader.shop.order({listing_id: 3})
    lot = await trader.with_quantity(lot_id, 7)
    assert lot["sold"] == 3
    [change, *_] = await trader.changes(lot_id)
    assert (change["type"], change["source"], change["quantity_delta"]) == ("sold", "order", -3)
    assert (change["before"]["quantity"], change["after"]["quantity"]) == (10, 7)
    assert change["order"] == {
        "marketplace": "bricklink",
        "order_id": str(order["order_id"]),
        "listing_id": str(listing_id),
    }
    await trader.shop.add_batch(order["order_id"], {listing_id: 2})
    await trader.with_quantity(lot_id, 5)
    [change, *_] = await trader.changes(lot_id)
    assert (change["quantity_delta"], change["order"]["order_id"]) == (-2, str(order["order_id"]))
    await trader.shop.set_status(order["order_id"], "PAID")
    await trader.shop.file_order(order["order_id"])
    await trader.polled()
    lot = await trader.lot(lot_id)
    assert (lot["quantity"], lot["sold"]) == (5, 5)
    assert (await trader.shop.lots())[listing_id]["quantity"] == 5
    assert await trader.writes(method="PUT") == []


async def test_a_sold_out_lot_goes_and_comes_back_with_new_pieces(trader: Seller) -> None:
    plain = await trader.create()
    kept = await trader.create(a_part(color_id=1, retain=True))
    before = {lot["lot_id"]: listing_of(lot) for lot in await trader.all_synced()}
    await trader.shop.order(dict.fromkeys(before.values(), 10))
    plain = await trader.with_quantity(plain["lot_id"], 0)
    kept = await trader.with_quantity(kept["lot_id"], 0)
    assert (plain["status"], kept["status"]) == ("sold", "sold")
    assert not is_listed(plain)
    assert listing_of(kept) == before[kept["lot_id"]]
    for lot in (plain, kept):
        await trader.adjust(lot["lot_id"], by=4)
        lot = await trader.listed(lot["lot_id"])
        listing = await trader.listing(lot)
        assert seen(listing) == shown_for(lot)
    assert len(await trader.shop.lots()) == 2


async def test_a_sale_counts_although_the_lot_was_archived_before_it_was_heard_of(trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    await trader.shop.order({listing_of(lot): 2}, listed_after_seconds=1.5)
    await trader.archive(lot["lot_id"])
    await trader.unlisted(lot["lot_id"])
    await trader.with_quantity(lot["lot_id"], 8)
    assert await trader.shop.lots() == {}
    await trader.restore(lot["lot_id"])
    lot = await trader.listed(lot["lot_id"])
    assert (lot["quantity"], (await trader.listing(lot))["quantity"]) == (8, 8)


async def test_pieces_that_were_sold_while_the_seller_took_them_out_are_below_zero(new_seller: NewSeller) -> None:
    """A sale is never refused: the shop has sold them (rule S3). What the shop has left is nothing."""

    async def sold_and_taken(below_zero: str, taken: int) -> None:
        seller = await new_seller(below_zero=below_zero)
        await seller.connect()
        lot = await seller.listed((await seller.create(a_part(quantity=5)))["lot_id"])
        await seller.shop.order({listing_of(lot): 4}, listed_after_seconds=1.5)
        await seller.adjust(lot["lot_id"], by=-taken)
        lot = await seller.with_quantity(lot["lot_id"], 1 - taken)
        assert (lot["status"], lot["sold"]) == ("sold", 4)
        await until(seller.shop.lots, lambda listings: listings == {})
        await seller.adjust(lot["lot_id"], by=taken + 5)
        lot = await seller.listed(lot["lot_id"])
        assert (lot["quantity"], (await seller.listing(lot))["quantity"]) == (6, 6)

    await asyncio.gather(*(sold_and_taken(below_zero, taken) for below_zero in ("refuse", "clamp") for taken in (3, 5)))


async def test_a_cancelled_order_changes_nothing_by_itself(trader: Seller) -> None:
    """The shop does not put its pieces back, so neither do we (rule S4)."""
    lot = await trader.listed((await trader.create())["lot_id"])
    order = await trader.shop.order({listing_of(lot): 4})
    await trader.with_quantity(lot["lot_id"], 6)
    await trader.shop.cancel_order(order["order_id"])
    await trader.polled()
    lot = await trader.with_quantity(lot["lot_id"], 6)
    assert (await trader.listing(lot))["quantity"] == 6
    assert await trader.writes(method="PUT") == []


async def test_many_sales_and_edits_at_once_end_equal(trader: Seller) -> None:
    lots = [await trader.create(a_part(color_id=color, quantity=100)) for color in (1, 2, 3)]
    listings = {lot["lot_id"]: listing_of(lot) for lot in await trader.all_synced()}
    sold = {lot["lot_id"]: 0 for lot in lots}
    for round_number in range(1, 6):
        for lot in lots:
            listing_id = listings[lot["lot_id"]]
            await trader.shop.order({listing_id: round_number})
            await trader.adjust(lot["lot_id"], by=2 * round_number - 7)
            sold[lot["lot_id"]] += round_number
    for lot in lots:
        expected = 100 + sum(2 * n - 7 for n in range(1, 6)) - sold[lot["lot_id"]]
        settled = await trader.with_quantity(lot["lot_id"], expected)
        listing = await trader.listing(settled)
        assert listing["quantity"] == expected
        kinds = [change["type"] for change in await trader.changes(lot["lot_id"])]
        assert (kinds.count("sold"), kinds.count("adjusted"), kinds.count("created")) == (5, 5, 1)


async def test_sync_status_says_where_a_lot_is(seller: Seller) -> None:
    made = await seller.create()
    status = await seller.told("GET", f"/v1/lots/{made['lot_id']}/sync")
    assert status["bricklink"]["state"] == "not_connected"
    await seller.connect()
    lot = await seller.synced(made["lot_id"])
    status = await seller.told("GET", f"/v1/lots/{made['lot_id']}/sync", role="viewer")
    assert status == lot["sync"]
    assert [status["bricklink"]["listing_id"]] == [str(listing_id) for listing_id in await seller.shop.lots()]
