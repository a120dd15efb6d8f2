"""Texts of every kind come into the shop as they are, and no comparison ever finds a difference to write."""

import asyncio
from html import escape

from product.lots import Json
from product.seller import BRICKLINK, NewSeller, Seller, is_listed, is_synced
from product.waiting import until

TEXTS = (
    "Fish & chips; AT&T; R&D",
    "5 < 7, 7 > 5 and <3",
    "\"as new\" 'clean' (mint) [box]",
    "Grün, Öl, ß, écru, 赤, зелёный, 🧱",
    "&amp; &#40;sic&#41; &quot;50&quot; &nbsp; &eacute; &copy 2020",
    "&amp;amp; and &amp;amp;amp;",
    "first line\nsecond line & third",
    "100 % 'pure' & \"simple\" &",
    "a > b",
    "a & b < c",
    "it's",
    "plain",
)


def bsx(texts: tuple[str, ...]) -> bytes:
    """A lot for each text, which is its public and its private note; `<` and `>` are escaped twice (formats.md 2)."""
    items = "".join(
        f"<Item><ItemID>{3001 + place}</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>5</Qty>"
        f"<Price>0.100</Price><Condition>N</Condition><Comments>{note}</Comments><Remarks>{note}</Remarks></Item>"
        for place, note in enumerate(map(_escaped_twice, texts))
    )
    return f'<BrickStoreXML><Inventory Currency="EUR">{items}</Inventory></BrickStoreXML>'.encode()


def _escaped_twice(text: str) -> str:
    return escape(text.replace("<", "&lt;").replace(">", "&gt;"))


async def compared(seller: Seller) -> None:
    """Have the whole shop compared, and wait until it was."""
    before = (await seller.connection())["sync"]["last_census_at"]
    assert (await seller.told("POST", f"{BRICKLINK}/sync", json={"compare": True}))["brought_forward"]
    await until(seller.connection, lambda found: bool(found["sync"]["last_census_at"] != before))


SHOPS: dict[str, dict[str, object]] = {
    "escapes in its answers": {"markup": "escape"},
    "takes markup out": {"markup": "strip"},
    "answers as it stores": {"escaped_texts": False},
}


async def test_a_compare_of_texts_writes_nothing(new_seller: NewSeller) -> None:
    """Nor does a second one; and nobody is asked about a difference, also where the shop cleans what it stores."""
    sellers = {shop: await new_seller(**switches) for shop, switches in SHOPS.items()}
    await asyncio.gather(*(compared_twice(seller, shop) for shop, seller in sellers.items()))


async def compared_twice(seller: Seller, shop: str) -> None:
    await seller.connect()
    file = {"params": {"currency": "EUR"}, "headers": {"Content-Type": "application/xml"}, "content": bsx(TEXTS)}
    await seller.told("POST", "/v1/imports", **file)
    lots = await until(seller.lots, all_there)
    assert sorted(lot["description"] for lot in lots) == sorted(lot["remarks"] for lot in lots) == sorted(TEXTS)
    await seller.patch(lots[0]["lot_id"], {"description": "6 < 7, 7 > 5 & so on", "remarks": "&lt;moved&gt;"})
    await until(seller.lots, all_there)
    writes = await seller.writes()
    assert await seller.lots_written() == len(TEXTS) + 1, shop
    for _ in range(2):
        await compared(seller)
        await seller.polled(1)
        assert await seller.every(f"{BRICKLINK}/waiting") == [], shop
        assert await seller.writes() == writes, shop
    assert all_there(await seller.lots()), shop


def all_there(lots: list[Json]) -> bool:
    return len(lots) == len(TEXTS) and all(is_listed(lot) and is_synced(lot) for lot in lots)
