"""Rows of the engine as JSON and back, led by their type hints: a field that a row gains needs no line here."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

Convert = Callable[[Any], Any]

_PLAIN = (str, int, bool, NoneType)
_KIND = "kind"


@cache
def encoder(kind: Any) -> Convert:
    """How a value of this type becomes JSON. Raises TypeError for a type that no row has."""
    kind = _bare(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _unchanged
    if kind is datetime:
        return datetime.isoformat
    if kind is timedelta:
        return _interval
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value
    if is_dataclass(kind):
        parts = [(name, encoder(part)) for name, part in _fields(kind)]
        return lambda value: {name: encode(getattr(value, name)) for name, encode in parts}
    if origin in (Union, UnionType):
        return _union_encoder(arguments)
    if origin is tuple and arguments[-1] is not ...:
        encoders = [encoder(part) for part in arguments]
        return lambda value: [encode(part) for encode, part in zip(encoders, value, strict=True)]
    if origin in (tuple, frozenset):
        encode = encoder(arguments[0])
        return lambda value: [encode(part) for part in (sorted(value) if origin is frozenset else value)]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, each = encoder(arguments[0]), encoder(arguments[1])
        return lambda value: {key(name): each(part) for name, part in value.items()}
    raise TypeError(f"no row holds a {kind}")


@cache
def decoder(kind: Any) -> Convert:
    """How a value of this type is made of what the database gives: JSON, or the column's own type."""
    kind = make = _bare(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _unchanged
    if kind is datetime:
        return lambda given: given if isinstance(given, datetime) else datetime.fromisoformat(given)
    if kind is timedelta:
        return _unchanged
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if is_dataclass(kind):
        parts = [(name, decoder(part)) for name, part in _fields(kind)]
        # A field that older code did not write has its default.
        return lambda given: make(**{name: decode(given[name]) for name, decode in parts if name in given})
    if origin in (Union, UnionType):
        return _union_decoder(arguments)
    if origin is tuple and arguments[-1] is not ...:
        decoders = [decoder(part) for part in arguments]
        return lambda given: tuple(decode(part) for decode, part in zip(decoders, given, strict=True))
    if origin in (tuple, frozenset):
        decode = decoder(arguments[0])
        return lambda given: origin(decode(part) for part in given)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, each = decoder(arguments[0]), decoder(arguments[1])
        return lambda given: {key(name): each(part) for name, part in given.items()}
    raise TypeError(f"no row holds a {kind}")


def _union_encoder(choices: tuple[Any, ...]) -> Convert:
    others = [one for one in choices if one is not NoneType]
    if all(one in _PLAIN for one in others):
        return _unchanged
    if len(others) == 1:
        encode = encoder(others[0])
        return lambda value: None if value is None else encode(value)
    encoders = {one: encoder(one) for one in others}
    return lambda value: {_KIND: type(value).__name__, **encoders[type(value)](value)}


def _union_decoder(choices: tuple[Any, ...]) -> Convert:
    others = [one for one in choices if one is not NoneType]
    if all(one in _PLAIN for one in others):
        return _unchanged
    if len(others) == 1:
        decode = decoder(others[0])
        return lambda given: None if given is None else decode(given)
    decoders = {one.__name__: decoder(one) for one in others}
    return lambda given: decoders[given[_KIND]](given)


def _bare(kind: Any) -> Any:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    return kind


def _fields(kind: Any) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind)]


def _unchanged(value: Any) -> Any:
    return value


def _interval(value: timedelta) -> str:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
