"""The API over real HTTP, as `marketplaces/brickowl.md` describes it: forms, keys, errors, batches, limits."""

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from sandbox.testing import NO_TLS, OwlShopControl, RunningSandbox

from .conftest import LOT, BrickOwl, Shop, make_key


async def test_a_lot_from_create_to_delete(shop: Shop) -> None:
    created = await shop.api.post("/inventory/create", **LOT, external_id="ü & + %")
    lot_id = created["lot_id"]
    assert created == {"status": "success", "lot_id": lot_id}
    (lot,) = await shop.api.get("/inventory/list", external_id_1="ü & + %")
    assert (lot["lot_id"], lot["qty"], lot["external_lot_ids"]) == (lot_id, "40", {"other": "ü & + %"})
    note = "it's (ok)\nsecond line 🧱"
    changed = await shop.api.post("/inventory/update", lot_id=lot_id, relative_quantity="-4", public_note=note)
    assert changed == {"status": "success"}
    (lot,) = (await shop.control.lots()).values()
    assert (lot["qty"], lot["public_note"], lot["base_price"]) == (36, note, "0.800")
    assert await shop.api.post("/inventory/update", lot_id=lot_id, absolute_quantity="0") == {"status": "success"}
    assert await shop.api.get("/inventory/list") == []
    assert [lot["qty"] for lot in await shop.api.get("/inventory/list", active_only="0")] == ["0"]
    assert await shop.api.post("/inventory/delete", lot_id=lot_id) == {"status": "success"}
    assert (await shop.api.send("/inventory/delete", lot_id=lot_id)).status_code == 400


async def test_answers_are_json_as_php_writes_it(shop: Shop) -> None:
    await shop.control.add_lot(**LOT, public_note="ü/x")
    response = await shop.api.http.get("/inventory/list", params={"key": shop.api.key})
    assert response.headers["Content-Type"] == "application/json"
    assert "\\u00fc\\/x" in response.text
    assert response.json()[0]["public_note"] == "ü/x"


@pytest.mark.parametrize(
    ("path", "params", "code", "text"),
    [
        ("/inventory/create", {"quantity": "1"}, 400, "Missing parameter boid"),
        ("/inventory/create", LOT | {"boid": "1"}, 404, "Invalid BOID"),
        ("/inventory/update", {"lot_id": "1", "price": "1"}, 400, "Lot not found"),
        ("/nowhere", {}, 404, "Endpoint not found"),
        ("/bulk/batch", {"requests": "[]"}, 400, "Invalid requests: an object with a list of requests"),
        ("/order/notify", {"ip": "somewhere"}, 400, "Invalid ip"),
    ],
)
@pytest.mark.parametrize(
    ("switches", "as_200", "as_text"),
    [({}, False, False), ({"errors_as_http_200": True}, True, False), ({"error_form": "text"}, False, True)],
)
async def test_an_error_says_why(
    shop: Shop,
    switches: dict[str, Any],
    as_200: bool,
    as_text: bool,
    path: str,
    params: dict[str, str],
    code: int,
    text: str,
) -> None:
    await shop.control.switch(**switches)
    response = await shop.api.send(path, **params)
    assert response.status_code == (200 if as_200 else code)
    assert response.json() == {"error": text if as_text else {"status": text}}
    (logged,) = await shop.control.requests()
    assert (logged["code"], logged["description"], logged["applied"]) == (code, text, False)


async def test_only_the_key_in_its_place_opens_the_shop(shop: Shop) -> None:
    refusals = [
        await shop.api.http.get("/order/list"),
        await shop.api.http.get("/order/list", params={"key": "WRONG"}),
        await shop.api.http.post("/inventory/create", params={"key": shop.api.key}, data=LOT),
        await shop.api.http.post("/inventory/create", json={"key": shop.api.key, **LOT}),
    ]
    assert [(refused.status_code, refused.json()) for refused in refusals] == [
        (403, {"error": {"status": "Invalid key"}})
    ] * 4
    assert await shop.control.requests() == []


async def test_a_key_without_a_right(shop: Shop) -> None:
    await shop.control.switch(missing_rights=["order"])
    response = await shop.api.http.get("/order/list", params={"key": shop.api.key})
    assert (response.status_code, (await shop.api.post("/order/notify", ip=""))["error"]["status"]) == (
        403,
        "Your key has no permission for order",
    )
    assert await shop.api.get("/inventory/list") == []


async def test_keys_choose_the_shop_and_can_be_replaced(brickowl_sandbox: RunningSandbox, shop: Shop) -> None:
    await shop.control.add_lot(**LOT)
    store_id = (await shop.api.get("/token/details"))["store_details"]["store_id"]
    new = make_key()
    await shop.control.put(keys={"key": new}, seller_name="renamed", currency="USD")
    assert "error" in await shop.api.get("/inventory/list")
    renewed = BrickOwl(brickowl_sandbox.api_url, new)
    async with renewed.http:
        details = await renewed.get("/token/details")
        assert len(await renewed.get("/inventory/list")) == 1
    assert (details["username"], details["store_details"]["base_currency"]) == ("renamed", "USD")
    assert details["store_details"]["store_id"] == store_id
    async with OwlShopControl.open(brickowl_sandbox.url, "thief") as thief:
        with pytest.raises(httpx.HTTPStatusError, match="409"):
            await thief.put(keys={"key": new})


async def test_a_batch(shop: Shop, lot_id: int) -> None:
    answers = await shop.api.batch(
        ("inventory/update", {"lot_id": lot_id, "absolute_quantity": 2}),
        ("inventory/update", {"lot_id": 1, "absolute_quantity": 2}),
        ("inventory/create", LOT),
    )
    assert [(answer["req_num"], answer["code"]) for answer in answers] == [(1, 200), (2, 400), (3, 200)]
    assert await shop.quantities() == [2, 40]
    (logged,) = await shop.control.requests()
    assert (logged["path"], logged["applied"], len(logged["body"])) == ("/bulk/batch", True, 3)
    assert logged["body"][0]["params"] == [{"lot_id": lot_id, "absolute_quantity": 2}]
    created = int(answers[2]["body"]["lot_id"])
    assert logged["lots"] == [
        {"lot_id": lot_id, "quantity_before": 40, "quantity_after": 2},
        {"lot_id": created, "quantity_before": None, "quantity_after": 40},
    ]


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize("told", [True, False])
async def test_one_call_too_many_in_a_minute(shop: Shop, window: str, told: bool) -> None:
    await shop.control.switch(calls_per_minute=10, quota_window=window, send_retry_after=told)
    await shop.control.charge_calls(10)
    refused = await shop.api.send("/inventory/create", **LOT)
    assert (refused.status_code, refused.json()) == (429, {"error": {"status": "Too many requests"}})
    if told:
        assert 0 < int(refused.headers["Retry-After"]) <= 60
    else:
        assert "Retry-After" not in refused.headers
    assert await shop.quantities() == []
    await shop.control.switch(clock_offset_seconds=61)
    assert "lot_id" in await shop.api.post("/inventory/create", **LOT)


@pytest.mark.parametrize(("counts", "calls"), [("once", 1), ("each", 3)])
async def test_batches_have_a_limit_of_their_own(shop: Shop, lot_id: int, counts: str, calls: int) -> None:
    entry = ("inventory/update", {"lot_id": lot_id, "relative_quantity": -1})
    await shop.control.switch(batches_per_minute=1, batch_counts=counts)
    assert len(await shop.api.batch(entry, entry, entry)) == 3
    assert (await shop.control.show())["calls"] == {"minute": calls, "batches": 1}
    assert (await shop.api.batch(entry))["error"]["status"] == "Too many requests"
    assert await shop.api.post("/inventory/update", lot_id=str(lot_id), relative_quantity="-1") == {"status": "success"}
    assert await shop.quantities() == [36]


async def test_an_order_as_the_seller_sees_it(shop: Shop, lot_id: int) -> None:
    first = (await shop.control.order({lot_id: 10}, buyer_name="somebody"))["order_id"]
    second = (await shop.control.order({lot_id: 2}, status="Payment Received"))["order_id"]
    listed = await shop.api.get("/order/list", list_type="store")
    assert [(order["order_id"], order["status_id"]) for order in listed] == [(str(second), "2"), (str(first), "1")]
    await shop.control.merge_orders(second, first)
    await shop.control.refund(first, lot_id, 4, restock=True)
    items = await shop.api.get("/order/items", order_id=str(first))
    assert [(item["ordered_quantity"], item["refunded_quantity"]) for item in items] == [("10", "4"), ("2", "0")]
    assert {item["remaining_quantity"] for item in items} == {"32"}
    assert (await shop.api.get("/order/view", order_id=str(second)))["combine_with"] == str(first)
    assert await shop.api.get("/order/items", order_id=str(second)) == []
    assert await shop.api.post("/order/set_status", order_id=str(first), status_id="5") == {"status": "success"}
    assert "error" in await shop.api.post("/order/set_status", order_id=str(first), status_id="3")
    await shop.control.cancel_order(first, restock=True)
    assert await shop.quantities() == [40]
    assert {order["status"] for order in (await shop.control.orders()).values()} == {"Cancelled", "Payment Received"}


async def test_dates_follow_the_shops_clock(shop: Shop) -> None:
    await shop.control.switch(clock_offset_seconds=100)
    clock = (await shop.control.show())["now"]
    response = await shop.api.http.get("/order/list", params={"key": shop.api.key})
    await shop.control.switch(clock_offset_seconds=0)
    machine = (await shop.control.show())["now"]
    assert clock > machine
    assert parsedate_to_datetime(response.headers["Date"]).isoformat() > machine[:19]


async def test_the_key_shows_itself_nowhere(brickowl_sandbox: RunningSandbox, shop: Shop) -> None:
    await shop.api.get("/order/list", list_type="store")
    await shop.api.post("/inventory/create", **LOT)
    logged = await shop.control.requests()
    assert [(entry["query"], entry["body"]) for entry in logged] == [("list_type=store", None), ("", LOT)]
    async with httpx.AsyncClient(base_url=brickowl_sandbox.url, trust_env=False, verify=NO_TLS) as client:
        for path in ("", f"/{shop.name}", f"/{shop.name}/requests", f"/{shop.name}/lots"):
            assert shop.api.key not in (await client.get(f"/sandbox/shops{path}")).text
        bad = {"key": shop.api.key, "currency": "euro"}
        assert shop.api.key not in (await client.put("/sandbox/shops/bad", json=bad)).text
    assert shop.api.key not in json.dumps(logged)


async def test_too_many_calls_at_once_meet_the_gateway(shop: Shop) -> None:
    await shop.control.switch(parallel_limit=1)
    fault = await shop.control.set_fault("withhold", path="/order/list")
    held = asyncio.create_task(shop.api.get("/order/list"))
    await shop.control.wait_for_fault(fault)
    refused = await shop.api.send("/inventory/create", **LOT)
    await shop.control.release(fault)
    assert await held == []
    assert (refused.status_code, await shop.quantities()) == (503, [])
