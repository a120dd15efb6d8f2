"""A BrickLink upload file becomes lots, whole or not at all, once."""

from collections import Counter

import pytest

from product.lots import Json, a_part, seen, shown_for
from product.seller import Seller, is_listed, listing_of, problem
from product.waiting import until
from sandbox.bricklink.upload_xml import upload_xml
from sandbox.catalog import Catalog

IMPORTS = "/v1/imports"
EUR = {"currency": "EUR"}
XML = {"Content-Type": "application/xml"}


def a_file(lots: int, *, seed: int = 1) -> bytes:
    """A realistic upload file."""
    return upload_xml(Catalog.shipped(), lots=lots, seed=seed).encode()


def an_item(**tags: str) -> str:
    """One row: a red brick unless told otherwise; an empty value leaves the tag out."""
    row = {"ITEMTYPE": "P", "ITEMID": "3001", "COLOR": "5", "QTY": "4", "PRICE": "0.12", "CONDITION": "N", **tags}
    return "<ITEM>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in row.items() if value) + "</ITEM>"


async def _done(seller: Seller, import_id: str) -> Json:
    return await until(lambda: seller.told("GET", f"{IMPORTS}/{import_id}"), lambda found: found["state"] == "done")


async def test_fifty_lots_of_a_file_are_in_the_shop_once(trader: Seller) -> None:
    content = a_file(50)
    answer = await trader.ask(
        "POST", IMPORTS, params=EUR, content=content, headers={**XML, "Idempotency-Key": "e2e-fifty"}, role="editor"
    )
    accepted = answer.json()
    assert (answer.status_code, accepted["total_rows"]) == (202, 50)
    assert answer.headers["location"] == f"{IMPORTS}/{accepted['import_id']}"
    done = await _done(trader, accepted["import_id"])
    assert (done["created_rows"], done["refused_rows"]) == (50, 0)
    again = await trader.told(
        "POST", IMPORTS, params=EUR, content=content, headers={**XML, "Idempotency-Key": "e2e-fifty"}, role="editor"
    )
    assert again["import_id"] == accepted["import_id"]
    reused = await trader.ask(
        "POST", IMPORTS, params=EUR, content=a_file(49), headers={**XML, "Idempotency-Key": "e2e-fifty"}, role="editor"
    )
    problem(reused, 409, "REQUEST_ID_REUSED")
    lots = await trader.all_synced(timeout=60)
    assert len(lots) == 50
    rows = await trader.every(f"{IMPORTS}/{accepted['import_id']}/rows")
    assert [row["number"] for row in rows] == list(range(1, 51))
    assert {row["lot_id"] for row in rows} == {lot["lot_id"] for lot in lots}
    changes = await trader.changes(import_id=accepted["import_id"])
    assert Counter((change["type"], change["source"], change["actor"]) for change in changes) == {
        ("created", "import", trader.user_id("editor")): 50
    }
    for_sale = [lot for lot in lots if lot["stockroom"] is None]
    assert 0 < len(for_sale) < 50
    assert [lot for lot in lots if is_listed(lot)] == for_sale
    assert [seen(await trader.listing(lot)) for lot in for_sale] == [shown_for(lot) for lot in for_sale]
    assert len(await trader.shop.lots()) == len(for_sale)
    assert len(await trader.writes()) <= len(for_sale)  # one call may make several


async def test_bad_rows_are_told_and_the_good_ones_made(seller: Seller) -> None:
    rows = [
        an_item(),
        an_item(COLOR="9999"),
        an_item(PRICE="0.12345"),
        an_item(QTY="-4"),
        an_item(QTY="0"),
        an_item(ITEMID=""),
        an_item(ITEMTYPE="X"),
        an_item(ITEMTYPE="S", ITEMID="6080-1", COLOR="0"),
        an_item(DELETE="Y"),
        an_item(DESCRIPTION="&lt;b&gt;new&lt;/b&gt;"),
        an_item(COLOR="1", QTY="1,200", REMARKS="A1"),
    ]
    content = "<INVENTORY>\n" + "\n".join(rows) + "\n</INVENTORY>"
    accepted = await seller.told(
        "POST", IMPORTS, params=EUR, files={"file": ("stock.xml", content.encode(), "text/xml")}
    )
    done = await _done(seller, accepted["import_id"])
    assert (done["total_rows"], done["created_rows"], done["refused_rows"]) == (11, 2, 9)
    assert done["file_name"] == "stock.xml"
    refused = await seller.every(f"{IMPORTS}/{accepted['import_id']}/rows", refused_only=True)
    told = {row["number"]: row["field"] for row in refused}
    assert told == {
        2: "COLOR",
        3: "PRICE",
        4: "QTY",
        5: "QTY",
        6: "ITEMID",
        7: "ITEMTYPE",
        8: "SUBCONDITION",
        9: "DELETE",
        10: "DESCRIPTION",
    }
    assert [row["line"] for row in refused] == [row["number"] + 1 for row in refused]
    assert all(row["reason"] and row["lot_id"] is None and row["state"] == "refused" for row in refused)
    assert sorted(lot["quantity"] for lot in await seller.lots()) == [4, 1200]


CSV = "item_type,item_no,color_id,condition,quantity,unit_price,remarks\n"


async def test_a_previewed_file_replaces_a_lot_and_keeps_what_was_sold_meanwhile(trader: Seller) -> None:
    lot = await trader.listed((await trader.create(a_part(quantity=10)))["lot_id"])
    content = f"{CSV}PART,3001,5,NEW,50,0.2,B7\nPART,3002,5,NEW,4,0.1,\nPART,3003,5,NEW,x,0.1,\n"
    accepted = await trader.told(
        "POST", f"{IMPORTS}?preview=true", content=content.encode(), headers={"Content-Type": "text/csv"}, role="editor"
    )
    path = f"{IMPORTS}/{accepted['import_id']}"
    assert (accepted["state"], accepted["duplicate_rows"], accepted["refused_rows"]) == ("preview", 1, 1)
    rows = await trader.every(f"{path}/rows")
    assert [(row["verdict"], row["field"]) for row in rows] == [
        ("duplicate", None),
        ("new", None),
        ("invalid", "quantity"),
    ]
    assert rows[0]["duplicate_lot_id"] == lot["lot_id"]
    await trader.shop.order({listing_of(lot): 3})
    await trader.with_quantity(lot["lot_id"], 7)

    problem(await trader.ask("POST", f"{path}/confirm", json={}), 400, "INVALID_FIELD")
    problem(await trader.ask("POST", f"{path}/confirm", json={"duplicates": "replace"}, role="viewer"), 403)
    await trader.told("POST", f"{path}/confirm", json={"duplicates": "replace"}, role="editor")
    done = await _done(trader, accepted["import_id"])
    assert (done["created_rows"], done["updated_rows"], done["refused_rows"]) == (1, 1, 1)
    changed = await trader.with_quantity(lot["lot_id"], 47)
    assert (changed["unit_price"]["amount"], changed["remarks"]) == ("0.20", "B7")
    assert seen(await trader.listing(changed)) == shown_for(changed)

    await trader.told("POST", f"{path}/undo", role="editor")
    restored = await trader.with_quantity(lot["lot_id"], 7)
    assert (restored["unit_price"], restored["remarks"]) == (lot["unit_price"], lot["remarks"])
    assert seen(await trader.listing(restored)) == shown_for(restored)


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)

REFUSED_FILES = {
    "truncated": a_file(20)[:-40],
    "cut in the middle of a row": a_file(20)[:700],
    "another root": b"<ORDERS>" + an_item().encode() + b"</ORDERS>",
    "a bomb of entities": f"{BOMB}<INVENTORY>{an_item(REMARKS='&c;')}</INVENTORY>".encode(),
    "an external entity": (
        '<!DOCTYPE i [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        f"<INVENTORY>{an_item(REMARKS='&x;')}</INVENTORY>"
    ).encode(),
    "an external DTD": f'<!DOCTYPE i SYSTEM "http://127.0.0.1:9/x.dtd"><INVENTORY>{an_item()}</INVENTORY>'.encode(),
    "a DTD": f"<!DOCTYPE INVENTORY><INVENTORY>{an_item()}</INVENTORY>".encode(),
    "an entity nobody defined": f"<INVENTORY>{an_item(REMARKS='&nbsp;')}</INVENTORY>".encode(),
    "two roots": f"<INVENTORY>{an_item()}</INVENTORY><INVENTORY/>".encode(),
    "something else among the rows": f"<INVENTORY>{an_item()}<LOT/></INVENTORY>".encode(),
    "no rows": b"<INVENTORY></INVENTORY>",
    "no XML": b"item,quantity\n3001,4\n",
    "bytes that are no text": b"<INVENTORY>\xff\xfe</INVENTORY>",
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED_FILES)
async def test_a_file_that_is_not_whole_makes_no_lot(seller: Seller, what: str) -> None:
    answer = await seller.ask("POST", IMPORTS, params=EUR, content=REFUSED_FILES[what], headers=XML)
    told = problem(answer, 400, "INVALID_FIELD")
    [error] = told["errors"]
    assert error["field"] == "file"
    assert error["detail"]
    assert "root:" not in answer.text
    assert await seller.lots() == []
    assert await seller.changes() == []
    assert await seller.every(IMPORTS) == []


async def test_a_file_in_another_currency_or_form_is_refused(seller: Seller) -> None:
    await seller.create()
    content = a_file(2)
    for query, headers, status, field in (
        ({"currency": "USD"}, XML, 400, "currency"),
        ({"currency": "Euro"}, XML, 400, "currency"),
        ({"format": "brickstore"}, XML, 400, "format"),
        (EUR, {"Content-Type": "text/plain"}, 415, ""),
    ):
        told = problem(await seller.ask("POST", IMPORTS, params=query, content=content, headers=headers), status)
        assert [error["field"] for error in told["errors"]] == ([field] if field else [])
    assert len(await seller.lots()) == 1


async def test_a_file_that_is_too_large_is_refused(seller: Seller) -> None:
    answer = await seller.ask("POST", IMPORTS, params=EUR, content=b" " * (33 * 1024 * 1024), headers=XML)
    problem(answer, 413, "BODY_TOO_LARGE")
