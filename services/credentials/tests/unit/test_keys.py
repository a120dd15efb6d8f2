"""The form of BrickLink's four values is checked before anything is stored; no problem repeats a value."""

import pickle
from dataclasses import replace

import pytest

from credentials.domain.keys import BrickLinkKeys, BrickOwlKeys, KeysChange

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


def test_a_change_replaces_what_it_names_and_nothing_else() -> None:
    change = KeysChange(marketplace="bricklink", values={"token": "NEW-TOKEN", "token_secret": "NEW-SECRET"})
    assert list(change.problems()) == []
    assert GOOD.changed(change) == replace(GOOD, token="NEW-TOKEN", token_secret="NEW-SECRET")


def test_a_change_is_checked_by_field() -> None:
    change = KeysChange(marketplace="bricklink", values={"token": "", "consumer_key": "with a space"})
    assert [problem.field for problem in change.problems()] == ["bricklink.token", "bricklink.consumer_key"]
    (nothing,) = KeysChange(marketplace="bricklink", values={}).problems()
    assert nothing.field == "bricklink"
    (equal,) = GOOD.changed(KeysChange(marketplace="bricklink", values={"token": GOOD.token_secret})).problems()
    assert equal.field == "bricklink.token_secret"


def test_a_change_shows_nothing() -> None:
    shown = f"{KeysChange(marketplace='bricklink', values={'token': GOOD.token})!r}"
    assert GOOD.token not in shown


@pytest.mark.parametrize(
    ("key", "fine"),
    [("k" * 8, True), ("k" * 64, True), ("k" * 128, True), ("", False), ("k" * 7, False), ("k" * 129, False)],
)
def test_brick_owls_one_key_is_checked(key: str, fine: bool) -> None:
    keys = BrickOwlKeys(key=key)
    assert [problem.field for problem in keys.problems()] == ([] if fine else ["brickowl.key"])
    assert BrickOwlKeys.decode(keys.encode()) == keys
    assert not key or key not in repr(keys)
