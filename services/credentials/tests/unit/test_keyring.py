"""A keyring that cannot be used stops the service at start, with words that name the file and never a value."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from credentials.crypto.envelope import Plaintext, Unreadable
from credentials.crypto.keyring import Keyring, KeyringError, new_keyring

CANARY = base64.b64encode(b"canary-key-that-must-not-appear!").decode()
OTHER = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
DATA_KEY = b"d" * 32


def ring(path: Path, primary: object, **keys: object) -> Path:
    path.write_text(json.dumps({"primary": primary, "keys": keys}))
    return path


def key(value: object = CANARY, state: object = "active", **more: object) -> dict[str, Any]:
    return {"key": value, "state": state, **more}


async def test_a_new_keyring_works(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(new_keyring())
    keyring = Keyring.read(path)
    assert (await keyring.unwrap(await keyring.wrap(Plaintext(DATA_KEY), b"b"), b"b")).reveal() == DATA_KEY


async def test_the_primary_wraps_and_every_active_key_unwraps(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    before = Keyring.read(ring(path, "old", old=key()))
    wrapped_before = await before.wrap(Plaintext(DATA_KEY), b"b")
    after = Keyring.read(ring(path, "new", old=key(), new=key(OTHER)))
    assert (await after.wrap(Plaintext(DATA_KEY), b"b")).key_id == "new"
    assert (await after.unwrap(wrapped_before, b"b")).reveal() == DATA_KEY


async def test_a_retired_key_unwraps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    wrapped = await Keyring.read(ring(path, "old", old=key())).wrap(Plaintext(DATA_KEY), b"b")
    later = Keyring.read(ring(path, "new", old=key(state="retired"), new=key(OTHER)))
    with pytest.raises(Unreadable, match="old is retired"):
        await later.unwrap(wrapped, b"b")


async def test_what_was_wrapped_for_one_thing_does_not_unwrap_for_another(keyring: Keyring) -> None:
    wrapped = await keyring.wrap(Plaintext(DATA_KEY), b"this")
    with pytest.raises(Unreadable):
        await keyring.unwrap(wrapped, b"that")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"no-such\.json: cannot be read"):
        Keyring.read(tmp_path / "no-such.json")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe" + CANARY.encode(), "is not JSON"),
        (CANARY.encode(), "is not JSON"),
        (f'"{CANARY}"'.encode(), "must be an object"),
        (f'{{"primary": "{CANARY}", "primary": "{CANARY}"}}'.encode(), "names something twice"),
    ],
)
def test_what_is_no_keyring_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_bytes(content)
    refused(path, problem)


@pytest.mark.parametrize(
    ("primary", "keys", "problem"),
    [
        ("a", {}, "at least one key"),
        ("b", {"a": key()}, '"primary" must be the id'),
        (CANARY, {"a": key()}, '"primary" must be the id'),
        (["a"], {"a": key()}, '"primary" must be the id'),
        ("a", {"a": key(state="retired")}, "the primary key a is retired"),
        ("a", {"a": key(state=CANARY)}, "the state of a must be active or retired"),
        ("a", {"a": key(state=[CANARY])}, "the state of a must be active or retired"),
        ("a", {"a": key(CANARY[:-1])}, "the key of a is not base64"),
        ("a", {"a": key("é" + CANARY)}, "the key of a is not base64"),
        ("a", {"a": key(7)}, "the key of a is not base64"),
        ("a", {"a": key(base64.b64encode(b"short").decode())}, "must be 32 bytes, not 5"),
        ("a", {"a": key(comment=CANARY)}, "the entry of a must be"),
        ("a", {"a": CANARY}, "the entry of a must be"),
        ("a", {"a": key(), CANARY: key(OTHER)}, "a key id must be"),
        ("a", {"a": key(), "b": key()}, "two ids have the same key"),
    ],
)
def test_a_malformed_keyring_is_refused(tmp_path: Path, primary: object, keys: dict[str, Any], problem: str) -> None:
    refused(ring(tmp_path / "keyring.json", primary, **keys), problem)


def refused(path: Path, problem: str) -> None:
    with pytest.raises(KeyringError) as refusal:
        Keyring.read(path)
    assert problem in str(refusal.value)
    assert str(path) in str(refusal.value)
    error: BaseException | None = refusal.value
    while error is not None:
        assert CANARY not in repr(error)
        error = error.__cause__
