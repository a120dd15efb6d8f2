"""What every marketplace adapter keeps to, told as stories to a shop of its sandbox (docs/adding-a-marketplace.md).

A test module of an adapter parametrises one test with `BEHAVIOURS` and hands each to `check` with a fresh shop.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "censuses",
            "fields",
            "lists",
            "lost_replies",
            "outages",
            "quantities",
            "refusals",
            "returns",
            "sales",
            "scene",
        )
    )
)

from syncengine.testing.conformance import (  # noqa: E402 - after their asserts are made to speak
    censuses,
    fields,
    lists,
    lost_replies,
    outages,
    quantities,
    refusals,
    returns,
    sales,
)
from syncengine.testing.conformance.behaviour import Behaviour, check  # noqa: E402

BEHAVIOURS: tuple[Behaviour, ...] = tuple(
    behaviour
    for chapter in (fields, quantities, sales, lost_replies, outages, lists, refusals, returns, censuses)
    for behaviour in chapter.CHAPTER.behaviours
)

__all__ = ["BEHAVIOURS", "Behaviour", "check"]
