"""Identifiers of ours."""

import time
from uuid import UUID

import pytest

from inventory.ids import is_id, new_id


def test_ids_rise_and_keep_to_the_clock_however_fast_they_are_made() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(20_000)]
    after = time.time_ns() // 1_000_000
    assert made == sorted(set(made))
    assert all(UUID(one).version == 7 for one in made[:100])
    assert before <= UUID(made[0]).int >> 80 <= UUID(made[-1]).int >> 80 <= after


@pytest.mark.parametrize(
    "text", ["", "1", "no-uuid", "{01930000-0000-7000-8000-000000000001}", "0193000000007000800000000000000A"]
)
def test_what_is_no_id_as_we_write_it(text: str) -> None:
    assert not is_id(text)
    assert is_id("01930000-0000-7000-8000-000000000001")
