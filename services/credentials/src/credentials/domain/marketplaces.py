"""The marketplaces whose keys are kept, and who may borrow them."""

from collections.abc import Iterator
from typing import Final

from credentials.domain.errors import FieldProblem

BRICKLINK: Final = "bricklink"
BRICKOWL: Final = "brickowl"
MARKETPLACES: Final = frozenset({BRICKLINK, BRICKOWL})

MARKETPLACE_OF_CALLER: Final = {"sync-bricklink": BRICKLINK, "sync-brickowl": BRICKOWL}
"""The lease face's table of callers: certificate name to the one marketplace whose keys it may lease."""


def marketplace_problems(marketplace: str) -> Iterator[FieldProblem]:
    """What is wrong with the name of a marketplace."""
    if marketplace not in MARKETPLACES:
        yield FieldProblem("marketplace", f"must be one of {', '.join(sorted(MARKETPLACES))}")
