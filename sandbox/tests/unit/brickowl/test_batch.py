"""Several calls in one (`marketplaces/brickowl.md` section 3.5)."""

import json
from typing import Any

import pytest

from sandbox.brickowl.batch import read_entries, run
from sandbox.brickowl.errors import ShopError

from .conftest import MakeShop
from .samples import NOW, lot_params, with_lots


def update(lot_id: int, **params: object) -> dict[str, Any]:
    return {
        "endpoint": "inventory/update",
        "request_method": "POST",
        "params": [{"lot_id": lot_id, **params}],
    }


def test_a_shop_may_refuse_creates_in_a_batch_and_do_the_rest(make_shop: MakeShop) -> None:
    shop = make_shop(batch_creates="refused")
    [a] = with_lots(shop, 10)
    create = {"endpoint": "inventory/create", "request_method": "POST", "params": [lot_params()]}
    assert [answer["code"] for answer in run(shop, [create, update(a, price="0.9")], NOW)] == [400, 200]
    assert len(shop.lots) == 1


def test_each_entry_succeeds_or_fails_by_itself_in_order(make_shop: MakeShop) -> None:
    shop = make_shop(success_word="Success")
    a, b = with_lots(shop, 10, 10)
    answers = run(
        shop,
        [
            update(a, absolute_quantity=2),
            update(1, absolute_quantity=2),
            update(b, relative_quantity="-3", price=0.9, for_sale=False),
            {"endpoint": "inventory/list", "request_method": "GET", "params": [{"lot_id": a, "active_only": 0}]},
            {"endpoint": "inventory/create", "request_method": "POST", "params": [lot_params(boid="1")]},
            {"endpoint": "bulk/batch", "request_method": "POST", "params": [{"requests": "{}"}]},
            {"endpoint": "inventory/update", "request_method": "POST", "params": {"lot_id": a}},
            "nonsense",
        ],
        NOW,
    )
    assert [answer["req_num"] for answer in answers] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [answer["code"] for answer in answers] == [200, 400, 200, 200, 404, 404, 400, 400]
    assert answers[0]["body"] == {"status": "Success"}
    assert answers[1]["body"] == {"error": {"status": "Lot not found"}}
    assert answers[3]["body"][0]["qty"] == "2"
    assert (shop.lots[b].quantity, shop.lots[b].for_sale) == (7, False)


@pytest.mark.parametrize(
    ("params", "quantity", "price"),
    [
        ({"absolute_quantity": 2}, 2, "0.800"),
        ({"relative_quantity": -3}, 10, "0.800"),
        ({"price": "0.9"}, 10, "0.800"),
        ({"absolute_quantity": 2, "price": "0.9"}, 10, "0.800"),
    ],
)
def test_only_absolute_quantities_may_be_stored(
    make_shop: MakeShop, params: dict[str, object], quantity: int, price: str
) -> None:
    shop = make_shop(batch_fields="absolute_quantity_only")
    (lot_id,) = with_lots(shop, 10)
    assert run(shop, [update(lot_id, **params)], NOW)[0]["code"] == 200
    assert (shop.lots[lot_id].quantity, str(shop.lots[lot_id].base_price)) == (quantity, price)


@pytest.mark.parametrize(
    "requests",
    [
        "{",
        json.dumps([update(1)]),
        json.dumps({"requests": []}),
        json.dumps({"requests": {}}),
        json.dumps({"requests": [update(1)] * 51}),
    ],
    ids=["no JSON", "no wrapper", "empty", "no list", "51"],
)
def test_a_batch_that_is_none_is_refused(requests: str) -> None:
    with pytest.raises(ShopError, match="400 Invalid requests"):
        read_entries(requests)


def test_fifty_are_allowed() -> None:
    assert len(read_entries(json.dumps({"requests": [update(1)] * 50}))) == 50
