"""What a test of a shop's keys came to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from credentials.domain.errors import FieldProblem
from credentials.domain.marketplaces import marketplace_problems

_RESULT = re.compile(r"[A-Z][A-Z_]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The last test of one version of a seller's keys; the result is OK or a constant word for why not."""

    seller_id: str
    marketplace: str
    key_version: int
    validated_at: datetime
    result: str

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from marketplace_problems(self.marketplace)
        if self.key_version < 1:
            yield FieldProblem("key_version", "must be 1 or more")
        if not _RESULT.fullmatch(self.result):
            yield FieldProblem("result", "must be a constant word of capital letters")
