from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from brickops.inventory.v1 import money_pb2
from gateway.money import Money, money_of, money_to_proto


@pytest.mark.parametrize(
    ("amount", "units", "nanos"),
    [
        ("0.12", 0, 120_000_000),
        ("0.1234", 0, 123_400_000),
        ("7", 7, 0),
        (7, 7, 0),
        ("99999.000000001", 99_999, 1),
        ("007.50", 7, 500_000_000),
    ],
)
def test_an_amount_becomes_units_and_nanos(amount: str | int, units: int, nanos: int) -> None:
    money = Money.model_validate({"amount": amount, "currency": "EUR"})

    assert money_to_proto(money) == money_pb2.Money(currency_code="EUR", units=units, nanos=nanos)


@pytest.mark.parametrize(
    ("units", "nanos", "amount"),
    [
        (0, 120_000_000, "0.12"),
        (3, 0, "3.00"),
        (0, 100_000_000, "0.10"),
        (1, 234_500_000, "1.2345"),
        (5, 1, "5.000000001"),
    ],
)
def test_an_amount_is_shown_with_two_decimals_or_what_it_needs(units: int, nanos: int, amount: str) -> None:
    proto = money_pb2.Money(currency_code="USD", units=units, nanos=nanos)

    assert money_of(proto) == Money(amount=amount, currency="USD")


@given(st.decimals(min_value=0, max_value=10**15 - 1, places=9))
def test_no_amount_is_changed_on_its_way_there_and_back(amount: Decimal) -> None:
    money = Money(amount=f"{amount:f}", currency="EUR")

    assert Decimal(money_of(money_to_proto(money)).amount) == amount


@pytest.mark.parametrize(
    "amount",
    [
        0.12,
        1.0,
        float("nan"),
        True,
        None,
        "",
        "-1",
        -1,
        "+1",
        "1e3",
        ".5",
        "5.",
        "1,5",
        " 1",
        "NaN",
        "0.1234567890",
        10**15,
        pytest.param(10**5000, id="endless"),
        "1" * 16,
        "\u0661",
        ["1"],
    ],
)
def test_anything_but_an_exact_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Money.model_validate({"amount": amount, "currency": "EUR"})

    assert [error["loc"] for error in refused.value.errors()] == [("amount",)]


def test_a_json_number_with_decimals_is_refused_with_the_reason() -> None:
    with pytest.raises(ValidationError, match="not exact"):
        Money.model_validate({"amount": 0.1, "currency": "EUR"})


@pytest.mark.parametrize("currency", ["eur", "EURO", "E1R", "", None, "EUR\n"])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": "1", "currency": currency})
