"""The keys of a shop, in the clear. They exist only while they are being put or leased."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Self

from credentials.domain.errors import FieldProblem
from credentials.domain.hidden import Hidden
from credentials.domain.marketplaces import BRICKLINK

_KEY = re.compile(r"[!-~]{8,64}")
_KEY_RULE = "must be 8 to 64 printable ASCII characters without spaces"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BrickLinkKeys(Hidden):
    """The four values that BrickLink issues to a store (`marketplaces/bricklink.md` section 3)."""

    marketplace: ClassVar[str] = BRICKLINK

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str

    def values(self) -> tuple[str, ...]:
        """Everything that must never be seen."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with their form. Real ones are 32 characters; the bounds only catch what cannot be one."""
        sound: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if not value:
                yield FieldProblem(f"{BRICKLINK}.{field.name}", "is required")
            elif not _KEY.fullmatch(value):
                yield FieldProblem(f"{BRICKLINK}.{field.name}", _KEY_RULE)
            else:
                sound.append(field.name)
        for first, second in itertools.combinations(sound, 2):
            if getattr(self, first) == getattr(self, second):
                yield FieldProblem(f"{BRICKLINK}.{second}", f"must differ from {BRICKLINK}.{first}")

    def encode(self) -> bytes:
        """The bytes to be sealed."""
        return json.dumps({field.name: getattr(self, field.name) for field in fields(self)}).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """The keys that `encode` turned into these bytes."""
        return cls(**json.loads(encoded))


Keys = BrickLinkKeys
"""The keys of any marketplace; each kind knows its marketplace, its form and its bytes."""

KIND_OF_KEYS: dict[str, type[Keys]] = {kind.marketplace: kind for kind in (BrickLinkKeys,)}
"""Which kind of keys a marketplace issues."""
