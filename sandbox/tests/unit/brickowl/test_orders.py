"""How orders move the stock, and what is shown of them: `marketplaces/brickowl.md` section 4, as tables."""

from datetime import timedelta
from typing import Any

import pytest

from sandbox.brickowl.errors import ShopError
from sandbox.brickowl.filters import OrderFilter
from sandbox.brickowl.shop import Shop
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import NOW, with_lots

LATER = NOW + timedelta(seconds=30)


def listed(shop: Shop, **query: str) -> list[int]:
    """Return the orders that the API lists a minute later, by place."""
    orders = shop.list_orders(OrderFilter.of(query), NOW + timedelta(seconds=60))
    return [order.order_id - 8_000_001 for order in orders]


def ordered(shop: Shop, lot_id: int, *seconds: int, pieces: int = 1) -> list[int]:
    """Place orders so many seconds from now."""
    return [shop.place_order([Wanted(lot_id, pieces)], NOW + timedelta(seconds=s)).order_id for s in seconds]


def test_an_order_takes_stock_at_once_and_is_announced(make_shop: MakeShop) -> None:
    shop = make_shop()
    a, b = with_lots(shop, 10, 5)
    order = shop.place_order([Wanted(a, 4), Wanted(b, 5)], NOW)
    assert [shop.lots[lot_id].quantity for lot_id in (a, b)] == [6, 0]
    assert (order.status, order.status_id) == ("Payment Submitted", 1)
    (notification,) = (note for note in shop.take_changes().notifications.values() if note)
    assert (notification.resource_id, notification.timestamp) == (order.order_id, NOW)


@pytest.mark.parametrize(
    ("fields", "pieces"), [({}, 6), ({}, 0), ({"for_sale": "0"}, 1), ({"reserve_uid": "3"}, 1), ({"bulk_qty": "2"}, 3)]
)
def test_an_order_that_cannot_be_filled_takes_nothing(make_shop: MakeShop, fields: dict[str, str], pieces: int) -> None:
    shop = make_shop()
    good, bad = *with_lots(shop, 5), *with_lots(shop, 5, **fields)
    before = dict(shop.lots)
    with pytest.raises(ShopError):
        shop.place_order([Wanted(good, 1), Wanted(bad, pieces)], NOW)
    assert (shop.lots, shop.orders) == (before, {})


@pytest.mark.parametrize(
    ("query", "switches", "found"),
    [
        ({}, {}, [2, 1, 0]),
        ({}, {"order_direction": "oldest_first"}, [0, 1, 2]),
        ({"list_type": "store"}, {}, [2, 1, 0]),
        ({"list_type": "customer"}, {}, []),
        ({"list_type": "customer"}, {"has_store": False}, []),
        ({"sort_by": "updated"}, {}, [0, 2, 1]),
        ({"limit": "2"}, {}, [2, 1]),
        ({"sort_by": "updated", "limit": "1"}, {}, [0]),
        ({"status": "Processing"}, {}, [0]),
        ({"status": "3"}, {}, [0]),
        ({"order_time": str(int(NOW.timestamp()) + 1)}, {}, [2, 1]),
        ({"update_time": str(int(LATER.timestamp()))}, {}, [2, 1, 0]),
        ({"update_time": str(int(LATER.timestamp()))}, {"knows_update_time": True}, [0]),
    ],
)
def test_an_order_filter(
    make_shop: MakeShop, query: dict[str, str], switches: dict[str, Any], found: list[int]
) -> None:
    shop = make_shop(**switches)
    (lot_id,) = with_lots(shop, 10)
    first, *_ = ordered(shop, lot_id, 0, 1, 2)
    shop.set_order_status(first, "Processing", LATER)
    assert listed(shop, **query) == found


@pytest.mark.parametrize(
    "query",
    [
        {"list_type": "mine"},
        {"sort_by": "price"},
        {"limit": "5001"},
        {"order_time": "today"},
        {"status": "Lost"},
        {"status": "9"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ShopError, match="400 Invalid"):
        OrderFilter.of(query)


def test_an_account_without_a_store_is_told_so(make_shop: MakeShop) -> None:
    with pytest.raises(ShopError, match="Store not found, you may need to set list_type=customer"):
        listed(make_shop(has_store=False))


def test_a_late_order_shows_after_its_lag_while_its_pieces_are_gone(make_shop: MakeShop) -> None:
    shop = make_shop(order_lag_seconds=60)
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW).order_id
    assert shop.lots[lot_id].quantity == 9
    assert shop.list_orders(OrderFilter(), LATER) == []
    with pytest.raises(ShopError, match="Order not found"):
        shop.get_order(order_id, LATER)
    assert shop.get_order(order_id, NOW + timedelta(seconds=60)).status_id == 1


@pytest.mark.parametrize(
    ("status_id", "switches", "left"),
    [
        ("3", {}, 3),
        ("7", {}, 7),
        ("0", {}, None),
        ("8", {}, None),
        ("2", {}, None),
        ("1", {}, None),
        ("1", {"status_backwards": "ignore"}, 2),
    ],
)
def test_setting_the_status(make_shop: MakeShop, status_id: str, switches: dict[str, Any], left: int | None) -> None:
    shop = make_shop(**switches)
    (lot_id,) = with_lots(shop, 10)
    order_id = shop.place_order([Wanted(lot_id, 1)], NOW, status="Payment Received").order_id
    params = {"order_id": str(order_id), "status_id": status_id}
    if left is None:
        with pytest.raises(ShopError, match="400 Invalid status_id"):
            shop.update_order_status(params, LATER)
    else:
        assert shop.update_order_status(params, LATER).status_id == left


@pytest.mark.parametrize(
    ("switch", "restock", "left"), [(False, None, 6), (True, None, 10), (True, False, 6), (False, True, 10)]
)
def test_a_cancelled_order(make_shop: MakeShop, switch: bool, restock: bool | None, left: int) -> None:
    shop = make_shop(restock_on_cancel=switch)
    (lot_id,) = with_lots(shop, 10)
    (order_id,) = ordered(shop, lot_id, 0, pieces=4)
    assert shop.cancel_order(order_id, LATER, restock=restock).status == "Cancelled"
    assert shop.lots[lot_id].quantity == left
    with pytest.raises(ShopError, match="Cancelled"):
        shop.cancel_order(order_id, LATER)


@pytest.mark.parametrize(("restock", "left"), [(False, 6), (True, 9)])
def test_refunded_pieces_stay_in_the_line(make_shop: MakeShop, restock: bool, left: int) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    (order_id,) = ordered(shop, lot_id, 0, pieces=4)
    order = shop.refund(order_id, lot_id, 3, LATER, restock=restock)
    assert [(line.quantity, line.refunded) for line in order.lines] == [(4, 3)]
    assert (shop.lots[lot_id].quantity, order.updated) == (left, LATER)
    with pytest.raises(ShopError, match="quantity"):
        shop.refund(order_id, lot_id, 2, LATER, restock=True)
    shop.cancel_order(order_id, LATER, restock=True)
    assert shop.lots[lot_id].quantity == left + 1


@pytest.mark.parametrize(
    ("merged_order", "merged_lines", "root", "other"),
    [
        ("emptied", "apart", [2, 3, 1], []),
        ("emptied", "summed", [5, 1], []),
        ("kept", "apart", [2, 3, 1], [3, 1]),
        ("unlisted", "apart", [2, 3, 1], None),
    ],
)
def test_merged_orders(
    make_shop: MakeShop, merged_order: str, merged_lines: str, root: list[int], other: list[int] | None
) -> None:
    shop = make_shop(merged_order=merged_order, merged_lines=merged_lines)
    a, b = with_lots(shop, 10, 10)
    first = shop.place_order([Wanted(a, 2)], NOW).order_id
    second = shop.place_order([Wanted(a, 3), Wanted(b, 1)], NOW).order_id
    items = [line.order_item_id for line in shop.orders[second].lines]
    merged = shop.merge_orders(second, first, LATER)
    assert [line.quantity for line in merged.lines] == root
    assert merged_lines == "summed" or [line.order_item_id for line in merged.lines][1:] == items
    assert [shop.lots[lot_id].quantity for lot_id in (a, b)] == [5, 9]
    if other is None:
        assert listed(shop) == [0]
        with pytest.raises(ShopError, match="Order not found"):
            shop.get_order(second, LATER)
    else:
        emptied = shop.get_order(second, LATER)
        assert ([line.quantity for line in emptied.lines], emptied.combine_with) == (other, first)
    with pytest.raises(ShopError, match="cannot be combined"):
        shop.merge_orders(second, first, LATER)


def test_pieces_of_a_deleted_lot_come_back_under_a_new_id(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 10)
    (order_id,) = ordered(shop, lot_id, 0, pieces=4)
    shop.delete_lot(lot_id)
    shop.cancel_order(order_id, LATER, restock=True)
    assert [(lot.lot_id > lot_id, lot.quantity) for lot in shop.lots.values()] == [(True, 4)]


def test_the_same_calls_give_the_same_shop(make_shop: MakeShop) -> None:
    def played() -> Shop:
        shop = make_shop()
        a, b = with_lots(shop, 10, 5)
        (order_id,) = ordered(shop, a, 0)
        shop.merge_orders(ordered(shop, b, 1)[0], order_id, LATER)
        shop.cancel_order(order_id, LATER, restock=True)
        return shop

    first, second = played(), played()
    assert (first.lots, first.orders) == (second.lots, second.orders)
