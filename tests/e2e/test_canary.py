"""Keys go in and never come out: canaries planted as keys are nowhere, whatever goes wrong with them."""

import asyncio
import secrets
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from devstack.services import WITH_CERTIFICATE
from devstack.testing import Stack
from product.leaks import places_with
from product.seller import BRICKLINK, Seller, problem

KINDS = ("consumer_key", "consumer_secret", "token", "token_secret")


class Cage:
    """Makes keys that all hold one mark, and keeps every answer of the REST API."""

    def __init__(self) -> None:
        self.mark = f"canary{secrets.token_hex(8)}"
        self.answers: list[str] = []

    def keys(self, **changed: str) -> dict[str, str]:
        """New keys but for these, with characters that URLs and JSON texts write in ways of their own."""
        return {kind: f'{self.mark}/+="{secrets.token_hex(6)}' for kind in KINDS} | changed

    async def note(self, answer: httpx.Response) -> None:
        """Keep an answer, for httpx's hooks."""
        await answer.aread()
        self.answers.append(f"{answer.headers}\n{answer.text}")


@pytest.mark.timeout(180)
async def test_a_key_is_nowhere_to_be_seen(stack: Stack, seller: Seller) -> None:
    cage = Cage()
    seller.hear(cage.note)
    await _use_and_lose_keys(stack, seller, cage)
    await _send_keys_wrongly(seller, cage)
    assert await places_with(stack, cage.mark) == []
    assert not [answer for answer in cage.answers if cage.mark in answer]
    assert find_spec("opentelemetry.sdk") is None, "traces leave the product now, and must be searched, too"
    await _see_that_the_search_finds(stack, seller)


async def _use_and_lose_keys(stack: Stack, seller: Seller, cage: Cage) -> None:
    """The shop's own errors print keys: an unknown one, a wrong signature, a token it rejects, a wrong address."""
    right = cage.keys()
    await seller.shop.put(keys=right, seller_name=seller.shop_name, currency=seller.currency)
    lot = await seller.create()
    await seller.connect(keys=right)
    await seller.listed(lot["lot_id"])
    await seller.shop.switch(token_ip="192.0.2.1", token_ip_mask="255.255.255.255")
    await _halts(seller, "ADDRESS_NOT_ALLOWED")
    await seller.shop.switch(token_ip_mask="0.0.0.0")
    for kind in KINDS:
        await seller.connect(keys=cage.keys(**{other: right[other] for other in KINDS if other != kind}), state=None)
        await _halts(seller, "WRONG_KEY")
    await seller.shop.set_fault("drop", when="after", method="PUT")  # an unknown outcome, which is looked at
    await seller.connect(keys=right, empty=False)
    await seller.adjust(lot["lot_id"], by=-1)
    await seller.with_quantity(lot["lot_id"], 9)
    await asyncio.to_thread(stack.restart, "sync-bricklink")  # which leases anew
    await seller.adjust(lot["lot_id"], by=-1)
    await seller.with_quantity(lot["lot_id"], 8)
    await _rotate_keys(seller, cage, right)


async def _rotate_keys(seller: Seller, cage: Cage, right: dict[str, str]) -> None:
    """One value replaced by a wrong one, and by the right one again; then all that is told of the keys."""
    await seller.told("PATCH", f"{BRICKLINK}/keys", json={"keys": {"token": cage.keys()["token"]}})
    await _halts(seller, "WRONG_KEY")
    await seller.told("PATCH", f"{BRICKLINK}/keys", json={"keys": {"token": right["token"]}})
    await seller.connection("ready")
    assert (await seller.every(f"{BRICKLINK}/key-events"))[0]["kind"] == "rotate"
    assert (await seller.every(f"{BRICKLINK}/leases"))[0]["granted"]


async def _halts(seller: Seller, reason: str) -> None:
    connection = await seller.connection("halted")
    assert connection["reason"] == reason


async def _send_keys_wrongly(seller: Seller, cage: Cage) -> None:
    """Requests that are refused, with keys in them."""
    rest = {"shop_name": seller.shop_name, "currency": "EUR", "shop_is_empty": False}
    keys = cage.keys()
    bodies: list[Any] = [
        {"keys": cage.keys()},
        {"keys": cage.keys(), **rest, "currency": "Euro"},
        {"keys": {**cage.keys(), "password": cage.keys()["token"]}, **rest},
        {"keys": cage.keys(token=f"{keys['token']} with spaces"), **rest},
        {"keys": cage.keys(token=keys["token"] * 3), **rest},
        {"keys": cage.keys(token=keys["token"], token_secret=keys["token"]), **rest},
        {"keys": [*cage.keys().values()], **rest},
        {**cage.keys(), **rest},
        {"keys": cage.keys()["token"], **rest},
    ]
    for body in bodies:
        problem(await seller.ask("PUT", BRICKLINK, json=body), 400, "INVALID_FIELD")
    for change in (
        {"keys": {"token": f"{keys['token']} with spaces"}},
        {"keys": {"token": keys["token"], "token_secret": keys["token"]}},
        {"keys": {"password": keys["token"]}},
        {"keys": keys["token"]},
        {"token": keys["token"]},
    ):
        problem(await seller.ask("PATCH", f"{BRICKLINK}/keys", json=change), 400, "INVALID_FIELD")
    broken = f'{{"keys": {{"token": "{cage.keys()["token"]}", '.encode()
    problem(await seller.ask("PUT", BRICKLINK, content=broken, headers={"Content-Type": "application/json"}), 400)
    problem(await seller.ask("PUT", "/v1/connections/nowhere", json={"keys": cage.keys(), **rest}), 404)
    problem(await seller.ask("PUT", BRICKLINK, json={"keys": cage.keys(), **rest}, role="editor"), 403)
    once = {"Idempotency-Key": "e2e-canary"}
    assert (await seller.ask("PUT", BRICKLINK, json={"keys": keys, **rest}, headers=once)).is_success
    again = await seller.ask("PUT", BRICKLINK, json={"keys": cage.keys(), **rest}, headers=once)
    problem(again, 409, "REQUEST_ID_REUSED")
    await _halts(seller, "WRONG_KEY")


async def _see_that_the_search_finds(stack: Stack, seller: Seller) -> None:
    """What is no secret is found in every kind of place, so that what is not found is not there."""
    found = await places_with(stack, seller.seller_id)
    assert {
        "table credentials.credentials",
        "table sync_bricklink.connections",
        "table inventory.lots",
        "topic brickops.connections.v1",
        "topic brickops.lots.bricklink.v1",
        "file logs/credentials.log",
    } <= set(found)
    assert "process sync-bricklink" in await places_with(stack, stack.address("credentials"))
    assert [service for service in WITH_CERTIFICATE if '"level": "debug"' not in stack.log(service)] == []
