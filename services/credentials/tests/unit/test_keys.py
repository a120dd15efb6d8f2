"""The form of BrickLink's four values is checked before anything is stored; no problem repeats a value."""

import pickle
from dataclasses import replace

import pytest

from credentials.domain.keys import BrickLinkKeys

GOOD = BrickLinkKeys(
    consumer_key="CKEY0000000000000000000000000001",
    consumer_secret="CSECRET000000000000000000000001A",
    token="TOKEN000000000000000000000000001B",
    token_secret="TSECRET000000000000000000000001C",
)
FIELDS = ["consumer_key", "consumer_secret", "token", "token_secret"]


def test_good_keys_have_no_problem() -> None:
    assert list(GOOD.problems()) == []


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("", "is required"),
        ("short-1", "must be 8 to 64"),
        ("x" * 65, "must be 8 to 64"),
        ("with a space in it", "must be 8 to 64"),
        ("trailing-newline\n", "must be 8 to 64"),
        ("tab\tinside-it", "must be 8 to 64"),
        ("ümlaut-inside-it", "must be 8 to 64"),
        ("nul\0inside-it", "must be 8 to 64"),
    ],
)
def test_a_bad_value_is_named_by_its_field_alone(field: str, value: str, rule: str) -> None:
    (problem,) = replace(GOOD, **{field: value}).problems()
    assert problem.field == f"bricklink.{field}"
    assert rule in problem.rule
    assert not value or value not in problem.rule


@pytest.mark.parametrize("length", [8, 64])
def test_the_bounds_are_within(length: int) -> None:
    assert not list(replace(GOOD, token="t" * length).problems())


def test_equal_values_are_a_mistake_of_copying() -> None:
    (problem,) = replace(GOOD, token=GOOD.consumer_key).problems()
    assert problem.field == "bricklink.token"
    assert problem.rule == "must differ from bricklink.consumer_key"


def test_every_bad_field_is_told_at_once() -> None:
    keys = BrickLinkKeys(consumer_key="", consumer_secret="", token="", token_secret="")
    assert [problem.field for problem in keys.problems()] == [f"bricklink.{field}" for field in FIELDS]


def test_keys_come_back_from_their_bytes() -> None:
    assert BrickLinkKeys.decode(GOOD.encode()) == GOOD


def test_keys_show_nothing_and_are_never_pickled() -> None:
    shown = f"{GOOD} {GOOD!r} {[GOOD]}"
    assert not any(value in shown for value in GOOD.values())
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(GOOD)
