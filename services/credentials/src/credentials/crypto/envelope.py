"""Seals a record with AES-256-GCM under a fresh data key, bound to its seller, marketplace and version.

Whoever moves a sealed record to another row, or brings an older version back under a newer number, gets an error and
never a value: the binding is the associated data of both layers.
"""

import hmac
import os
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credentials.crypto.framing import framed
from credentials.domain.hidden import Hidden

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class Unreadable(Exception):
    """What was stored cannot be opened: altered, cut, moved, or its key is not at hand. Says which, never a value."""


class Plaintext(Hidden):
    """Bytes in the clear; `reveal` is the only way to them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plaintext) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._value


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key encrypted by a key-encryption key, and the latter's id."""

    key_id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """A sealed record as it is stored."""

    data_key: WrappedKey
    nonce: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIdentity:
    """Which record it is: what a ciphertext is bound to."""

    seller_id: str
    marketplace: str
    version: int
    generation: int = 0
    """How often this version was sealed anew."""

    def binding(self, purpose: str) -> bytes:
        """The associated data of one layer; records of generation 0 are from before there were generations."""
        generation = [self.generation] if self.generation else []
        return framed(purpose, self.seller_id, self.marketplace, self.version, *generation)

    def data_key_binding(self) -> bytes:
        """What the record's data key is wrapped for."""
        return self.binding(_DATA_KEY)


_RECORD: Final = "brickops credential record v1"
_DATA_KEY: Final = "brickops credential data key v1"


class KeyEncryptionKeys(Protocol):
    """What wraps data keys: a keyring file, or the client of a key management service."""

    @property
    def primary_id(self) -> str:
        """The id of the key-encryption key that wraps."""
        ...

    async def wrap(self, key: Plaintext, binding: bytes) -> WrappedKey:
        """Encrypts `key` under the primary key-encryption key; `binding` must be given again to unwrap."""
        ...

    async def unwrap(self, wrapped: WrappedKey, binding: bytes) -> Plaintext:
        """The key again; raises Unreadable if anything was altered or the key-encryption key is not usable."""
        ...


async def seal(plaintext: Plaintext, identity: RecordIdentity, keys: KeyEncryptionKeys) -> Ciphertext:
    """Encrypts a record under a data key that is used for nothing else."""
    data_key = Plaintext(AESGCM.generate_key(bit_length=8 * KEY_BYTES))
    nonce, sealed = encrypt(data_key, plaintext, identity.binding(_RECORD))
    return Ciphertext(data_key=await keys.wrap(data_key, identity.data_key_binding()), nonce=nonce, sealed=sealed)


async def unseal(ciphertext: Ciphertext, identity: RecordIdentity, keys: KeyEncryptionKeys) -> Plaintext:
    """Decrypts a record; raises Unreadable unless it is, bit for bit, what was sealed for this identity."""
    data_key = await keys.unwrap(ciphertext.data_key, identity.data_key_binding())
    return decrypt(data_key, ciphertext.nonce, ciphertext.sealed, identity.binding(_RECORD))


def encrypt(key: Plaintext, plaintext: Plaintext, binding: bytes) -> tuple[bytes, bytes]:
    """AES-256-GCM with a random nonce; answers nonce and sealed bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce, AESGCM(key.reveal()).encrypt(nonce, plaintext.reveal(), binding)


def decrypt(key: Plaintext, nonce: bytes, sealed: bytes, binding: bytes) -> Plaintext:
    """The reverse of `encrypt`; raises Unreadable."""
    if len(key.reveal()) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise Unreadable("the sealed bytes have no usable key or nonce")
    try:
        return Plaintext(AESGCM(key.reveal()).decrypt(nonce, sealed, binding))
    except InvalidTag:
        raise Unreadable("the sealed bytes are not what this key sealed for this record") from None
