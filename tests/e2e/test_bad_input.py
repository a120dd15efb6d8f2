"""What breaks a rule gets an answer that names the field, and changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from devstack.testing import Stack
from product.lots import Json, a_part, a_set, eur
from product.seller import Seller, problem

LONG = "x" * 256


@dataclass(frozen=True)
class Bad:
    """A request that must be refused, and the field that the refusal names; empty where it is no field's fault."""

    names: str
    body: Any = None
    status: int = 400
    headers: Mapping[str, str] | None = None
    content: bytes | None = None
    """Sent as it is, in place of a body."""


def _tiers(*tiers: tuple[int, str]) -> list[Json]:
    return [{"quantity": quantity, "unit_price": eur(price)} for quantity, price in tiers]


NEW_LOTS = {
    "negative quantity": Bad("quantity", a_part(quantity=-1)),
    "huge quantity": Bad("quantity", a_part(quantity=10_000_000)),
    "quantity beyond 64 bits": Bad("quantity", a_part(quantity=10**30)),
    "half a piece": Bad("quantity", a_part(quantity=1.5)),
    "quantity in quotes": Bad("quantity", a_part(quantity="5")),
    "no quantity": Bad("quantity", {name: value for name, value in a_part().items() if name != "quantity"}),
    "negative reserved": Bad("reserved", a_part(reserved=-1)),
    "unknown colour": Bad("color_id", a_part(color_id=9999)),
    "negative colour": Bad("color_id", a_part(color_id=-1)),
    "colour of a set": Bad("color_id", a_set(color_id=5)),
    "empty item number": Bad("item_no", a_part(item_no="")),
    "blank item number": Bad("item_no", a_part(item_no="   ")),
    "long item number": Bad("item_no", a_part(item_no="3" * 51)),
    "markup as item number": Bad("item_no", a_part(item_no="<b>3001</b>")),
    "set without variant": Bad("item_no", a_set("6080")),
    "unknown item type": Bad("item_type", a_part(item_type="WAGON")),
    "no item type": Bad("item_type", a_part(item_type=None)),
    "unknown condition": Bad("condition", a_part(condition="MINT")),
    "set without completeness": Bad("completeness", a_set() | {"completeness": None}),
    "part with completeness": Bad("completeness", a_part(completeness="SEALED")),
    "grade of a new part": Bad("used_grade", a_part(used_grade="GOOD")),
    "five decimals": Bad("unit_price", a_part(unit_price=eur("0.12345"))),
    "price as a JSON number": Bad("unit_price.amount", a_part(unit_price={"amount": 0.12, "currency": "EUR"})),
    "price without its currency": Bad("unit_price.currency", a_part(unit_price={"amount": "0.12"})),
    "price in another currency": Bad("unit_price", a_part(unit_price={"amount": "0.12", "currency": "USD"})),
    "price zero": Bad("unit_price", a_part(unit_price=eur("0"))),
    "price too low": Bad("unit_price", a_part(unit_price=eur("0.0009"))),
    "price too high": Bad("unit_price", a_part(unit_price=eur("99999.01"))),
    "negative price": Bad("unit_price.amount", a_part(unit_price=eur("-1"))),
    "price in words": Bad("unit_price.amount", a_part(unit_price=eur("1e3"))),
    "sale of 96 per cent": Bad("sale_percent", a_part(sale_percent=96)),
    "negative sale": Bad("sale_percent", a_part(sale_percent=-1)),
    "six tiers": Bad("tiers", a_part(tiers=_tiers(*((10 * n, f"0.0{9 - n}") for n in range(1, 7))))),
    "tiers that rise in price": Bad("tiers[1].unit_price", a_part(tiers=_tiers((10, "0.08"), (20, "0.09")))),
    "tiers that fall in quantity": Bad("tiers[1].quantity", a_part(tiers=_tiers((20, "0.09"), (10, "0.08")))),
    "tier above the price": Bad("tiers[0].unit_price", a_part(tiers=_tiers((10, "0.13")))),
    "bulk zero": Bad("bulk", a_part(bulk=0)),
    "negative cost": Bad("cost.amount", a_part(cost=eur("-0.01"))),
    "cost with five decimals": Bad("cost", a_part(cost=eur("0.00001"))),
    "long description": Bad("description", a_part(description=LONG)),
    "markup in the description": Bad("description", a_part(description="<b>new</b>")),
    "markup in the remarks": Bad("remarks", a_part(remarks="see <a href='x'>here</a>")),
    "long remarks": Bad("remarks", a_part(remarks=LONG)),
    "half a character": Bad("description", content=b'{"description": "\\ud800"}'),
    "unknown stockroom": Bad("stockroom", a_part(stockroom="D")),
    "retain in words": Bad("retain", a_part(retain="yes")),
    "weight zero": Bad("weight_grams", a_part(weight_grams="0")),
    "long location": Bad("location", a_part(location="x" * 101)),
    "21 tags": Bad("tags", a_part(tags=[f"t{n}" for n in range(21)])),
    "unknown field": Bad("colour", a_part(colour="red")),
    "field that is given": Bad("revision", a_part(revision=7)),
    "field twice": Bad("quantity", content=b'{"quantity": 1, "quantity": 2}'),
    "no JSON": Bad("body", content=b'{"item_type": "PART"'),
    "no object": Bad("body", content=b"[]"),
    "NaN": Bad("body", content=b'{"quantity": NaN}'),
    "nested without end": Bad("body", content=b"[" * 100_000),
    "bytes that are no text": Bad("body", content=b'{"remarks": "\xff"}'),
    "key with spaces": Bad("Idempotency-Key", a_part(), headers={"Idempotency-Key": "a b"}),
}

PATCHES = {
    "stale revision": Bad("", {"remarks": "x"}, 412, {"If-Match": '"99"'}),
    "revision that is none": Bad("If-Match", {"remarks": "x"}, 400, {"If-Match": '"abc"'}),
    "quantity without revision": Bad("quantity", {"quantity": 3}, 428),
    "negative quantity": Bad("quantity", {"quantity": -3}, 400, {"If-Match": '"1"'}),
    "huge quantity": Bad("quantity", {"quantity": 10_000_000}, 400, {"If-Match": '"1"'}),
    "item": Bad("item_no", {"item_no": "30 02"}),
    "colour": Bad("color_id", {"color_id": 4711}),
    "archived": Bad("archived", {"archived": True}),
    "no price": Bad("unit_price", {"unit_price": None}),
    "five decimals": Bad("unit_price", {"unit_price": eur("0.12345")}),
    "price below its tiers": Bad("tiers[0].unit_price", {"unit_price": eur("0.05")}),
    "other currency": Bad("unit_price", {"unit_price": {"amount": "1", "currency": "USD"}}),
    "markup": Bad("remarks", {"remarks": "<script>"}),
    "one good, one bad": Bad("bulk", {"remarks": "good", "bulk": -2}),
    "nothing": Bad("body", {}),
    "unknown field": Bad("colour", {"colour": 5}),
}

ADJUSTMENTS = {
    "below zero": Bad("", {"by": -11}, 409),
    "reserved below zero": Bad("", {"reserved_by": -1}, 409),
    "above the limit": Bad("by", {"by": 9_999_990}),
    "beyond 64 bits": Bad("by", {"by": 2**63}),
    "by nothing": Bad("by", {"by": 0}),
    "half a piece": Bad("by", {"by": 0.5}),
    "stale revision": Bad("", {"by": 1}, 412, {"If-Match": '"2"'}),
    "unknown field": Bad("quantity", {"quantity": 5}),
}

CONNECTIONS = {
    "no keys": Bad("keys", {"shop_name": "s", "currency": "EUR"}),
    "a key missing": Bad("keys.token", {"keys": {"consumer_key": "x"}, "shop_name": "s", "currency": "EUR"}),
    "no shop name": Bad("shop_name", {"keys": {}, "currency": "EUR"}),
    "currency in words": Bad("currency", {"keys": {}, "shop_name": "s", "currency": "Euro"}),
}


@dataclass(frozen=True)
class Shelf:
    """A seller with one lot, of whom no test in this file may change anything."""

    seller: Seller
    lot: Json
    everything: Json
    """All that the seller has, as it must stay."""


@pytest.fixture(scope="module")
async def shelf(stack: Stack) -> AsyncIterator[Shelf]:
    async with Seller.opened(stack) as seller:
        lot = await seller.create(a_part(tiers=_tiers((10, "0.1"), (20, "0.09"))))
        yield Shelf(seller, lot, await _everything(seller))


async def _everything(seller: Seller) -> Json:
    return await asyncio.gather(
        seller.changes(),
        seller.lots(),
        seller.every("/v1/imports"),
        seller.told("GET", "/v1/connections"),
    )


async def _refused(shelf: Shelf, method: str, path: str, bad: Bad) -> None:
    seller = shelf.seller
    sent: dict[str, Any] = {"json": bad.body} if bad.content is None else {"content": bad.content}
    answer = await seller.ask(method, path, headers={"Content-Type": "application/json", **(bad.headers or {})}, **sent)
    told = problem(answer, bad.status)
    named = [error["field"] for error in told["errors"]]
    if bad.names:
        assert bad.names in named, told
        assert all(error["detail"] for error in told["errors"])
    else:
        assert named == []
    assert told["detail"]
    assert await _everything(seller) == shelf.everything


@pytest.mark.parametrize("what", NEW_LOTS)
async def test_a_bad_lot_is_not_made(shelf: Shelf, what: str) -> None:
    await _refused(shelf, "POST", "/v1/lots", NEW_LOTS[what])


@pytest.mark.parametrize("what", PATCHES)
async def test_a_bad_patch_changes_nothing(shelf: Shelf, what: str) -> None:
    await _refused(shelf, "PATCH", f"/v1/lots/{shelf.lot['lot_id']}", PATCHES[what])


@pytest.mark.parametrize("what", ADJUSTMENTS)
async def test_a_bad_adjustment_changes_nothing(shelf: Shelf, what: str) -> None:
    await _refused(shelf, "POST", f"/v1/lots/{shelf.lot['lot_id']}/adjust", ADJUSTMENTS[what])


@pytest.mark.parametrize("what", CONNECTIONS)
async def test_a_bad_connection_is_not_made(shelf: Shelf, what: str) -> None:
    await _refused(shelf, "PUT", "/v1/connections/bricklink", CONNECTIONS[what])


@pytest.mark.parametrize("lot_id", ["019a5a5e-7d5c-7c3e-8f6b-0d9a7a6c1b2f", "nothing", "%00", "x" * 3000])
async def test_a_lot_that_is_not_there_cannot_be_changed(shelf: Shelf, lot_id: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/sync", None),
        ("PATCH", "", {"remarks": "x"}),
        ("POST", "/adjust", {"by": 1}),
        ("POST", "/archive", None),
        ("POST", "/restore", None),
    ):
        await _refused(shelf, method, f"/v1/lots/{lot_id}{path}", Bad("", body, 404))


async def test_a_request_id_is_not_used_for_two_requests(seller: Seller) -> None:
    """A repeat gets the first answer and does nothing; another body under the same id is refused."""
    lot = await seller.create()
    key = {"Idempotency-Key": "e2e-once"}
    first = await seller.ask("POST", f"/v1/lots/{lot['lot_id']}/adjust", json={"by": 1}, headers=key)
    before = await _everything(seller)
    again = await seller.ask("POST", f"/v1/lots/{lot['lot_id']}/adjust", json={"by": 1}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    other = await seller.ask("POST", f"/v1/lots/{lot['lot_id']}/adjust", json={"by": 2}, headers=key)
    problem(other, 409, "REQUEST_ID_REUSED")
    elsewhere = await seller.ask("POST", "/v1/lots", json=a_part(), headers=key)
    problem(elsewhere, 409, "REQUEST_ID_REUSED")
    assert await _everything(seller) == before
