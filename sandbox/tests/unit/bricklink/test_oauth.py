"""Who is let in: signatures, the window, replays, addresses (`marketplaces/bricklink.md` section 2)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from authlib.oauth1 import ClientAuth

from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.oauth import Authorization, Door, Keys, Use
from sandbox.bricklink.switches import Switches

KEYS = Keys(
    consumer_key="CKEY0000000000000000000000000001",
    consumer_secret="CSECRET000000000000000000000001A",
    token="TOKEN000000000000000000000000001B",
    token_secret="TSECRET000000000000000000000001C",
)
API = "https://api.bricklink.com/api/store/v1"
NOW = datetime.fromtimestamp(1_700_000_000, UTC)
VECTORS = [
    ("GET", f"{API}/inventories?status=Y%2CS", "n0nce001", 1_700_000_000, "CftBykOvk1fgVBv1n2xOz50Bv/g="),
    ("PUT", f"{API}/inventories/50001001", "n0nce002", 1_700_000_001, "bmcJ4HMkh+rejs6+6FdSa1z7hEM="),
]


def parameters(signature: str, nonce: str = "n0nce001", timestamp: int = 1_700_000_000) -> dict[str, str]:
    return {
        "oauth_consumer_key": KEYS.consumer_key,
        "oauth_token": KEYS.token,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        "oauth_nonce": nonce,
        "oauth_version": "1.0",
        "oauth_signature": signature,
    }


def header(given: dict[str, str]) -> str:
    return 'OAuth realm="", ' + ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in given.items())


def signed(
    method: str, url: str, *, nonce: str = "n", timestamp: int = 1_700_000_000, keys: Keys = KEYS
) -> Authorization:
    """Return what authlib signs."""

    class Client(ClientAuth):  # type: ignore[misc]  # authlib has no types
        def get_oauth_params(self, _nonce: str, _timestamp: str) -> Any:
            return super().get_oauth_params(nonce, str(timestamp))

    client = Client(keys.consumer_key, keys.consumer_secret, token=keys.token, token_secret=keys.token_secret)
    _, headers, _ = client.sign(method, url, {}, b"")
    return Authorization.read(method, url, headers["Authorization"])


def admit(
    door: Door, authorization: Authorization, *, ip: str = "127.0.0.1", now: datetime = NOW, **switches: Any
) -> Use:
    return door.admit(authorization, caller_ip=ip, now=now, switches=Switches(**switches))


@pytest.mark.parametrize(("method", "url", "nonce", "timestamp", "signature"), VECTORS)
def test_the_test_vectors_are_let_in(method: str, url: str, nonce: str, timestamp: int, signature: str) -> None:
    given = parameters(signature, nonce, timestamp)
    assert admit(Door(KEYS), Authorization.read(method, url, header(given))) == Use(timestamp, nonce)
    in_query = quote(json.dumps(given | {"oauth_signature": quote(signature, safe="")}), safe="")
    wrapped = f"{url}{'&' if '?' in url else '?'}Authorization={in_query}"
    authorization = Authorization.read(method, wrapped, None)
    assert admit(Door(KEYS), authorization) == Use(timestamp, nonce)
    assert "oauth" not in authorization.query


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"oauth_signature": "bmcJ4HMkh+rejs6+6FdSa1z7hEM="}, "SIGNATURE_INVALID"),
        ({"oauth_nonce": "another"}, "SIGNATURE_INVALID"),
        ({"oauth_token": "ANOTHER"}, "TOKEN_REJECTED"),
        ({"oauth_version": "2.0"}, "VERSION_REJECTED"),
        ({"oauth_signature_method": "PLAINTEXT"}, "SIGNATURE_METHOD_REJECTED"),
        ({"oauth_body_hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="}, "PARAMETER_REJECTED: oauth_body_hash"),
        ({"oauth_timestamp": "soon"}, "PARAMETER_REJECTED: oauth_timestamp"),
        ({"oauth_timestamp": str(1_700_000_000 - 301)}, "TIMESTAMP_REFUSED"),
        ({"oauth_timestamp": str(1_700_000_000 + 301)}, "TIMESTAMP_REFUSED"),
        ({"oauth_nonce": ""}, "PARAMETER_ABSENT: oauth_nonce"),
        ({"oauth_signature": ""}, "PARAMETER_ABSENT: oauth_signature"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, str], reason: str) -> None:
    method, url, _, _, signature = VECTORS[0]
    with pytest.raises(ShopError) as refused:
        admit(Door(KEYS), Authorization.read(method, url, header(parameters(signature) | change)))
    assert (refused.value.code, refused.value.message) == (401, "BAD_OAUTH_REQUEST")
    assert refused.value.description.startswith(reason)


@pytest.mark.parametrize("value", [None, "", "Basic abc", "OAuth nonsense", "OAuth oauth_nonce"])
def test_without_readable_parameters_nothing_is_believed(value: str | None) -> None:
    with pytest.raises(ShopError, match="401 BAD_OAUTH_REQUEST: PARAMETER_"):
        Authorization.read("GET", f"{API}/orders", value)


@pytest.mark.parametrize("value", ["nonsense", "[]", '"x"'])
def test_a_malformed_authorization_in_the_query_is_refused(value: str) -> None:
    with pytest.raises(ShopError, match="PARAMETER_REJECTED"):
        Authorization.read("GET", f"{API}/orders?Authorization={quote(value)}", None)


@pytest.mark.parametrize("secret", ["consumer_secret", "token_secret"])
def test_a_wrong_secret_is_an_invalid_signature(secret: str) -> None:
    authorization = signed("GET", f"{API}/orders", keys=replace(KEYS, **{secret: "wrong"}))
    with pytest.raises(ShopError, match="SIGNATURE_INVALID"):
        admit(Door(KEYS), authorization)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("PUT", f"{API}/orders"),
        ("GET", f"{API}/orders?filed=true"),
        ("GET", f"{API}/orders/1"),
        ("GET", "https://elsewhere.example/api/store/v1/orders"),
    ],
)
def test_a_signature_is_for_one_method_and_url(method: str, url: str) -> None:
    authorization = signed("GET", f"{API}/orders")
    with pytest.raises(ShopError, match="SIGNATURE_INVALID"):
        admit(Door(KEYS), Authorization(method, url, authorization.parameters))


@pytest.mark.parametrize(
    "query", ["status=Y%2CS&color_id=-5", "find=a%20b%2Bc&find=a", "empty=&x=%C3%A9", "tilde=~-._"]
)
def test_queries_are_signed_as_the_other_library_signs_them(query: str) -> None:
    assert admit(Door(KEYS), signed("GET", f"{API}/inventories?{query}"))


def test_a_request_is_let_in_once() -> None:
    door = Door(KEYS)
    first = signed("GET", f"{API}/orders")
    use = admit(door, first)
    with pytest.raises(ShopError, match="NONCE_USED"):
        admit(door, first)
    with pytest.raises(ShopError, match="NONCE_USED"):
        admit(Door(KEYS, [use]), first)


@pytest.mark.parametrize(("switch", "refused"), [(True, True), (False, False)])
def test_a_repeated_timestamp_is_refused_even_with_a_new_nonce(switch: bool, refused: bool) -> None:
    door = Door(KEYS)
    admit(door, signed("GET", f"{API}/orders", nonce="one"))
    again = signed("GET", f"{API}/orders", nonce="two")
    if refused:
        with pytest.raises(ShopError, match="TIMESTAMP_REFUSED: used before"):
            admit(door, again, refuse_repeated_timestamp=switch)
    else:
        admit(door, again, refuse_repeated_timestamp=switch)
    admit(door, signed("GET", f"{API}/orders", nonce="three", timestamp=1_699_999_999))


def test_a_refused_request_uses_nothing_up() -> None:
    door = Door(KEYS)
    with pytest.raises(ShopError):
        admit(door, signed("GET", f"{API}/orders", keys=replace(KEYS, consumer_secret="wrong")))
    with pytest.raises(ShopError):
        admit(door, signed("GET", f"{API}/orders"), ip="10.0.0.9", token_ip="10.0.0.1", token_ip_mask="255.255.255.255")
    admit(door, signed("GET", f"{API}/orders"))


def test_old_uses_are_forgotten_once_the_window_keeps_them_out() -> None:
    door = Door(KEYS)
    for second in range(2000):
        moment = NOW + timedelta(seconds=second)
        admit(door, signed("GET", f"{API}/orders", nonce=str(second), timestamp=int(moment.timestamp())), now=moment)
    assert len(door._nonces) < 700
    assert len(door._nonces_at) < 700


@pytest.mark.parametrize(
    ("ip", "network", "mask", "inside"),
    [
        ("203.0.113.9", "0.0.0.0", "0.0.0.0", True),
        ("::1", "0.0.0.0", "0.0.0.0", True),
        ("10.0.0.1", "10.0.0.1", "255.255.255.255", True),
        ("10.0.0.2", "10.0.0.1", "255.255.255.255", False),
        ("10.0.0.2", "10.0.0.1", "255.255.255.0", True),
        ("::1", "10.0.0.1", "255.255.255.0", False),
    ],
)
def test_the_callers_address(ip: str, network: str, mask: str, inside: bool) -> None:
    authorization = signed("GET", f"{API}/orders")
    if inside:
        admit(Door(KEYS), authorization, ip=ip, token_ip=network, token_ip_mask=mask)
    else:
        with pytest.raises(ShopError) as refused:
            admit(Door(KEYS), authorization, ip=ip, token_ip=network, token_ip_mask=mask)
        assert refused.value.description == f"TOKEN_IP_MISMATCHED: consumer: {KEYS.consumer_key} IP: {ip}"


def test_keys_show_themselves_nowhere() -> None:
    words = [KEYS.consumer_key, KEYS.consumer_secret, KEYS.token, KEYS.token_secret]
    authorization = signed("GET", f"{API}/orders")
    assert not [word for word in words if word in repr(KEYS) or word in repr(authorization)]
    assert KEYS.redact(" ".join(words)) == " ".join(["[redacted]"] * 4)
