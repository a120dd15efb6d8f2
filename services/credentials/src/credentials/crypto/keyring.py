"""Key-encryption keys in a file:

    {"primary": "kek-2", "keys": {"kek-1": {"key": "<base64 of 32 bytes>", "state": "retired"},
                                  "kek-2": {"key": "<base64 of 32 bytes>", "state": "active"}}}

The primary wraps; every active key unwraps; a retired one is kept for the record and used for nothing.
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from credentials.crypto.envelope import KEY_BYTES, NONCE_BYTES, Plaintext, Unreadable, WrappedKey, decrypt, encrypt
from credentials.crypto.framing import framed
from credentials.domain.hidden import Hidden

# Too short for a key in base64 or hex: an id is shown in errors, and a key that was put in its place must not be.
_KEY_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_STATES: Final = ("active", "retired")


class KeyringError(Exception):
    """The keyring cannot be used; names the file and the problem, never a value."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"keyring file {path}: {problem}")


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Plaintext
    retired: bool


class Keyring(Hidden):
    """The KeyEncryptionKeys of a file."""

    __slots__ = ("_entries", "_primary")

    def __init__(self, entries: Mapping[str, _Entry], primary: str) -> None:
        self._entries = entries
        self._primary = primary

    @classmethod
    def read(cls, path: Path) -> Self:
        """The keyring in this file; raises KeyringError."""
        try:
            return cls(*_parsed(path.read_bytes()))
        except OSError as error:
            raise KeyringError(path, f"cannot be read ({error.strerror})") from None
        except _Malformed as malformed:
            raise KeyringError(path, str(malformed)) from None

    def __eq__(self, other: object) -> bool:
        """Whether it has the same keys, in the same states, and the same primary."""
        return isinstance(other, Keyring) and (self._primary, self._entries) == (other._primary, other._entries)

    __hash__ = None  # type: ignore[assignment]

    @property
    def primary_id(self) -> str:
        """The id of the key that wraps."""
        return self._primary

    @property
    def active_ids(self) -> list[str]:
        """The ids of the keys that unwrap."""
        return sorted(key_id for key_id, entry in self._entries.items() if not entry.retired)

    async def wrap(self, key: Plaintext, binding: bytes) -> WrappedKey:
        """Encrypts `key` under the primary key; the nonce leads the wrapped bytes."""
        nonce, sealed = encrypt(self._entries[self._primary].key, key, framed(self._primary, binding))
        return WrappedKey(key_id=self._primary, wrapped=nonce + sealed)

    async def unwrap(self, wrapped: WrappedKey, binding: bytes) -> Plaintext:
        """The key again; raises Unreadable."""
        entry = self._entries.get(wrapped.key_id)
        if entry is None:
            raise Unreadable(f"the keyring has no key {wrapped.key_id}")
        if entry.retired:
            raise Unreadable(f"the key {wrapped.key_id} is retired")
        nonce, sealed = wrapped.wrapped[:NONCE_BYTES], wrapped.wrapped[NONCE_BYTES:]
        return decrypt(entry.key, nonce, sealed, framed(wrapped.key_id, binding))


def new_keyring() -> str:
    """The text of a keyring file with one new key."""
    key_id = f"kek-{secrets.token_hex(4)}"
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return json.dumps({"primary": key_id, "keys": {key_id: {"key": key, "state": "active"}}}, indent=2) + "\n"


class _Malformed(Exception):
    """What is wrong with the file's content."""


def _parsed(content: bytes) -> tuple[dict[str, _Entry], str]:
    try:
        ring = json.loads(content.decode(), object_pairs_hook=_without_repeats)
    except ValueError:  # of JSON or UTF-8; either error may carry the content along
        raise _Malformed("is not JSON") from None
    if not isinstance(ring, dict) or ring.keys() != {"primary", "keys"}:
        raise _Malformed('must be an object with "primary" and "keys"')
    if not isinstance(ring["keys"], dict) or not ring["keys"]:
        raise _Malformed('"keys" must be an object with at least one key')
    entries = {_key_id(key_id): _entry(key_id, entry) for key_id, entry in ring["keys"].items()}
    if len({entry.key.reveal() for entry in entries.values()}) < len(entries):
        raise _Malformed("two ids have the same key")
    primary = ring["primary"]
    if not isinstance(primary, str) or primary not in entries:
        raise _Malformed('"primary" must be the id of one of the keys')
    if entries[primary].retired:
        raise _Malformed(f"the primary key {primary} is retired")
    return entries, primary


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise _Malformed("names something twice")
    return unique


def _key_id(key_id: str) -> str:
    if not _KEY_ID.fullmatch(key_id):
        raise _Malformed("a key id must be 1 to 40 lower-case letters, digits, dots, hyphens or underscores")
    return key_id


def _entry(key_id: str, entry: object) -> _Entry:
    if not isinstance(entry, dict) or entry.keys() != {"key", "state"}:
        raise _Malformed(f'the entry of {key_id} must be an object with "key" and "state"')
    if entry["state"] not in _STATES:
        raise _Malformed(f"the state of {key_id} must be active or retired")
    try:
        key = base64.b64decode(entry["key"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _Malformed(f"the key of {key_id} is not base64") from None
    if len(key) != KEY_BYTES:
        raise _Malformed(f"the key of {key_id} must be {KEY_BYTES} bytes, not {len(key)}")
    return _Entry(Plaintext(key), entry["state"] == "retired")
