"""Recognises a repeated request whose body holds secrets, without keeping a hash that could be guessed at.

The body's HMAC is kept, under a key of its own that is wrapped like a data key: the table alone confirms no guess.
"""

import hmac
import os
from dataclasses import dataclass
from typing import Final

from credentials.crypto.envelope import KEY_BYTES, KeyEncryptionKeys, Plaintext, WrappedKey
from credentials.crypto.framing import framed

_FINGERPRINT_KEY: Final = "brickops credential request v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The HMAC-SHA256 of a body, and the wrapped key that it was made with."""

    key: WrappedKey
    mac: bytes


def fingerprint_binding(seller_id: str, request_id: str) -> bytes:
    """What a fingerprint's key is wrapped for."""
    return framed(_FINGERPRINT_KEY, seller_id, request_id)


async def fingerprint_of(body: Plaintext, *, seller_id: str, request_id: str, keys: KeyEncryptionKeys) -> Fingerprint:
    """A new fingerprint, bound to its request."""
    key = Plaintext(os.urandom(KEY_BYTES))
    wrapped = await keys.wrap(key, fingerprint_binding(seller_id, request_id))
    return Fingerprint(key=wrapped, mac=_mac(key, body))


async def matches(
    fingerprint: Fingerprint, body: Plaintext, *, seller_id: str, request_id: str, keys: KeyEncryptionKeys
) -> bool:
    """Whether this is the body that the fingerprint was taken of; raises Unreadable."""
    key = await keys.unwrap(fingerprint.key, fingerprint_binding(seller_id, request_id))
    return hmac.compare_digest(fingerprint.mac, _mac(key, body))


def _mac(key: Plaintext, body: Plaintext) -> bytes:
    return hmac.digest(key.reveal(), body.reveal(), "sha256")
