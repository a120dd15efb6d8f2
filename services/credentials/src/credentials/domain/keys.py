"""The keys of a shop, in the clear. They exist only while they are being put, rotated or leased."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Final, Self

from credentials.domain.errors import FieldProblem
from credentials.domain.hidden import Hidden
from credentials.domain.marketplaces import BRICKLINK, BRICKOWL


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ShopKeys(Hidden):
    """What the keys of every marketplace have in common: values by name, a form to check, bytes to seal."""

    marketplace: ClassVar[str]
    longest: ClassVar[int]
    """Characters that a value may have; the bounds only catch what cannot be a key."""

    def values(self) -> tuple[str, ...]:
        """Everything that must never be seen."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the values."""
        return tuple(field.name for field in fields(cls))

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with their form."""
        sound: list[str] = []
        for name in self.names():
            if problem := self.problem_of(name, getattr(self, name)):
                yield problem
            else:
                sound.append(name)
        for first, second in itertools.combinations(sound, 2):
            if getattr(self, first) == getattr(self, second):
                yield FieldProblem(f"{self.marketplace}.{second}", f"must differ from {self.marketplace}.{first}")

    @classmethod
    def problem_of(cls, name: str, value: str) -> FieldProblem | None:
        """What is wrong with the form of one value; never repeats it."""
        field = f"{cls.marketplace}.{name}"
        if not value:
            return FieldProblem(field, "is required")
        if not re.fullmatch(f"[!-~]{{{_SHORTEST},{cls.longest}}}", value):
            return FieldProblem(
                field, f"must be {_SHORTEST} to {cls.longest} printable ASCII characters without spaces"
            )
        return None

    def changed(self, change: "KeysChange") -> Self:
        """The same keys but for the values that the change replaces."""
        return replace(self, **change.values)

    def encode(self) -> bytes:
        """The bytes to be sealed."""
        return json.dumps({name: getattr(self, name) for name in self.names()}).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """The keys that `encode` turned into these bytes."""
        return cls(**json.loads(encoded))


_SHORTEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BrickLinkKeys(ShopKeys):
    """The four values that BrickLink issues to a store (`marketplaces/bricklink.md` section 3), 32 characters each."""

    marketplace: ClassVar[str] = BRICKLINK
    longest: ClassVar[int] = 64

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BrickOwlKeys(ShopKeys):
    """The one key that Brick Owl issues to a user (`marketplaces/brickowl.md` section 1)."""

    marketplace: ClassVar[str] = BRICKOWL
    longest: ClassVar[int] = 128

    key: str


Keys = BrickLinkKeys | BrickOwlKeys
"""The keys of any marketplace; each kind knows its marketplace, its form and its bytes."""

KIND_OF_KEYS: Final[Mapping[str, type[Keys]]] = {kind.marketplace: kind for kind in (BrickLinkKeys, BrickOwlKeys)}
"""Which kind of keys a marketplace issues."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeysChange(Hidden):
    """New values for some of a shop's keys, by name; the others stay."""

    marketplace: str
    values: Mapping[str, str]

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with the form of the new values."""
        if not self.values:
            yield FieldProblem(self.marketplace, "must hold at least one value to replace")
        kind = KIND_OF_KEYS[self.marketplace]
        for name, value in self.values.items():
            if problem := kind.problem_of(name, value):
                yield problem
