"""Rows with every field set, each to a value that nothing else has: what is lost or swapped on the way shows."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")

_START = datetime(2026, 11, 21, 9, 30, 15, 123456, tzinfo=UTC)


def sample(kind: type[R], *, start: int = 1, choice: int = 0) -> R:
    """Make a row of this kind with no field at its default.

    `start`: from where its values are counted; `choice`: which of several types a value is of, where there are several.
    """
    made: R = _sample(kind, count(start), choice)
    return made


def _sample(kind: Any, numbers: Iterator[int], choice: int) -> Any:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    origin, arguments = get_origin(kind), get_args(kind)
    number = next(numbers)
    if kind is str:
        return f"text {number}"
    if kind is int:
        return number
    if kind is bool:
        return True
    if kind is datetime:
        return _START + timedelta(seconds=number)
    if kind is timedelta:
        return timedelta(days=1, seconds=number, microseconds=5)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        made: Any = kind
        return made(**{one.name: _other(one, hints[one.name], numbers, choice) for one in fields(kind)})
    if origin in (Union, UnionType):
        choices = [one for one in arguments if one is not NoneType]
        return _sample(choices[choice % len(choices)], numbers, choice)
    if origin is tuple and arguments[-1] is not ...:
        return tuple(_sample(part, numbers, choice) for part in arguments)
    if origin in (tuple, frozenset):
        return origin(_sample(arguments[0], numbers, choice) for _ in range(2))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_sample(arguments[0], numbers, choice): _sample(arguments[1], numbers, choice + n) for n in range(3)}
    raise TypeError(f"no sample of {kind}")


def _other(field: "Field[Any]", kind: Any, numbers: Iterator[int], choice: int) -> Any:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    value = _sample(kind, numbers, choice)
    return not value if value == default and kind is bool else value
