"""Order summaries and lines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sync_bricklink.orders import order_lines_of, order_summary_of
from syncengine.listing import Item, OrderLine, OrderSummary
from syncengine.service.reading import UnreadableError

SUMMARY: Mapping[str, Any] = {
    "order_id": 9000042,
    "date_ordered": "2026-02-01T10:15:00.000Z",
    "date_status_changed": "2026-02-02T08:00:00.000Z",
    "seller_name": "demo_seller",
    "store_name": "Demo Bricks",
    "buyer_name": "demo_buyer",
    "total_count": 12,
    "unique_count": 2,
    "status": "PENDING",
    "payment": {"method": "PayPal", "currency_code": "USD", "status": "None"},
    "cost": {"currency_code": "EUR", "subtotal": "1.4400", "grand_total": "3.4400"},
}
LINE: Mapping[str, Any] = {
    "inventory_id": 50001001,
    "item": {"no": "3001", "name": "Brick 2 x 4", "type": "PART", "category_id": 5},
    "color_id": 5,
    "quantity": 10,
    "new_or_used": "U",
    "unit_price": "0.1200",
    "remarks": "A1-03",
}
ITEM = Item(item_type="PART", number="3001", color_id=5, condition="USED", completeness="")


def summary(**changes: Any) -> OrderSummary:
    return order_summary_of({**SUMMARY, **changes})


def without(name: str) -> OrderSummary:
    return order_summary_of({field: value for field, value in SUMMARY.items() if field != name})


def test_summary_of_an_order() -> None:
    order = summary()

    assert order.order_id == "9000042"
    assert order.ordered_at == datetime(2026, 2, 1, 10, 15, tzinfo=UTC)
    assert order.changed_at == datetime(2026, 2, 2, 8, 0, tzinfo=UTC)
    assert (order.shop_name, order.currency_code, order.pieces) == ("demo_seller", "EUR", 12)
    assert not order.cut


def test_order_id_may_be_text() -> None:
    assert summary(order_id="9000042").order_id == "9000042"


@pytest.mark.parametrize("name", ["date_status_changed", "cost", "seller_name", "status", "total_count", "payment"])
def test_missing_and_null_parts_mean_the_same(name: str) -> None:
    assert without(name) == summary(**{name: None})


def test_order_that_does_not_say_when_it_changed_changed_when_it_was_made() -> None:
    order = without("date_status_changed")

    assert order.changed_at == order.ordered_at


@pytest.mark.parametrize("name", ["order_id", "date_ordered"])
def test_order_without_its_number_or_date_is_unreadable(name: str) -> None:
    with pytest.raises(UnreadableError):
        without(name)


@pytest.mark.parametrize(
    ("status", "cut"),
    [
        ("CANCELLED", True),
        ("Cancelled", True),
        ("NPX", True),
        *((word, False) for word in ("PENDING", "PAID", "COMPLETED", "OCR", "NPB", "NRS", "NSS", "PURGED")),
        ("PAID-PENDING", False),
        ("A-WORD-OF-2031", False),
    ],
)
def test_only_what_is_over_for_good_is_cut(status: str, cut: bool) -> None:
    assert summary(status=status).cut is cut


@pytest.mark.parametrize(
    "change",
    [
        {"status": "UPDATED"},
        {"date_status_changed": "2026-02-02T08:00:01.000Z"},
        {"total_count": 13},
        {"unique_count": 3},
        {"cost": {"currency_code": "EUR", "subtotal": "1.5000"}},
    ],
)
def test_fingerprint_changes_with_whatever_may_change_lines(change: dict[str, Any]) -> None:
    assert summary(**change).fingerprint != summary().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"payment": {"status": "Received"}},
        {"cost": {"currency_code": "EUR", "subtotal": "1.4400", "grand_total": "5.0000"}},
        {"is_filed": True},
        {"buyer_name": "somebody_else"},
    ],
)
def test_fingerprint_leaves_alone_what_does_not(change: dict[str, Any]) -> None:
    assert summary(**change).fingerprint == summary().fingerprint


def test_fingerprint_repeats_none_of_the_shops_words() -> None:
    order = summary(status="CKEY-CANARY", cost={"subtotal": Decimal("1.44")})

    assert "CANARY" not in order.fingerprint
    assert len(order.fingerprint) == 64


def test_lines_of_two_batches_are_summed_by_listing() -> None:
    other = {**LINE, "inventory_id": 50001002, "quantity": 1}

    lines = order_lines_of([[LINE, other], [{**LINE, "quantity": 5}]])

    assert {line.listing_id: line for line in lines} == {
        "50001001": OrderLine(listing_id=lines[0].listing_id, item=ITEM, quantity=15),
        "50001002": OrderLine(listing_id=lines[1].listing_id, item=ITEM, quantity=1),
    }


@pytest.mark.parametrize("data", [None, {}, [], [[]]])
def test_order_without_lines(data: object) -> None:
    assert order_lines_of(data) == ()


@pytest.mark.parametrize("listing", [None, 0])
def test_line_of_no_listing_is_nobodys(listing: object) -> None:
    lines = order_lines_of([[{**LINE, "inventory_id": listing}, LINE]])

    assert [(line.listing_id, line.quantity) for line in lines] == [("50001001", 10)]


@pytest.mark.parametrize("data", ["lines", [LINE], [[{**LINE, "quantity": None}]], [[{**LINE, "item": None}]]])
def test_what_are_no_lines_is_not_read_as_some(data: object) -> None:
    with pytest.raises(UnreadableError):
        order_lines_of(data)
