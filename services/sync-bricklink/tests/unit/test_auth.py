"""Signing, against the vectors of marketplaces/bricklink.md#2, and what a signature must not show."""

from datetime import UTC, datetime
from urllib.parse import unquote

import httpx
import pytest

from sync_bricklink.auth import ShopKeys, Signature

API = "https://api.bricklink.com/api/store/v1"
KEYS = ShopKeys(
    consumer_key="CKEY0000000000000000000000000001",
    consumer_secret="CSECRET000000000000000000000001A",
    token="TOKEN000000000000000000000000001B",
    token_secret="TSECRET000000000000000000000001C",
)


def authorization(request: httpx.Request, signature: Signature) -> dict[str, str]:
    sent = next(signature.auth_flow(request))
    scheme, _, parameters = sent.headers["Authorization"].partition(" ")
    assert scheme == "OAuth"
    pairs = (parameter.strip().split("=", 1) for parameter in parameters.split(","))
    return {name: unquote(value.strip('"')) for name, value in pairs}


@pytest.mark.parametrize(
    ("method", "path", "nonce", "timestamp", "expected"),
    [
        ("GET", "/inventories?status=Y%2CS", "n0nce001", 1700000000, "CftBykOvk1fgVBv1n2xOz50Bv/g="),
        ("PUT", "/inventories/50001001", "n0nce002", 1700000001, "bmcJ4HMkh+rejs6+6FdSa1z7hEM="),
    ],
)
def test_signature_is_the_one_of_the_reference_vector(
    method: str, path: str, nonce: str, timestamp: int, expected: str
) -> None:
    request = httpx.Request(method, API + path, content=None if method == "GET" else b'{"quantity":"+5"}')
    stamp = datetime.fromtimestamp(timestamp, UTC)

    given = authorization(request, Signature(KEYS, stamp, nonce=nonce))

    assert given["oauth_signature"] == expected
    assert given["oauth_timestamp"] == str(timestamp)
    assert given["oauth_nonce"] == nonce


def test_body_is_neither_hashed_nor_lost() -> None:
    """BrickLink's clients send no oauth_body_hash, and authlib's own httpx class would send the body empty."""
    request = httpx.Request("PUT", f"{API}/inventories/1", content=b'{"quantity":"+5"}')

    given = authorization(request, Signature(KEYS, datetime.now(UTC)))

    assert "oauth_body_hash" not in given
    assert request.content == b'{"quantity":"+5"}'


def test_two_signatures_of_one_moment_differ_in_their_nonce() -> None:
    stamp = datetime.now(UTC)

    nonces = {
        authorization(httpx.Request("GET", f"{API}/orders"), Signature(KEYS, stamp))["oauth_nonce"] for _ in range(2)
    }

    assert len(nonces) == 2


def test_the_stamp_of_the_ticket_is_signed_not_the_time() -> None:
    stamp = datetime(2026, 11, 1, 12, 0, 59, tzinfo=UTC)

    given = authorization(httpx.Request("GET", f"{API}/orders"), Signature(KEYS, stamp))

    assert given["oauth_timestamp"] == str(int(stamp.timestamp()))


def test_nothing_is_sent_again_whatever_the_answer() -> None:
    request = httpx.Request("GET", f"{API}/orders")
    flow = Signature(KEYS, datetime.now(UTC)).auth_flow(request)
    next(flow)

    with pytest.raises(StopIteration):
        flow.send(httpx.Response(401, request=request))


@pytest.mark.parametrize("shown", [repr(KEYS), str(KEYS), repr(Signature(KEYS, datetime.now(UTC)))])
def test_text_forms_show_no_key(shown: str) -> None:
    for secret in (KEYS.consumer_key, KEYS.consumer_secret, KEYS.token, KEYS.token_secret):
        assert secret not in shown
