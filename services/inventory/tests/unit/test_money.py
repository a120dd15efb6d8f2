"""Exact amounts and how they are written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.money import amount_of, places_of, plain, plain_number, read_decimal, units_and_nanos


@given(st.decimals(min_value=0, max_value=99_999, places=4))
def test_units_and_nanos_make_the_same_amount_again(amount: Decimal) -> None:
    assert amount_of(*units_and_nanos(amount)) == amount


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_nanos_that_make_no_amount_are_refused(nanos: int) -> None:
    with pytest.raises(ValueError, match="nanos"):
        amount_of(1, nanos)


def test_the_smallest_nano_is_seen() -> None:
    assert places_of(amount_of(99_999_999, 1)) == 9


@pytest.mark.parametrize(
    ("text", "amount"), [("12", "12"), ("0.120", "0.12"), (".10", "0.1"), ("3.", "3"), ("000.5", "0.5")]
)
def test_plain_digits_are_read(text: str, amount: str) -> None:
    assert read_decimal(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", ".", "-1", "+1", "1,5", "1e3", "NaN", "Infinity", "٣", "1" * 13, " 1", "1_000"])
def test_other_text_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="decimal number"):
        read_decimal(text)


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.1200", "0.12"), ("0.1250", "0.125"), ("1000", "1000.00"), ("1E+3", "1000.00")]
)
def test_amounts_are_shown_with_two_decimals_and_more_where_needed(amount: str, shown: str) -> None:
    assert plain(Decimal(amount)) == shown


@pytest.mark.parametrize(("number", "shown"), [("2.3200", "2.32"), ("40", "40"), ("1E+2", "100")])
def test_numbers_are_shown_without_idle_zeros(number: str, shown: str) -> None:
    assert plain_number(Decimal(number)) == shown
