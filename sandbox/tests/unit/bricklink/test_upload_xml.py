"""The file to import: as `marketplaces/formats.md` section 2 says, and every lot one that a shop would take."""

import re

import pytest
from defusedxml.ElementTree import fromstring

from sandbox.__main__ import main
from sandbox.bricklink.upload_xml import upload_xml
from sandbox.catalog import Catalog

from .conftest import MakeShop
from .samples import NOW

TYPES = {"P": "PART", "S": "SET"}
TAGS = {
    *("ITEMTYPE", "ITEMID", "COLOR", "CATEGORY", "QTY", "PRICE", "CONDITION", "SUBCONDITION", "BULK", "DESCRIPTION"),
    *("REMARKS", "STOCKROOM", "STOCKROOMID", "RETAIN", "SALE", "TQ1", "TP1", "TQ2", "TP2", "TQ3", "TP3", "MYCOST"),
}


def test_every_lot_of_a_large_file_is_accepted_by_a_shop(catalog: Catalog, make_shop: MakeShop) -> None:
    shop = make_shop()
    seen = set()
    root = fromstring(upload_xml(catalog, lots=1000, seed=7))
    assert (root.tag, len(root)) == ("INVENTORY", 1000)
    for element in root:
        tags = {child.tag: child.text or "" for child in element}
        seen |= set(tags)
        assert re.fullmatch(r"\d+\.\d{3}", tags["PRICE"])
        shop.create_lot(
            {
                "item": {"type": TYPES[tags["ITEMTYPE"]], "no": tags["ITEMID"]},
                "color_id": int(tags["COLOR"]),
                "quantity": int(tags["QTY"]),
                "unit_price": tags["PRICE"],
                "new_or_used": tags["CONDITION"],
                "completeness": {"C": "C", "I": "B", "S": "S"}.get(tags.get("SUBCONDITION", "")),
                "description": tags["DESCRIPTION"],
                "remarks": tags["REMARKS"],
                "bulk": int(tags.get("BULK", "1")),
                "is_retain": tags.get("RETAIN") == "Y",
                "is_stock_room": tags.get("STOCKROOM") == "Y",
                "stock_room_id": tags.get("STOCKROOMID"),
                "my_cost": tags.get("MYCOST"),
                "sale_rate": int(tags.get("SALE", "0")),
                **({f"tier_quantity{n}": tags[f"TQ{n}"] for n in (1, 2, 3)} if "TQ1" in tags else {}),
                **({f"tier_price{n}": tags[f"TP{n}"] for n in (1, 2, 3)} if "TQ1" in tags else {}),
            },
            NOW,
        )
    assert seen == TAGS


def test_the_same_seed_gives_the_same_file(catalog: Catalog) -> None:
    assert upload_xml(catalog, lots=40, seed=3) == upload_xml(catalog, lots=40, seed=3)
    assert upload_xml(catalog, lots=40, seed=3) != upload_xml(catalog, lots=40, seed=4)


def test_the_command_writes_it(capsys: pytest.CaptureFixture[str], catalog: Catalog) -> None:
    assert main(["bricklink-xml", "--lots", "12", "--seed", "5"]) == 0
    assert capsys.readouterr().out == upload_xml(catalog, lots=12, seed=5)
