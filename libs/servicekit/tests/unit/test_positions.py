"""Rule T2 as a table: from where to read on, and what was lost."""

import pytest
from aiokafka import TopicPartition

from servicekit.positions import Extent, Stored, resume

LOT_0, LOT_1 = TopicPartition("lots", 0), TopicPartition("lots", 1)
SAME, OTHER = ("cluster/1/5", "cluster/1/5"), ("cluster/1/5", "cluster/1/6")


@pytest.mark.parametrize(
    ("position", "extent", "next_offset", "why"),
    [
        (None, Extent(None, 0, 9), 0, ""),
        (None, Extent(None, 4, 9), 4, ""),
        (None, Extent(7, 4, 9), 4, "no position though the group has one"),
        (7, Extent(7, 0, 9), 7, ""),
        (7, Extent(5, 0, 9), 7, ""),
        (7, Extent(None, 0, 9), 7, ""),
        (9, Extent(9, 9, 9), 9, ""),
        (5, Extent(7, 0, 9), 5, "the position is behind the group's"),
        (3, Extent(7, 4, 9), 4, "the topic no longer holds the position"),
        (3, Extent(3, 4, 9), 4, "the topic no longer holds the position"),
        (10, Extent(10, 0, 9), 0, "the topic no longer holds the position"),
    ],
)
def test_one_partition(position: int | None, extent: Extent, next_offset: int, why: str) -> None:
    stored = Stored(*SAME, {} if position is None else {LOT_0: position})

    assert resume(stored, {LOT_0: extent}) == ({LOT_0: next_offset}, why)


def test_another_database_keeps_its_positions_and_was_lost() -> None:
    positions, why = resume(Stored(*OTHER, {LOT_0: 7}), {LOT_0: Extent(7, 0, 9)})

    assert (positions, why) == ({LOT_0: 7}, "this is another database than the one noted")


@pytest.mark.parametrize(
    ("present", "why"),
    [
        ("cluster/2/5", "this database is on another timeline than the one noted"),
        ("cluster/2/6", "this is another database than the one noted"),
        ("another/1/5", "this is another database than the one noted"),
    ],
)
def test_a_failover_is_told_from_a_restored_database(present: str, why: str) -> None:
    assert resume(Stored("cluster/1/5", present, {LOT_0: 7}), {LOT_0: Extent(7, 0, 9)}) == ({LOT_0: 7}, why)


def test_a_failover_that_lacks_something_is_told_so() -> None:
    _, why = resume(Stored("cluster/1/5", "cluster/2/5", {LOT_0: 7}), {LOT_0: Extent(8, 0, 9)})

    assert why == "the position is behind the group's; this database is on another timeline than the one noted"


def test_every_reason_is_told_once() -> None:
    behind = Extent(8, 0, 9)
    _, why = resume(Stored(*OTHER, {LOT_0: 7, LOT_1: 7}), {LOT_0: behind, LOT_1: behind})

    assert why == "the position is behind the group's; this is another database than the one noted"
