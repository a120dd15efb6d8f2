"""How values look in answers (`marketplaces/brickowl.md` sections 1, 3.1 and 4)."""

from typing import Any

import pytest

from sandbox.brickowl.errors import ShopError
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import BRICK, NOW, ask, lot_params, with_lots


def test_a_lot_looks_as_documented(make_shop: MakeShop) -> None:
    shop = make_shop()
    assert ask(shop, "POST", "inventory/create", **lot_params()) == {"status": "success", "lot_id": "70000001"}
    changes = {"sale_percent": "10", "tier_price": "50:0.7,100:0.65", "personal_note": "A1-03"}
    assert ask(shop, "POST", "inventory/update", lot_id="70000001", **changes) == {"status": "success"}
    (lot,) = ask(shop, "GET", "inventory/list")
    ids = lot.pop("ids")
    assert {"id": "3001", "type": "design_id"} in ids
    assert {"id": f"{BRICK}-81", "type": "boid"} in ids
    assert {"id": "3001", "type": "bl_item_no"} in ids
    assert lot.pop("owl_id").isdecimal()
    assert lot == {
        "con": "new",
        "full_con": "new",
        "qty": "40",
        "lot_id": "70000001",
        "price": "0.720",
        "base_price": "0.800",
        "final_price": "0.720",
        "sale_percent": "10",
        "bulk_qty": "1",
        "for_sale": "1",
        "public_note": "",
        "personal_note": "A1-03",
        "my_cost": None,
        "tier_price": [["50", "0.700"], ["100", "0.650"]],
        "reserve_uid": None,
        "url": f"http://demo_owl.example/store/{BRICK}",
        "boid": f"{BRICK}-81",
        "external_lot_ids": {"other": "lot-1"},
        "type": "Part",
    }


@pytest.mark.parametrize(
    ("fields", "switches", "shown"),
    [
        ({"external_id": ""}, {}, {"external_lot_ids": []}),
        ({"external_id": ""}, {"empty_map": "object"}, {"external_lot_ids": {}}),
        ({}, {"scalars": "natural"}, {"qty": 40, "price": 0.8, "for_sale": True}),
        ({"sale_percent": "-20"}, {}, {"price": "0.960", "base_price": "0.800", "sale_percent": "-20"}),
        ({}, {}, {"tier_price": [], "public_note": "", "lot_weight": "absent"}),
        ({}, {"no_tiers": "null", "empty_text": "null"}, {"tier_price": None, "public_note": None}),
        ({"tier_price": "50:0.7,100:0.65"}, {"tier_form": "text"}, {"tier_price": "50:0.700,100:0.650"}),
        ({"lot_weight": "2.5"}, {"show_lot_weight": True}, {"lot_weight": "2.500"}),
        ({"condition": "usedg"}, {}, {"con": "used", "full_con": "usedg"}),
        ({"reserve_uid": "7"}, {}, {"reserve_uid": "7"}),
    ],
)
def test_forms_of_a_lot(
    make_shop: MakeShop, fields: dict[str, str], switches: dict[str, Any], shown: dict[str, object]
) -> None:
    shop = make_shop(**switches)
    with_lots(shop, 40, **fields)
    (lot,) = ask(shop, "GET", "inventory/list")
    assert {name: lot.get(name, "absent") for name in shown} == shown


def test_the_list_can_be_wrapped(make_shop: MakeShop) -> None:
    assert ask(make_shop(list_form="object"), "GET", "inventory/list") == {"inventory": []}


def test_an_order_looks_as_documented(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 12, personal_note="A1-03", sale_percent="10")
    order_id = str(shop.place_order([Wanted(lot_id, 4)], NOW, buyer_name="somebody").order_id)
    seconds = str(int(NOW.timestamp()))
    assert ask(shop, "GET", "order/list") == [
        {
            "order_id": order_id,
            "order_date": seconds,
            "total_quantity": "4",
            "total_lots": "1",
            "base_order_total": "2.880",
            "status": "Payment Submitted",
            "status_id": "1",
        }
    ]
    order = ask(shop, "GET", "order/view", order_id=order_id)
    assert (order["order_time"], order["updated_time"], order["base_currency"]) == (seconds, seconds, "EUR")
    assert (order["buyer_name"], order["combine_with"], order["payment_total"]) == ("somebody", None, "2.880")
    assert order["brickowl_fee"] == 0.07
    (item,) = ask(shop, "GET", "order/items", order_id=order_id)
    assert item["ids"][0] == {"id": f"{BRICK}-81", "type": "boid"}
    wanted = {
        "type": "Part",
        "color_id": "81",
        "boid": f"{BRICK}-81",
        "lot_id": str(lot_id),
        "condition": "New",
        "full_con": "new",
        "ordered_quantity": "4",
        "refunded_quantity": "0",
        "remaining_quantity": "8",
        "personal_note": "A1-03",
        "bl_lot_id": "lot-1",
        "external_lot_ids": {"other": "lot-1"},
        "order_item_id": f"{order_id}000",
        "base_price": "0.720",
    }
    assert {name: item[name] for name in wanted} == wanted


@pytest.mark.parametrize("known", [True, False])
def test_items_inside_an_order(make_shop: MakeShop, known: bool) -> None:
    shop = make_shop(items_in_order=known)
    (lot_id,) = with_lots(shop, 12)
    order_id = str(shop.place_order([Wanted(lot_id, 4)], NOW).order_id)
    assert ("items" in ask(shop, "GET", "order/view", order_id=order_id, include_items="1")) == known


def test_what_the_seller_writes_on_an_order(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 12)
    order_id = str(shop.place_order([Wanted(lot_id, 4)], NOW).order_id)
    success = {"status": "success"}
    assert ask(shop, "POST", "order/note", order_id=order_id, note="packed") == success
    assert ask(shop, "POST", "order/tracking", order_id=order_id, tracking_id="T1") == success
    assert ask(shop, "POST", "order/feedback", order_id=order_id, rating="1", comment="fine") == success
    assert ask(shop, "POST", "order/set_status", order_id=order_id, status_id="5") == success
    order = ask(shop, "GET", "order/view", order_id=order_id)
    assert (order["seller_note"], order["tracking_number"], order["status"]) == ("packed", "T1", "Shipped")
    assert order["store_feedback_left"] == "1"
    for wrong in ({"rating": "2"}, {"rating": "1", "comment": "x" * 121}):
        with pytest.raises(ShopError, match="400"):
            ask(shop, "POST", "order/feedback", order_id=order_id, **wrong)


def test_a_token_tells_whose_it_is(make_shop: MakeShop) -> None:
    details = ask(make_shop(), "GET", "token/details")
    assert (details["username"], details["has_store"]) == ("demo_owl", "1")
    assert (details["store_details"]["store_id"], details["store_details"]["base_currency"]) == ("5001", "EUR")
    assert ask(make_shop(has_store=False), "GET", "token/details")["store_details"] == []


@pytest.mark.parametrize(("method", "endpoint"), [("GET", "inventory/update"), ("POST", "nowhere"), ("PUT", "")])
def test_an_endpoint_that_is_none(make_shop: MakeShop, method: str, endpoint: str) -> None:
    with pytest.raises(ShopError, match="404 Endpoint not found"):
        ask(make_shop(), method, endpoint)
