"""How values look in answers, and how bodies are read (`marketplaces/bricklink.md` sections 1 and 3.1)."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from sandbox.bricklink.bodies import decode_body
from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.render import Renderer, escaped, money, plain, timestamp
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import NOW, lot_body, tiers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see photo (left)", "see photo &#40;left&#41;"),
        ("clip's arm", "clip&#39;s arm"),
        ('5" & <b>', "5&quot; &amp; &lt;b&gt;"),
        ("&amp;", "&amp;amp;"),
        ("no\N{NO-BREAK SPACE}break", "no&nbsp;break"),
        ("Größe L", "Größe L"),
    ],
)
def test_texts_are_escaped_once(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 2, 1, 10, 15, tzinfo=UTC), "2026-02-01T10:15:00.000Z"),
        (datetime(2026, 2, 1, 10, 15, 1, 7999, UTC), "2026-02-01T10:15:01.007Z"),
        (datetime(2026, 2, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T23:00:00.000Z"),
    ],
)
def test_dates_are_utc_with_three_digits(moment: datetime, shown: str) -> None:
    assert timestamp(moment) == shown


@pytest.mark.parametrize(("amount", "shown"), [("0", "0.0000"), ("1.2", "1.2000"), ("99999", "99999.0000")])
def test_money_has_four_places(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown


@pytest.mark.parametrize(("switched_on", "shown"), [(True, "2 &amp;amp; 3"), (False, "2 &amp; 3")])
def test_whether_answers_are_escaped_is_a_switch(make_shop: MakeShop, *, switched_on: bool, shown: str) -> None:
    shop = make_shop(escaped_texts=switched_on)
    assert Renderer(shop).lot(shop.create_lot(lot_body(description="2 &amp; 3"), NOW))["description"] == shown


def test_a_lot_looks_as_documented(make_shop: MakeShop) -> None:
    shop = make_shop()
    body = lot_body(description="light scratches (see photo)", my_cost="0.04", **tiers(50, "0.11", 100, "0.1", 0, 0))
    assert Renderer(shop).lot(shop.create_lot(body, NOW)) == {
        "inventory_id": 50001001,
        "item": {"no": "3001", "name": "Brick 2 x 4", "type": "PART", "category_id": 5},
        "color_id": 5,
        "color_name": "Red",
        "quantity": 40,
        "new_or_used": "U",
        "unit_price": "0.1200",
        "bind_id": 0,
        "description": "light scratches &#40;see photo&#41;",
        "remarks": "A1-03",
        "bulk": 1,
        "is_retain": False,
        "is_stock_room": False,
        "date_created": "2026-02-01T10:15:00.000Z",
        "my_cost": "0.0400",
        "sale_rate": 0,
        "tier_quantity1": 50,
        "tier_price1": "0.1100",
        "tier_quantity2": 100,
        "tier_price2": "0.1000",
        "tier_quantity3": 0,
        "tier_price3": "0.0000",
        "my_weight": "0.0000",
    }


@pytest.mark.parametrize(
    ("changes", "switches", "shown"),
    [
        ({}, {}, {"completeness": "absent", "stock_room_id": "absent", "unit_price_final": "absent"}),
        ({}, {"absent_optional": "null"}, {"completeness": None, "stock_room_id": None, "unit_price_final": None}),
        ({"is_stock_room": True}, {}, {"is_stock_room": True, "stock_room_id": "A"}),
        ({"sale_rate": 25}, {}, {"unit_price": "0.1200", "unit_price_final": "0.0900"}),
        ({}, {"show_is_reserved": True}, {"is_reserved": False}),
        ({"item": {"no": "1-1", "type": "SET"}, "completeness": "B"}, {}, {"completeness": "B"}),
    ],
)
def test_optional_fields(
    make_shop: MakeShop, changes: dict[str, Any], switches: dict[str, Any], shown: dict[str, object]
) -> None:
    shop = make_shop(**switches)
    lot = Renderer(shop).lot(shop.create_lot(lot_body(**changes), NOW))
    assert {name: lot.get(name, "absent") for name in shown} == shown


def test_an_order_looks_as_documented(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = shop.create_lot(lot_body(remarks="A1 (left)", sale_rate=50), NOW).lot_id
    order = shop.place_order([Wanted(lot_id, 10)], NOW, buyer_name="o'brick")
    order = shop.add_to_order(order.order_id, [Wanted(lot_id, 2)], NOW)
    summary = Renderer(shop).order_summary(order)
    assert (summary["order_id"], summary["status"], summary["is_filed"]) == (9000001, "UPDATED", False)
    assert (summary["total_count"], summary["unique_count"]) == (12, 1)
    assert summary["date_status_changed"] == "2026-02-01T10:15:00.000Z"
    assert (summary["seller_name"], summary["buyer_name"]) == ("demo_seller", "o&#39;brick")
    assert summary["cost"] == {"currency_code": "EUR", "subtotal": "0.7200", "grand_total": "0.7200"}
    full = Renderer(shop).order(order)
    assert {name: full[name] for name in summary if "cost" not in name} == {
        name: value for name, value in summary.items() if "cost" not in name
    }
    assert full["cost"].items() >= summary["cost"].items()
    first, second = Renderer(shop).batches(order)
    assert (first[0]["inventory_id"], first[0]["quantity"], second[0]["quantity"]) == (lot_id, 10, 2)
    assert (first[0]["unit_price"], first[0]["unit_price_final"]) == ("0.1200", "0.0600")
    assert first[0]["remarks"] == "A1 &#40;left&#41;"
    assert Renderer(shop, plain).batches(order)[0][0]["remarks"] == "A1 (left)"


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"%7B%22a%22%3A+1%7D", {"a": 1}),
        (b"%5b%5D", []),
        (b'{"a": 0.1}', {"a": Decimal("0.1")}),
        ('{"a": "ü"}'.encode(), {"a": "ü"}),
    ],
)
def test_bodies_are_json_plain_or_url_encoded(raw: bytes, decoded: object) -> None:
    assert decode_body(raw) == decoded


@pytest.mark.parametrize("raw", [b"", b"{", b"a=1", b"\xff", b'{"a": NaN}', b"%7B"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ShopError, match="400 INVALID_REQUEST_BODY"):
        decode_body(raw)
