"""Signatures over real HTTP, made by authlib, checked by oauthlib."""

import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.testing import NO_TLS, RunningSandbox, ShopControl, running_sandbox

from .conftest import LOT, BrickLink, Shop, make_keys

# The dummy keys of marketplaces/bricklink.md section 2.
KEYS = {
    "consumer_key": "CKEY0000000000000000000000000001",
    "consumer_secret": "CSECRET000000000000000000000001A",
    "token": "TOKEN000000000000000000000000001B",
    "token_secret": "TSECRET000000000000000000000001C",
}


@pytest.fixture(scope="module")
async def public() -> AsyncIterator[RunningSandbox]:
    """A sandbox whose clients sign BrickLink's own address, in the year of the test vectors."""
    async with running_sandbox(public_url="https://api.bricklink.com") as running:
        async with ShopControl.open(running.url, "demo") as control:
            await control.put(keys=KEYS, switches={"clock_offset_seconds": 1_700_000_000 - time.time()})
            await control.add_lot(**LOT)
        yield running


@pytest.mark.parametrize(
    ("method", "path", "nonce", "timestamp", "signature"),
    [
        ("GET", "/inventories?status=Y%2CS", "n0nce001", 1_700_000_000, "CftBykOvk1fgVBv1n2xOz50Bv%2Fg%3D"),
        ("PUT", "/inventories/50001001", "n0nce002", 1_700_000_001, "bmcJ4HMkh%2Brejs6%2B6FdSa1z7hEM%3D"),
    ],
)
async def test_the_test_vectors_pass(
    public: RunningSandbox, method: str, path: str, nonce: str, timestamp: int, signature: str
) -> None:
    header = (
        f'OAuth realm="", oauth_consumer_key="{KEYS["consumer_key"]}", oauth_token="{KEYS["token"]}", '
        f'oauth_signature_method="HMAC-SHA1", oauth_signature="{signature}", oauth_timestamp="{timestamp}", '
        f'oauth_nonce="{nonce}", oauth_version="1.0"'
    )
    async with httpx.AsyncClient(base_url=public.api_url, trust_env=False, verify=NO_TLS) as client:
        body = {"quantity": "-1", "description": ""} if method == "PUT" else None
        first = await client.request(method, path, json=body, headers={"Authorization": header})
        again = await client.request(method, path, json=body, headers={"Authorization": header})
    assert first.json()["meta"]["code"] == 200
    assert (again.json()["meta"]["code"], again.json()["meta"]["description"]) == (401, "NONCE_USED")
    async with ShopControl.open(public.url, "demo") as control:
        landed = await control.requests(method="PUT", applied=True)
    assert len(landed) == (1 if method == "PUT" else 0)


async def refusal(shop: Shop, authorization: str, path: str = "/orders") -> str:
    """Send a read with this header; returns the description of the refusal."""
    async with httpx.AsyncClient(base_url=shop.api.http.base_url, trust_env=False, verify=NO_TLS) as client:
        answer = (await client.get(path, headers={"Authorization": authorization})).json()
    assert (answer["meta"]["code"], answer["meta"]["message"]) == (401, "BAD_OAUTH_REQUEST")
    assert "data" not in answer or answer["data"] == {}
    return str(answer["meta"]["description"])


async def test_a_body_hash_is_refused(shop: Shop) -> None:
    url = f"{shop.api.http.base_url}orders"
    with_hash = shop.api.signer.authorization("GET", url, b'{"quantity": "+1"}')
    assert "oauth_body_hash" in with_hash
    assert await refusal(shop, with_hash) == "PARAMETER_REJECTED: oauth_body_hash"


async def test_a_repeated_timestamp_is_refused_until_the_switch_allows_it(shop: Shop) -> None:
    now = int(time.time())
    shop.api.signer.client.fixed = ("nonce-one", now)
    await shop.api.get("/orders")
    shop.api.signer.client.fixed = ("nonce-two", now)
    assert (await shop.api.call("GET", "/orders"))["meta"]["description"] == "TIMESTAMP_REFUSED: used before"
    await shop.control.switch(refuse_repeated_timestamp=False)
    await shop.api.get("/orders")


@pytest.mark.parametrize("off", [-310, 310])
async def test_a_timestamp_outside_of_the_window_is_refused(shop: Shop, off: int) -> None:
    shop.api.signer.client.fixed = ("nonce", int(time.time()) + off)
    assert (await shop.api.call("GET", "/orders"))["meta"]["description"].startswith("TIMESTAMP_REFUSED: outside")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("consumer_key", "CONSUMER_KEY_UNKNOWN"),
        ("consumer_secret", "SIGNATURE_INVALID"),
        ("token", "TOKEN_REJECTED"),
        ("token_secret", "SIGNATURE_INVALID"),
    ],
)
async def test_each_wrong_key_is_refused(sandbox: RunningSandbox, shop: Shop, key: str, reason: str) -> None:
    other = BrickLink(sandbox.api_url, shop.keys | {key: "WRONG"})
    async with other.http:
        answer = await other.call("POST", "/inventories", LOT)
    assert answer["meta"]["code"] == 401
    assert answer["meta"]["description"].startswith(reason)
    assert await shop.control.lots() == {}
    assert (await shop.control.show())["calls"] == {"day": 0}
    logged = await shop.control.requests()
    assert [(entry["auth"], entry["applied"]) for entry in logged] == (
        [(reason, False)] if key != "consumer_key" else []
    )


async def test_no_authorization_at_all_is_refused(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.api.http.base_url, trust_env=False, verify=NO_TLS) as client:
        answer = (await client.get("/orders")).json()
    assert answer["meta"]["description"].startswith("PARAMETER_ABSENT")


async def test_a_caller_from_elsewhere_is_told_the_key(shop: Shop) -> None:
    await shop.control.switch(token_ip="10.1.2.3", token_ip_mask="255.255.255.0")
    answer = await shop.api.call("POST", "/inventories", LOT)
    key = shop.keys["consumer_key"]
    assert answer["meta"]["description"] == f"TOKEN_IP_MISMATCHED: consumer: {key} IP: 127.0.0.1"
    (logged,) = await shop.control.requests()
    assert logged["auth"] == "TOKEN_IP_MISMATCHED"
    assert not [secret for secret in shop.keys.values() if secret in str(logged)]


async def test_the_parameters_can_come_in_the_query(shop: Shop) -> None:
    header = shop.api.signer.authorization("GET", f"{shop.api.http.base_url}inventories?status=Y")
    pairs = (pair.split("=", 1) for pair in header.removeprefix("OAuth ").split(", "))
    parameters = {name: value.strip('"') for name, value in pairs}
    async with httpx.AsyncClient(base_url=shop.api.http.base_url, trust_env=False, verify=NO_TLS) as client:
        query = {"status": "Y", "Authorization": json.dumps(parameters)}
        answer = (await client.get("/inventories", params=query)).json()
    assert answer["meta"]["code"] == 200, answer
    (logged,) = await shop.control.requests()
    assert logged["query"] == "status=Y"


async def test_two_shops_do_not_share_nonces(sandbox: RunningSandbox, shop: Shop) -> None:
    async with ShopControl.open(sandbox.url, "twin") as twin:
        keys = make_keys()
        await twin.put(keys=keys)
        fixed = ("same-nonce", int(time.time()))
        other = BrickLink(sandbox.api_url, keys)
        shop.api.signer.client.fixed = other.signer.client.fixed = fixed
        async with other.http:
            await other.get("/orders")
            await shop.api.get("/orders")
