"""What a chain vouches for: the newest row about some keys, and every row after it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from credentials.crypto.chain import mac_before_first, mac_of_row, newest_vouched
from credentials.crypto.envelope import Plaintext
from credentials.domain.errors import ChainBroken
from credentials.domain.lifecycle import ChainHead, LifecycleEvent, LifecycleKind, LifecycleRow, Origin

KEY = Plaintext(b"k" * 32)
ORIGIN = Origin(correlation_id="", certificate="")


def row(lifecycle_id: int, marketplace: str, version: int) -> LifecycleRow:
    event = LifecycleEvent(
        seller_id="a",
        marketplace=marketplace,
        kind=LifecycleKind.PUT,
        key_version=version,
        generation=0,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        actor="user-1",
    )
    return LifecycleRow(lifecycle_id=lifecycle_id, event=event, origin=ORIGIN, place=None)


def chained(before: list[LifecycleRow], rows: list[LifecycleRow]) -> list[LifecycleRow]:
    """The rows, each with its place after those from before the chain."""
    mac, placed = mac_before_first(KEY, before), []
    for position, one in enumerate(rows, start=1):
        mac = mac_of_row(KEY, position, one.event, one.origin, before=mac)
        placed.append(replace(one, place=ChainHead(length=position, mac=mac)))
    return placed


OLD = [row(1, "bricklink", 1), row(2, "brickowl", 1)]
CHAIN = chained(OLD, [row(3, "bricklink", 2), row(4, "bricklink", 3), row(5, "brickowl", 2), row(6, "bricklink", 4)])
STRAY = row(9, "bricklink", 1)


def version(rows: list[LifecycleRow], marketplace: str) -> int | None:
    event = newest_vouched(KEY, rows, marketplace)
    return None if event is None else event.key_version


@pytest.mark.parametrize(
    ("rows", "marketplace", "newest"),
    [
        ([*OLD, *CHAIN[2:]], "bricklink", 4),
        ([*OLD, *CHAIN[1:]], "brickowl", 2),
        ([*OLD, *CHAIN[:2]], "brickowl", 1),
        ([*OLD, CHAIN[0]], "bricklink", 2),
        ([*OLD, STRAY, CHAIN[0]], "bricklink", 2),
        ([*OLD, STRAY, *CHAIN[2:]], "bricklink", 4),
        ([*OLD, row(9, "brickowl", 7), *CHAIN[:2]], "brickowl", 1),
        (chained([], [row(1, "brickowl", 1)]), "bricklink", None),
    ],
)
def test_the_newest_is_the_last_by_place(rows: list[LifecycleRow], marketplace: str, newest: int | None) -> None:
    """Else the last from before the chain; rows without a place that came later do not count."""
    assert version(rows, marketplace) == newest


def altered(one: LifecycleRow, marketplace: str) -> LifecycleRow:
    return replace(one, event=replace(one.event, marketplace=marketplace))


@pytest.mark.parametrize(
    ("rows", "marketplace"),
    [
        (OLD, "bricklink"),
        ([], "bricklink"),
        ([OLD[0], *CHAIN[:2]], "brickowl"),
        ([OLD[0], replace(OLD[1], lifecycle_id=0), *CHAIN[:2]], "brickowl"),
        ([*OLD, CHAIN[1]], "brickowl"),
        ([*OLD, CHAIN[3]], "bricklink"),
        ([*OLD, *CHAIN[:3], altered(CHAIN[3], "brickowl")], "bricklink"),
        ([*OLD, CHAIN[2], altered(CHAIN[3], "brickowl")], "brickowl"),
        ([*OLD, CHAIN[1], replace(CHAIN[2], place=ChainHead(length=3, mac=bytes(32))), CHAIN[3]], "brickowl"),
        ([*OLD, CHAIN[1], CHAIN[2], replace(CHAIN[3], place=ChainHead(length=5, mac=bytes(32)))], "brickowl"),
    ],
    ids=[
        "no chain",
        "no row",
        "one of before the chain missing",
        "ids of before changed",
        "first row missing",
        "row before the newest missing",
        "newest made one of other keys",
        "row of other keys made the newest",
        "HMAC made up",
        "gap",
    ],
)
def test_what_does_not_hold_is_never_believed(rows: list[LifecycleRow], marketplace: str) -> None:
    with pytest.raises(ChainBroken):
        newest_vouched(KEY, rows, marketplace)
