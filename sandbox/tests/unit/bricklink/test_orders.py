"""How orders move the stock, and what is shown of them: `marketplaces/bricklink.md` section 4, as tables."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.filters import OrderFilter
from sandbox.bricklink.shop import Shop
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import NOW, lot_body, tiers

LATER = NOW + timedelta(seconds=30)


def with_lots(shop: Shop, *quantities: int, **changes: Any) -> list[int]:
    """Put lots of so many pieces into the shop; returns their ids."""
    return [shop.create_lot(lot_body(quantity=quantity, **changes), NOW).lot_id for quantity in quantities]


def pieces(shop: Shop, lot_id: int) -> int | None:
    """Return how many pieces a lot has, None when it is gone."""
    return shop.lots[lot_id].quantity if lot_id in shop.lots else None


def test_an_order_takes_stock_at_once_and_a_sold_out_lot_vanishes_unless_retained(make_shop: MakeShop) -> None:
    shop = make_shop()
    a, b = with_lots(shop, 10, 5)
    (c,) = with_lots(shop, 5, is_retain=True)
    order = shop.place_order([Wanted(a, 4), Wanted(b, 5), Wanted(c, 5)], NOW)
    assert [pieces(shop, lot_id) for lot_id in (a, b, c)] == [6, None, 0]
    assert (order.status, order.date_ordered, order.date_status_changed) == ("PENDING", NOW, NOW)
    assert [line.quantity for line in order.lines] == [4, 5, 5]


def test_two_lines_of_one_lot_both_take_their_pieces(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order = shop.place_order([Wanted(lot_id, 2), Wanted(lot_id, 3)], NOW)
    assert [line.quantity for line in order.lines] == [2, 3]
    assert pieces(shop, lot_id) == 5


@pytest.mark.parametrize(
    "wanted",
    [
        [(0, 11)],
        [(0, 6), (0, 5)],
        [(0, 1), (1, 6)],
        [(0, 0)],
        [(0, -1)],
        [(2, 1)],
        [(3, 1)],
        [(4, 3)],
        [],
    ],
    ids=[
        "too many",
        "too many in two lines",
        "too many of one",
        "none",
        "less",
        "stockroom",
        "reserved",
        "bulk",
        "empty",
    ],
)
def test_an_order_that_cannot_be_filled_takes_nothing(make_shop: MakeShop, wanted: list[tuple[int, int]]) -> None:
    shop = make_shop()
    lot_ids = with_lots(shop, 10, 5)
    lot_ids += with_lots(shop, 5, is_stock_room=True) + with_lots(shop, 5) + with_lots(shop, 10, bulk=2)
    shop.edit_lot(lot_ids[3], {"reserved_for": "someone"})
    before = dict(shop.lots)
    with pytest.raises(ShopError):
        shop.place_order([Wanted(lot_ids[place], quantity) for place, quantity in wanted], NOW)
    assert shop.lots == before
    assert shop.orders == {}


@pytest.mark.parametrize(
    ("quantity", "price"), [(1, "0.1200"), (50, "0.1100"), (99, "0.1100"), (100, "0.1000"), (150, "0.1000")]
)
def test_a_buyer_pays_the_tier_less_the_sale(make_shop: MakeShop, quantity: int, price: str) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 500, **tiers(50, "0.11", 100, "0.10", 0, "0"))
    assert shop.place_order([Wanted(lot_id, quantity)], NOW).lines[0].unit_price_final == Decimal(price)
    shop.edit_lot(lot_id, {"sale_rate": 50})
    assert shop.place_order([Wanted(lot_id, quantity)], NOW).lines[0].unit_price_final == Decimal(price) / 2


def test_a_second_batch_takes_stock_and_updates_the_order(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order = shop.place_order([Wanted(lot_id, 2)], NOW)
    order = shop.add_to_order(order.order_id, [Wanted(lot_id, 3)], LATER)
    assert [[line.quantity for line in batch] for batch in order.batches] == [[2], [3]]
    assert (order.status, order.date_ordered, order.date_status_changed) == ("UPDATED", NOW, LATER)
    assert pieces(shop, lot_id) == 5
    shop.cancel_order(order.order_id, LATER)
    with pytest.raises(ShopError, match="NOT_IN_UPDATABLE_STATUS"):
        shop.add_to_order(order.order_id, [Wanted(lot_id, 1)], LATER)
    assert pieces(shop, lot_id) == 5


@pytest.mark.parametrize(
    ("by", "restock", "left_in_order", "stock"),
    [(1, False, [2, 2], 5), (1, True, [2, 2], 6), (3, True, [2], 8), (4, True, [1], 9), (5, False, [], 5)],
)
def test_a_reduced_line(make_shop: MakeShop, by: int, restock: bool, left_in_order: list[int], stock: int) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 2)], NOW).order_id
    shop.add_to_order(order_id, [Wanted(lot_id, 3)], NOW)
    order = shop.reduce_line(order_id, lot_id, by, LATER, restock=restock)
    assert [line.quantity for line in order.lines] == left_in_order
    assert order.date_status_changed == LATER
    assert pieces(shop, lot_id) == stock


def test_more_than_was_ordered_cannot_be_taken_out(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 2)], NOW).order_id
    with pytest.raises(ShopError, match="400"):
        shop.reduce_line(order_id, lot_id, 3, NOW, restock=True)
    assert pieces(shop, lot_id) == 8


@pytest.mark.parametrize("restock", [False, True])
def test_a_cancelled_order_gives_back_only_with_restock_and_a_vanished_lot_gets_a_new_id(
    make_shop: MakeShop, restock: bool
) -> None:
    shop = make_shop()
    kept, sold_out = with_lots(shop, 10, 5)
    order = shop.place_order([Wanted(kept, 4), Wanted(sold_out, 5)], NOW)
    assert shop.cancel_order(order.order_id, LATER, restock=restock).status == "CANCELLED"
    assert pieces(shop, kept) == (10 if restock else 6)
    assert pieces(shop, sold_out) is None
    new = [lot for lot_id, lot in shop.lots.items() if lot_id > sold_out]
    assert [lot.quantity for lot in new] == ([5] if restock else [])
    with pytest.raises(ShopError, match="422"):
        shop.cancel_order(order.order_id, LATER, restock=True)


def test_an_order_line_keeps_the_lot_as_it_was(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10, remarks="then")
    order = shop.place_order([Wanted(lot_id, 1)], NOW)
    shop.edit_lot(lot_id, {"remarks": "now"})
    assert shop.get_order(order.order_id, NOW).lines[0].lot.remarks == "then"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [0, 1]),
        ({"direction": "in"}, [0, 1]),
        ({"direction": "out"}, []),
        ({"filed": "true"}, [2]),
        ({"filed": "false"}, [0, 1]),
        ({"status": "pending,completed"}, [0]),
        ({"status": "-pending"}, [1]),
        ({"status": "NEVER-SEEN"}, []),
    ],
)
def test_an_order_filter(make_shop: MakeShop, query: dict[str, str], found: list[int]) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    ids = [shop.place_order([Wanted(lot_id, 1)], NOW).order_id for _ in range(3)]
    shop.set_order_status(ids[1], "paid", NOW)
    shop.file_order(ids[2], filed=True)
    assert [order.order_id for order in shop.list_orders(OrderFilter.of(query), NOW)] == [ids[i] for i in found]


@pytest.mark.parametrize("query", [{"direction": "up"}, {"filed": "yes"}])
def test_a_bad_order_filter_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ShopError, match="400"):
        OrderFilter.of(query)


def test_the_lag_hides_an_order_while_its_pieces_are_gone(make_shop: MakeShop) -> None:
    shop = make_shop(order_lag_seconds=10)
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 2)], NOW).order_id
    listed = NOW + timedelta(seconds=10)
    assert pieces(shop, lot_id) == 8
    assert shop.list_orders(OrderFilter(), listed - timedelta(seconds=1)) == []
    with pytest.raises(ShopError, match="404"):
        shop.get_order(order_id, NOW)
    assert [order.order_id for order in shop.list_orders(OrderFilter(), listed)] == [order_id]

    shop.add_to_order(order_id, [Wanted(lot_id, 3)], LATER)
    early, late = LATER + timedelta(seconds=9), LATER + timedelta(seconds=10)
    assert (shop.get_order(order_id, early).status, len(shop.get_order(order_id, early).lines)) == ("PENDING", 1)
    assert (shop.get_order(order_id, late).status, len(shop.get_order(order_id, late).lines)) == ("UPDATED", 2)


def test_versions_out_of_sight_are_let_go(make_shop: MakeShop) -> None:
    shop = make_shop(order_lag_seconds=10)
    (lot_id,) = with_lots(shop, 100)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW).order_id
    for step in range(50):
        shop.add_to_order(order_id, [Wanted(lot_id, 1)], NOW + timedelta(seconds=step))
    versions, order = 0, shop.orders[order_id]
    while order.earlier is not None:
        versions, order = versions + 1, order.earlier
    assert versions <= 11


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"field": "status", "value": "PACKED"}, None),
        ({"field": "status", "value": "packed"}, None),
        ({"field": "payment_status", "value": "PACKED"}, 400),
        ({"value": "PACKED"}, 400),
        ({"field": "status", "value": "LOST"}, 400),
        ({"field": "status"}, 400),
        ([], 400),
    ],
)
def test_setting_the_status(make_shop: MakeShop, body: object, code: int | None) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW).order_id
    if code is None:
        shop.update_order_status(order_id, body, LATER)
    else:
        with pytest.raises(ShopError, match=str(code)):
            shop.update_order_status(order_id, body, LATER)
    order = shop.get_order(order_id, LATER)
    assert (order.status, order.date_status_changed) == (("PACKED", LATER) if code is None else ("PENDING", NOW))


def test_a_closed_order_keeps_its_status(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW).order_id
    shop.set_order_status(order_id, "PURGED", NOW)
    with pytest.raises(ShopError, match="422 RESOURCE_UPDATE_NOT_ALLOWED: NOT_IN_UPDATABLE_STATUS"):
        shop.update_order_status(order_id, {"field": "status", "value": "PAID"}, NOW)


def test_an_order_put_sets_filed_and_remarks_and_ignores_the_rest(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    before = shop.place_order([Wanted(lot_id, 1)], NOW)
    after = shop.update_order(before.order_id, {"is_filed": True, "remarks": "r", "status": "PAID", "x": 1}, LATER)
    assert after == replace(before, is_filed=True, remarks="r")
    with pytest.raises(ShopError, match="is_filed"):
        shop.update_order(before.order_id, {"is_filed": "yes"}, LATER)


@pytest.mark.parametrize(("once", "second_read"), [(True, 0), (False, 2)])
def test_notifications_are_read_once(make_shop: MakeShop, once: bool, second_read: int) -> None:
    shop = make_shop(notifications_read_once=once)
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW).order_id
    shop.set_order_status(order_id, "PAID", LATER)
    assert [(n.event_type, n.resource_id, n.timestamp) for n in shop.read_notifications()] == [
        ("Order", order_id, NOW),
        ("Order", order_id, LATER),
    ]
    assert len(shop.read_notifications()) == second_read


def test_the_same_calls_give_the_same_shop(make_shop: MakeShop) -> None:
    def played() -> Shop:
        shop = make_shop()
        lot_ids = with_lots(shop, 10, 5)
        order_id = shop.place_order([Wanted(lot_ids[1], 5)], NOW).order_id
        shop.cancel_order(order_id, LATER, restock=True)
        return shop

    first, second = played(), played()
    assert (first.lots, first.orders, first.notifications) == (second.lots, second.orders, second.notifications)
