"""Page tokens of lots: good for the list that they were given for, and harmless whatever they hold."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from inventory.api.lot_lists import LotPages
from inventory.domain.lot_filter import LotColumn, LotFilter, LotOrder
from inventory.storage.lot_pages import SORT_KEYS, Place, PlacedLot
from servicekit.grpc_errors import InvalidField

LOT_ID = "01a1fef9-b984-7ea7-aa5c-a52d0d7805a4"
BY_PRICE = LotOrder(column=LotColumn.UNIT_PRICE)
KEYS: dict[LotColumn, list[Any]] = {
    LotColumn.ITEM_NUMBER: ["3001"],
    LotColumn.COMPLETENESS: [""],
    LotColumn.QUANTITY: [-4, 2**40],
    LotColumn.UNIT_PRICE: [Decimal("0.1200"), Decimal("99999.0000")],
    LotColumn.COST: [Decimal(-1), Decimal("0.0000")],
    LotColumn.WEIGHT_GRAMS: [Decimal(-1), Decimal("9999999.1234")],
    LotColumn.REMARKS: ["", "🧱" * 255, 'a"\\\n'],
    LotColumn.RETAIN: [True, False],
    LotColumn.AVAILABILITY: [2],
    LotColumn.UPDATED_AT: [datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)],
}


def token_for(pages: LotPages, key: Any) -> str:
    # Only places are read; two lots are one more than fit.
    placed = [PlacedLot(None, Place(key, LOT_ID))] * 2  # type: ignore[arg-type]
    return pages.cut(placed)[1]


def refused(pages: LotPages, token: str) -> str:
    with pytest.raises(InvalidField) as refusal:
        pages.place_of(token)
    assert refusal.value.field == "page_token"
    return refusal.value.description


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(("column", "key"), [(column, key) for column, keys in KEYS.items() for key in keys])
def test_a_place_comes_back_exactly_as_it_was(column: LotColumn, key: Any) -> None:
    pages = LotPages(1, LotFilter(), LotOrder(column=column, descending=True))
    token = token_for(pages, key)
    assert pages.place_of(token) == Place(key, LOT_ID)
    assert len(token) <= 2000  # what the gateway takes


def test_without_a_column_the_id_is_the_place() -> None:
    pages = LotPages(1, LotFilter(), LotOrder())
    assert pages.place_of(token_for(pages, None)) == Place(None, LOT_ID)
    assert pages.place_of("") is None


def test_the_last_page_has_no_token() -> None:
    pages = LotPages(1, LotFilter(), LotOrder())
    assert pages.cut([PlacedLot(None, Place(None, LOT_ID))])[1] == ""  # type: ignore[arg-type]


def test_a_token_of_another_filter_or_order_is_refused_with_the_reason() -> None:
    token = token_for(LotPages(1, LotFilter(), BY_PRICE), Decimal(1))
    assert "another filter" in refused(LotPages(1, LotFilter(text="a"), BY_PRICE), token)
    assert "another order" in refused(LotPages(1, LotFilter(), LotOrder()), token)
    assert "another order" in refused(LotPages(1, LotFilter(), LotOrder(column=LotColumn.COST)), token)
    descending = LotOrder(column=LotColumn.UNIT_PRICE, descending=True)
    assert "another order" in refused(LotPages(1, LotFilter(), descending), token)


@pytest.mark.parametrize(
    ("column", "key"),
    [
        (LotColumn.QUANTITY, 2**63),
        (LotColumn.QUANTITY, "1"),
        (LotColumn.QUANTITY, True),
        (LotColumn.QUANTITY, None),
        (LotColumn.UNIT_PRICE, "NaN"),
        (LotColumn.UNIT_PRICE, "-2"),
        (LotColumn.UNIT_PRICE, 1.5),
        (LotColumn.REMARKS, "a\0"),
        (LotColumn.REMARKS, "\ud800"),
        (LotColumn.REMARKS, ["a"]),
        (LotColumn.RETAIN, 1),
        (LotColumn.UPDATED_AT, "2026-11-01"),
        (LotColumn.UPDATED_AT, "soon"),
    ],
)
def test_a_key_that_no_lot_can_have_is_refused(column: LotColumn, key: object) -> None:
    wanted = LotFilter()
    pages = LotPages(1, wanted, LotOrder(column=column))
    assert "not one that" in refused(pages, forged(wanted.fingerprint(), column, False, key, LOT_ID))


@pytest.mark.parametrize(
    "token",
    [
        "made-up",
        "ü",
        forged(),
        forged(LotFilter().fingerprint(), "", False, None, "lot"),
        forged(LotFilter().fingerprint(), "", False, None, 7),
        base64.urlsafe_b64encode(LOT_ID.encode()).decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert "not one that" in refused(LotPages(1, LotFilter(), LotOrder()), token)


def test_every_column_has_a_key() -> None:
    assert set(SORT_KEYS) == set(LotColumn)
