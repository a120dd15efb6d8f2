"""Protobuf enums as words: ITEM_TYPE_PART is PART."""

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

W = TypeVar("W", bound=StrEnum)
V = TypeVar("V", bound=int)


def word_of(words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W | None:
    """The word for an enum's value; None for its `..._UNSPECIFIED`."""
    return words[proto.Name(value).removeprefix(_prefix(proto))] if value else None


def value_of(proto: "_EnumTypeWrapper[V]", word: StrEnum | None) -> V:
    """The enum's value for a word; `..._UNSPECIFIED` for None."""
    return proto.Value(_prefix(proto) + (word.name if word is not None else "UNSPECIFIED"))


def _prefix(proto: "_EnumTypeWrapper[V]") -> str:
    return proto.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
