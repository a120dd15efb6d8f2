"""The Store API over real HTTP: envelopes, codes, lots, orders, as `marketplaces/bricklink.md` describes them."""

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from sandbox.testing import NO_TLS, RunningSandbox, ShopControl

from .conftest import LOT, BrickLink, Shop, make_keys


async def test_a_lot_from_create_to_delete(shop: Shop) -> None:
    created = await shop.api.call("POST", "/inventories", LOT)
    assert created["meta"] == {"code": 201, "message": "OK_CREATED", "description": "OK_CREATED"}
    lot_id = created["data"]["inventory_id"]
    assert await shop.api.get(f"/inventories/{lot_id}") == created["data"]
    assert await shop.api.get("/inventories") == [created["data"]]

    changed = await shop.api.call("PUT", f"/inventories/{lot_id}", {"quantity": "-4", "description": "it's (ok)"})
    assert changed["meta"]["code"] == 200
    assert (changed["data"]["quantity"], changed["data"]["description"]) == (36, "it&#39;s &#40;ok&#41;")
    assert (await shop.control.lots())[lot_id]["description"] == "it's (ok)"

    deleted = await shop.api.http.delete(f"/inventories/{lot_id}")
    assert deleted.status_code == 200
    assert deleted.json() == {
        "meta": {"code": 204, "message": "OK_NO_CONTENT", "description": "OK_NO_CONTENT"},
        "data": {},
    }
    assert (await shop.api.call("DELETE", f"/inventories/{lot_id}"))["meta"]["code"] == 404


async def test_the_trailing_slash_of_the_manual_works(shop: Shop) -> None:
    assert (await shop.api.call("POST", "/inventories/", LOT))["meta"]["code"] == 201
    assert len(await shop.api.get("/inventories/")) == 1


async def test_an_array_creates_all_and_answers_no_ids(shop: Shop) -> None:
    bodies = [LOT | {"remarks": f"A1-{place}"} for place in range(3)]
    assert (await shop.api.call("POST", "/inventories", bodies)) == {
        "meta": {"code": 201, "message": "OK_CREATED", "description": "OK_CREATED"},
        "data": {},
    }
    assert [lot["remarks"] for lot in await shop.api.get("/inventories")] == ["A1-0", "A1-1", "A1-2"]
    assert (await shop.api.call("POST", "/inventories", [LOT, LOT | {"color_id": 9999}]))["meta"]["code"] == 400
    assert len(await shop.api.get("/inventories")) == 3


@pytest.mark.parametrize(
    ("switches", "data"),
    [
        ({}, {}),
        ({"empty_data": "missing"}, "missing"),
        ({"empty_data": "null"}, None),
        ({"one_element_array": "lot"}, 40),
    ],
)
async def test_what_an_array_of_one_answers(shop: Shop, switches: dict[str, Any], data: object) -> None:
    await shop.control.switch(**switches)
    answered = (await shop.api.call("POST", "/inventories", [LOT])).get("data", "missing")
    assert (answered["quantity"] if data == 40 else answered) == data


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"),
    [
        ("GET", "/inventories/1", None, 404, "RESOURCE_NOT_FOUND"),
        ("PUT", "/inventories/1", {"description": ""}, 404, "RESOURCE_NOT_FOUND"),
        ("GET", "/inventories/one", None, 400, "INVALID_URI"),
        ("GET", "/inventories/1/2", None, 404, "RESOURCE_NOT_FOUND"),
        ("GET", "/nowhere", None, 404, "RESOURCE_NOT_FOUND"),
        ("PATCH", "/inventories", {}, 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/orders/1", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/inventories", {"quantity": 1}, 400, "PARAMETER_MISSING_OR_INVALID"),
        ("POST", "/inventories", "text", 400, "PARAMETER_MISSING_OR_INVALID"),
        ("GET", "/inventories?status=X", None, 400, "PARAMETER_MISSING_OR_INVALID"),
        ("GET", "/orders/1", None, 404, "RESOURCE_NOT_FOUND"),
        ("GET", "/orders/1/items", None, 404, "RESOURCE_NOT_FOUND"),
        ("PUT", "/orders/1/status", {"field": "status", "value": "PAID"}, 404, "RESOURCE_NOT_FOUND"),
    ],
)
@pytest.mark.parametrize("as_200", [True, False])
async def test_an_error_is_an_envelope(
    shop: Shop, as_200: bool, method: str, path: str, body: object, code: int, message: str
) -> None:
    await shop.control.switch(errors_as_http_200=as_200)
    response = await shop.api.http.request(method, path, json=body)
    assert response.status_code == (200 if as_200 else code)
    assert (response.json()["meta"]["code"], response.json()["meta"]["message"]) == (code, message)


@pytest.mark.parametrize(
    ("content_type", "lenient", "code"),
    [
        ("application/json", False, 201),
        (None, False, 415),
        ("text/plain", False, 415),
        ("application/json; charset=utf-8", False, 415),
        ("application/json; charset=utf-8", True, 201),
        ("text/plain; charset=utf-8", True, 415),
    ],
)
async def test_the_media_type_must_be_json(shop: Shop, content_type: str | None, lenient: bool, code: int) -> None:
    await shop.control.switch(refuse_content_type_parameters=not lenient)
    sent = httpx.Request("POST", "/", json=LOT).content
    headers = {"Content-Type": content_type} if content_type is not None else {}
    response = await shop.api.http.post("/inventories", content=sent, headers=headers)
    assert response.json()["meta"]["code"] == code


async def test_a_body_that_is_no_json_is_refused(shop: Shop) -> None:
    headers = {"Content-Type": "application/json"}
    response = await shop.api.http.post("/inventories", content=b"{", headers=headers)
    assert response.json()["meta"]["message"] == "INVALID_REQUEST_BODY"


async def test_a_delete_can_answer_without_a_body(shop: Shop) -> None:
    await shop.control.switch(delete_answer="no_content")
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    response = await shop.api.http.delete(f"/inventories/{lot_id}")
    assert (response.status_code, response.content) == (204, b"")


async def test_filters_arrive_percent_encoded(shop: Shop) -> None:
    await shop.control.add_lot(**LOT)
    await shop.control.add_lot(**LOT | {"is_stock_room": True, "color_id": 11})
    assert len(await shop.api.get("/inventories?status=Y%2CS")) == 2
    assert len(await shop.api.get("/inventories?status=-S&color_id=5")) == 1


@pytest.mark.parametrize("foreign_lot", [403, 404])
async def test_another_shops_lot(sandbox: RunningSandbox, shop: Shop, foreign_lot: int) -> None:
    async with ShopControl.open(sandbox.url, "neighbour") as neighbour:
        await neighbour.put(keys=make_keys())
        lot_id = (await neighbour.add_lot(**LOT))["inventory_id"]
        await shop.control.switch(foreign_lot=foreign_lot)
        for method, body in (("GET", None), ("PUT", {"quantity": "-1", "description": ""}), ("DELETE", None)):
            answer = await shop.api.call(method, f"/inventories/{lot_id}", body)
            assert answer["meta"]["code"] == foreign_lot
        assert (await neighbour.lots())[lot_id]["quantity"] == 40
        assert lot_id not in {lot["inventory_id"] for lot in await shop.api.get("/inventories")}


async def test_an_order_as_the_seller_sees_it(shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    order_id = (await shop.control.order({lot_id: 10}, buyer_name="somebody"))["order_id"]
    await shop.control.add_batch(order_id, {lot_id: 2})
    (summary,) = await shop.api.get("/orders")
    assert (summary["order_id"], summary["status"], summary["total_count"]) == (order_id, "UPDATED", 12)
    assert (await shop.api.get(f"/orders/{order_id}"))["buyer_name"] == "somebody"
    batches = await shop.api.get(f"/orders/{order_id}/items")
    assert [[line["quantity"] for line in batch] for batch in batches] == [[10], [2]]
    assert (await shop.api.get(f"/inventories/{lot_id}"))["quantity"] == 28

    packed = await shop.api.call("PUT", f"/orders/{order_id}/status", {"field": "status", "value": "PACKED"})
    assert packed["meta"]["code"] == 204
    filed = await shop.api.call("PUT", f"/orders/{order_id}", {"is_filed": True, "remarks": "done"})
    assert (filed["data"]["status"], filed["data"]["is_filed"], filed["data"]["remarks"]) == ("PACKED", True, "done")
    assert await shop.api.get("/orders") == []
    assert len(await shop.api.get("/orders?direction=in&filed=true")) == 1

    await shop.control.cancel_order(order_id)
    refused = await shop.api.call("PUT", f"/orders/{order_id}/status", {"field": "status", "value": "PAID"})
    assert refused["meta"] == {
        "code": 422,
        "message": "RESOURCE_UPDATE_NOT_ALLOWED",
        "description": "NOT_IN_UPDATABLE_STATUS",
    }
    assert (await shop.api.get(f"/inventories/{lot_id}"))["quantity"] == 28


async def test_notifications_are_listed_once(shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    order_id = (await shop.control.order({lot_id: 1}))["order_id"]
    (notification,) = await shop.api.get("/notifications")
    assert (notification["event_type"], notification["resource_id"]) == ("Order", order_id)
    assert await shop.api.get("/notifications") == []


async def test_dates_follow_the_shops_clock(shop: Shop) -> None:
    await shop.control.switch(clock_offset_seconds=100)
    clock = (await shop.control.show())["now"]
    response = await shop.api.http.get("/orders")
    await shop.control.switch(clock_offset_seconds=0)
    machine = (await shop.control.show())["now"]
    assert clock > machine
    assert parsedate_to_datetime(response.headers["Date"]).isoformat() > machine[:19]


@pytest.mark.parametrize(
    ("form", "status", "code", "retry_after"),
    [
        ("envelope_429", 200, 429, None),
        ("envelope_403", 200, 403, None),
        ("http_429", 429, None, None),
        ("http_429_retry_after", 429, None, "3600"),
    ],
)
async def test_the_call_over_the_limit_is_refused(
    shop: Shop, form: str, status: int, code: int | None, retry_after: str | None
) -> None:
    await shop.control.switch(daily_limit=10, quota_refusal=form)
    await shop.control.charge_calls(8)
    for _ in range(2):
        await shop.api.get("/orders")
    refused = await shop.api.http.post("/inventories", json=LOT)
    assert refused.status_code == status
    assert refused.headers.get("Retry-After") == retry_after
    assert (refused.json()["meta"]["code"] if code is not None else None) == code
    assert await shop.control.lots() == {}
    assert (await shop.control.show())["calls"] == {"day": 11}


async def test_too_many_calls_at_once_meet_the_gateway(shop: Shop) -> None:
    await shop.control.switch(parallel_limit=1)
    fault = await shop.control.set_fault("withhold", path="/orders")
    async with httpx.AsyncClient(
        base_url=shop.api.http.base_url, auth=shop.api.signer, trust_env=False, verify=NO_TLS
    ) as second:
        held = asyncio.create_task(second.get("/orders"))
        await shop.control.wait_for_fault(fault)
        refused = await shop.api.http.get("/inventories")
        await shop.control.release(fault)
        assert (await held).status_code == 200
    assert refused.status_code == 503
    assert "503 Service Temporarily Unavailable" in refused.text


async def test_keys_choose_the_shop_and_can_be_replaced(sandbox: RunningSandbox, shop: Shop) -> None:
    await shop.control.add_lot(**LOT)
    new = make_keys()
    await shop.control.put(keys=new, seller_name="renamed", currency="USD")
    assert (await shop.api.call("GET", "/orders"))["meta"]["description"].startswith("CONSUMER_KEY_UNKNOWN")
    renewed = BrickLink(sandbox.api_url, new)
    async with renewed.http:
        assert len(await renewed.get("/inventories")) == 1
    shown = await shop.control.show()
    assert (shown["seller_name"], shown["currency"]) == ("renamed", "USD")
