"""The marketplaces whose keys are kept."""

from collections.abc import Iterator
from typing import Final

from credentials.domain.errors import FieldProblem

BRICKLINK: Final = "bricklink"
BRICKOWL: Final = "brickowl"
MARKETPLACES: Final = frozenset({BRICKLINK, BRICKOWL})


def marketplace_problems(marketplace: str) -> Iterator[FieldProblem]:
    """What is wrong with the name of a marketplace."""
    if marketplace not in MARKETPLACES:
        yield FieldProblem("marketplace", f"must be one of {', '.join(sorted(MARKETPLACES))}")
