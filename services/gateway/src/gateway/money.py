"""Money and other exact decimals: strings in JSON, units and nanos in protobuf, floating point nowhere."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from brickops.inventory.v1 import money_pb2
from gateway.fields import Body

_NANO_DIGITS = 9
_SHOWN_DIGITS = 2
_WHOLE_DIGITS = 15
_DECIMAL = re.compile(rf"[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{_NANO_DIGITS}}})?")
_RULE = (
    f'must be a decimal number in a string, such as "0.12": not negative, {_WHOLE_DIGITS} digits before the point and '
    f"{_NANO_DIGITS} after it at most"
)


def _exact(value: object) -> str:
    """Takes a decimal string or a whole JSON number; a JSON number with decimals was rounded before we saw it."""
    match value:
        case float():
            rule = 'must be a string such as "0.12": a JSON number with decimals is not exact'
        case bool():
            rule = _RULE
        case str() if _DECIMAL.fullmatch(value):
            return value
        # Compared before it is printed: Python refuses to print endless integers.
        case int() if 0 <= value < 10**_WHOLE_DIGITS:
            return str(value)
        case _:
            rule = _RULE
    raise ValueError(rule)


ExactDecimal = Annotated[
    str, BeforeValidator(_exact), Field(json_schema_extra={"pattern": f"^{_DECIMAL.pattern}$", "examples": ["0.12"]})
]


class Money(Body):
    """An exact amount in one currency."""

    amount: ExactDecimal = Field(description="A decimal number in a string; whole numbers may come without quotes.")
    currency: str = Field(description="ISO 4217, upper case.", pattern="^[A-Z]{3}$", examples=["EUR"])


def money_to_proto(money: Money) -> money_pb2.Money:
    """The same amount for the wire."""
    units, _, fraction = money.amount.partition(".")
    return money_pb2.Money(currency_code=money.currency, units=int(units), nanos=int(fraction.ljust(_NANO_DIGITS, "0")))


def money_of(proto: money_pb2.Money) -> Money:
    """The amount as JSON shows it: two decimals, more where needed."""
    units, fraction = str(proto.units), f"{proto.nanos:09d}".rstrip("0").ljust(_SHOWN_DIGITS, "0")
    return Money(amount=f"{units}.{fraction}", currency=proto.currency_code)
