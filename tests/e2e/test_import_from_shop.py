"""A seller whose shop is full takes its listings in as lots: linked, and nothing is written that is not different."""

from collections.abc import Iterator

from product.lots import Json, a_listing, a_part, a_set, eur, seen, shown_for
from product.seller import BRICKLINK, Seller, listing_of, problem
from product.waiting import until

PLAIN: Json = {
    "color_id": 0,
    "completeness": None,
    "sale_percent": 0,
    "tiers": [],
    "bulk": 1,
    "cost": None,
    "description": "",
    "remarks": "",
    "stockroom": None,
    "retain": False,
}
KINDS: list[Json] = [
    a_part(),
    a_part(
        tiers=[{"quantity": 20, "unit_price": eur("0.1100")}, {"quantity": 100, "unit_price": eur("0.0950")}], bulk=2
    ),
    a_part(sale_percent=15, description="played with & loved, 5 < 7", remarks="Regal «A»"),
    a_part(stockroom="A"),
    a_part(stockroom="B", retain=True),
    a_part(stockroom="C", cost=eur("0.0470")),
    a_part(condition="USED", unit_price=eur("0.0375"), description="Größe 1½"),
    a_part(quantity=9_000, unit_price=eur("0.0010")),
    a_set(),
    a_set(completeness="SEALED", condition="NEW", retain=True, remarks="shelf 7"),
]
COLORS = (1, 5, 7)


def thirty_lots() -> Iterator[Json]:
    """Each kind three times: parts in three colours, of which the first two kinds are the same item; sets all alike."""
    for color_id in COLORS:
        for kind in KINDS:
            yield PLAIN | kind | ({} if kind["item_type"] == "SET" else {"color_id": color_id})


async def stocked(seller: Seller) -> dict[int, Json]:
    """The shop's thirty listings, connected and matched; nothing of it is a lot."""
    for lot in thirty_lots():
        await seller.shop.add_lot(**a_listing(lot))
    await seller.connect(empty=False, state="awaiting_confirmation")
    return await seller.shop.lots()


async def preview(seller: Seller) -> tuple[str, list[Json]]:
    """The path of a preview of the shop's list, and its rows."""
    answer = await seller.ask("POST", f"{BRICKLINK}/import", headers={"Idempotency-Key": "take-all"})
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"]
    await until(lambda: seller.told("GET", path), lambda found: found["state"] == "preview")
    return path, await seller.every(f"{path}/rows")


async def done(seller: Seller, path: str) -> Json:
    return await until(lambda: seller.told("GET", path), lambda found: found["state"] == "done")


async def test_a_full_shop_becomes_lots_and_is_not_written_to(seller: Seller) -> None:
    listings = await stocked(seller)
    path, rows = await preview(seller)
    assert [row["verdict"] for row in rows] == ["new"] * 30
    assert {int(row["listing_id"]) for row in rows} == listings.keys()
    assert await seller.lots() == []

    for_sale = [listing_id for listing_id, one in listings.items() if not one["is_stock_room"]]
    await seller.shop.order({for_sale[0]: 3})  # after the list was read, before anything is a lot
    await seller.polled()
    confirmed = await seller.told("POST", f"{path}/confirm", json={})
    assert confirmed["matched_rows"] == 0
    await seller.shop.order({for_sale[0]: 2, for_sale[1]: 2})
    assert (await done(seller, path))["created_rows"] == 30
    await until(seller.lots, lambda lots: sum(lot["sold"] for lot in lots) == 7)
    lots = {listing_of(lot): lot for lot in await seller.all_synced()}
    assert lots.keys() == listings.keys()
    assert (lots[for_sale[0]]["quantity"], lots[for_sale[1]]["quantity"]) == (5, 8)

    assert (await seller.told("POST", f"{BRICKLINK}/confirm"))["state"] == "ready"
    planned = await seller.told("GET", f"{BRICKLINK}/plan")
    assert (planned["total_lots"], planned["total_calls"]) == (0, 0)
    await seller.polled(4)
    now = await seller.shop.lots()
    assert {listing_id: seen(one) for listing_id, one in now.items()} == {
        listing_id: shown_for(lot) for listing_id, lot in lots.items()
    }
    assert await seller.writes() == []
    assert (await seller.ask("POST", f"{BRICKLINK}/import", headers={"Idempotency-Key": "take-all"})).status_code == 202
    problem(await seller.ask("POST", f"{BRICKLINK}/import"), 409, "NOTHING_TO_IMPORT")


async def test_a_lot_taken_in_is_kept_in_step_from_then_on(seller: Seller) -> None:
    """Also where an equal lot was there before: it is linked, and another one if the seller says so."""
    listings = await stocked(seller)
    twin = PLAIN | a_part(color_id=COLORS[0])
    equal = await seller.create({name: value for name, value in twin.items() if value is not None})
    other = await seller.create(a_part("3001", COLORS[1], quantity=4, unit_price=eur("0.5000")))
    path, rows = await preview(seller)
    verdicts = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in ("matched", "ambiguous")}
    [matched] = verdicts["matched"]
    assert matched["duplicate_lot_id"] == equal["lot_id"]
    chosen = verdicts["ambiguous"][0]
    assert [one["lot_id"] for one in chosen["candidates"]] == [other["lot_id"]]
    link = {"number": chosen["number"], "choice": "link", "lot_id": other["lot_id"]}
    await seller.told("POST", f"{path}/confirm", json={"ambiguous": "new_lot", "rows": [link]})
    over = await done(seller, path)
    assert (over["created_rows"], over["updated_rows"]) == (28, 2)

    await seller.told("POST", f"{BRICKLINK}/confirm")
    assert listing_of(await seller.listed(equal["lot_id"])) == int(matched["listing_id"])
    linked = await seller.listed(other["lot_id"])
    assert listing_of(linked) == int(chosen["listing_id"])
    assert seen(await seller.listing(linked)) == shown_for(linked)
    assert (await seller.shop.lots()).keys() == listings.keys()
    await seller.adjust(equal["lot_id"], by=5)
    assert (await seller.listing(await seller.with_quantity(equal["lot_id"], 15)))["quantity"] == 15

    undone = await seller.told("POST", f"{path}/undo")
    assert undone["total_changes"] == 28
    held = await until(lambda: seller.connection(), lambda found: found["reason"] == "MANY_REMOVALS")
    assert held["state"] == "awaiting_confirmation"
