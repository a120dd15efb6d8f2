"""A repeated body is recognised; the stored fingerprint alone confirms no guess of it."""

import hashlib

import pytest

from credentials.crypto.envelope import Plaintext, Unreadable
from credentials.crypto.fingerprint import fingerprint_of, matches
from credentials.crypto.framing import framed
from credentials.crypto.keyring import Keyring

BODY = Plaintext(b"body with a secret")


async def test_recognises_the_same_body_only(keyring: Keyring) -> None:
    fingerprint = await fingerprint_of(BODY, seller_id="a", request_id="r", keys=keyring)
    assert await matches(fingerprint, BODY, seller_id="a", request_id="r", keys=keyring)
    assert not await matches(fingerprint, Plaintext(b"other"), seller_id="a", request_id="r", keys=keyring)


async def test_is_bound_to_its_request(keyring: Keyring) -> None:
    fingerprint = await fingerprint_of(BODY, seller_id="a", request_id="r", keys=keyring)
    with pytest.raises(Unreadable):
        await matches(fingerprint, BODY, seller_id="b", request_id="r", keys=keyring)


async def test_is_no_plain_hash(keyring: Keyring) -> None:
    """Two sellers with the same secrets, or a guess with a hash at hand, show nothing."""
    first = await fingerprint_of(BODY, seller_id="a", request_id="r", keys=keyring)
    second = await fingerprint_of(BODY, seller_id="a", request_id="r", keys=keyring)
    assert first.mac != second.mac
    assert hashlib.sha256(BODY.reveal()).digest() not in (first.mac, second.mac)


def test_framing_tells_lists_of_parts_apart() -> None:
    assert len({framed("ab", "c"), framed("a", "bc"), framed("abc"), framed("abc", ""), framed("", "abc")}) == 5
