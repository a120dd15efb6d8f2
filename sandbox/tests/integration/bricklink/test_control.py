"""The control API: shops, lots and orders as people make them, and what the log tells."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from sandbox.testing import NO_TLS, RunningSandbox, ShopControl

from .conftest import LOT, BrickLink, Shop, make_keys


async def refused(response: Any, status: int) -> str:
    """Await a control call that must be refused; returns the detail."""
    with pytest.raises(httpx.HTTPStatusError) as error:
        await response
    assert error.value.response.status_code == status
    return str(error.value.response.json()["detail"])


async def test_no_answer_holds_a_key(sandbox: RunningSandbox, shop: Shop) -> None:
    await shop.api.get("/orders")
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS) as client:
        for path in ("", f"/{shop.name}", f"/{shop.name}/requests", f"/{shop.name}/lots", f"/{shop.name}/orders"):
            text = (await client.get(f"/sandbox/shops{path}")).text
            assert not [secret for secret in shop.keys.values() if secret in text]
        bad = shop.keys | {"currency": "euro"}
        assert shop.keys["token_secret"] not in (await client.put("/sandbox/shops/bad", json=bad)).text


async def test_a_consumer_key_opens_one_shop(sandbox: RunningSandbox, shop: Shop) -> None:
    async with ShopControl.open(sandbox.url, "thief") as thief:
        assert shop.name in await refused(thief.put(keys=shop.keys), 409)
        await refused(thief.show(), 404)


async def test_a_shop_can_be_closed_for_good(sandbox: RunningSandbox) -> None:
    keys = make_keys()
    async with ShopControl.open(sandbox.url, "gone") as control:
        await control.put(keys=keys)
        await control.add_lot(**LOT)
        fault = await control.set_fault("withhold")
        api = BrickLink(sandbox.api_url, keys)
        async with api.http:
            held = asyncio.create_task(api.call("GET", "/orders"))
            await control.wait_for_fault(fault)
            await control._call("DELETE", "")
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await held
            assert (await api.call("GET", "/orders"))["meta"]["code"] == 401
        await control.put(keys=keys)
        assert await control.lots() == {}


@pytest.mark.parametrize(
    ("switches", "named"),
    [({"below_zero": "explode"}, "below_zero"), ({"no_such_switch": 1}, "no_such_switch")],
)
async def test_a_switch_that_is_not_there_is_refused(shop: Shop, switches: dict[str, Any], named: str) -> None:
    before = (await shop.control.show())["switches"]
    assert named in await refused(shop.control.switch(**switches), 422)
    assert (await shop.control.show())["switches"] == before


async def test_switches_that_are_not_named_keep_their_value(shop: Shop) -> None:
    await shop.control.switch(below_zero="clamp")
    await shop.control.put(keys=shop.keys, switches={"store_closed": True})
    switches = (await shop.control.show())["switches"]
    assert (switches["below_zero"], switches["store_closed"], switches["reaching_zero"]) == ("clamp", True, "as_sale")


async def test_the_seller_on_the_website(shop: Shop) -> None:
    lot = await shop.control.add_lot(
        item={"no": "3001", "type": "PART"}, color_id=5, quantity=4, unit_price=0.12, new_or_used="N"
    )
    lot_id = lot["inventory_id"]
    edited = await shop.control.edit_lot(lot_id, quantity=9, new_or_used="U", remarks="(B)", reserved_for="someone")
    assert (edited["quantity"], edited["new_or_used"], edited["remarks"]) == (9, "U", "(B)")
    assert (edited["status"], edited["reserved_for"]) == ("R", "someone")
    assert "quantity" in await refused(shop.control.edit_lot(lot_id, quantity=-1), 400)
    await shop.control.delete_lot(lot_id)
    await refused(shop.control.delete_lot(lot_id), 404)


async def test_orders_of_every_kind(shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    order_id = (await shop.control.order({lot_id: 10}))["order_id"]
    assert "quantity" in await refused(shop.control.order({lot_id: 31}), 400)
    assert (await shop.control.reduce_line(order_id, lot_id, 4, restock=True))["total_count"] == 6
    assert (await shop.control.lots())[lot_id]["quantity"] == 34
    assert (await shop.control.set_status(order_id, "paid"))["payment"]["status"] == "Received"
    assert (await shop.control.file_order(order_id))["is_filed"]
    assert not (await shop.control.file_order(order_id, filed=False))["is_filed"]
    assert (await shop.control.cancel_order(order_id, restock=True))["status"] == "CANCELLED"
    assert (await shop.control.lots())[lot_id]["quantity"] == 40
    assert list(await shop.control.orders()) == [order_id]
    await refused(shop.control.set_status(order_id, "LOST"), 400)
    await refused(shop.control.set_status(1, "PAID"), 404)


async def test_the_log_says_what_each_write_did(shop: Shop) -> None:
    created = await shop.api.call("POST", "/inventories", [LOT, LOT])
    assert created["meta"]["code"] == 201
    first, second = sorted(await shop.control.lots())
    await shop.api.call("PUT", f"/inventories/{first}", {"quantity": "+2", "description": ""})
    await shop.api.call("PUT", f"/inventories/{first}", {"quantity": "-99", "description": ""})
    await shop.api.call("PUT", f"/inventories/{second}", {"description": "same stock"})
    await shop.api.call("DELETE", f"/inventories/{second}")
    await shop.api.get("/inventories")

    def effect(lot_id: int, before: int | None, after: int | None) -> dict[str, int | None]:
        return {"inventory_id": lot_id, "quantity_before": before, "quantity_after": after}

    logged = await shop.control.requests()
    assert [entry["number"] for entry in logged] == [1, 2, 3, 4, 5, 6]
    assert [(entry["method"], entry["code"], entry["applied"], entry["lots"]) for entry in logged] == [
        ("POST", 201, True, [effect(first, None, 40), effect(second, None, 40)]),
        ("PUT", 200, True, [effect(first, 40, 42)]),
        ("PUT", 400, False, []),
        ("PUT", 200, True, [effect(second, 40, 40)]),
        ("DELETE", 204, True, [effect(second, 40, None)]),
        ("GET", 200, False, []),
    ]
    assert logged[1]["body"] == {"quantity": "+2", "description": ""}
    assert logged[2]["description"] == "PARAMETER_MISSING_OR_INVALID: Parameter [quantity] would go below zero"
    assert "oauth" not in json.dumps(logged).lower()


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"after": 2}, [3, 4]),
        ({"method": "get"}, [1, 3]),
        ({"path": "/inventories"}, [1, 2]),
        ({"path": "/inventories.*"}, [1, 2, 4]),
        ({"applied": True}, [2]),
        ({"applied": False, "after": 3}, [4]),
        ({"reply": "sent"}, [1, 2, 3, 4]),
        ({"reply": "dropped"}, []),
    ],
)
async def test_the_log_can_be_asked(shop: Shop, asked: dict[str, Any], numbers: list[int]) -> None:
    await shop.api.get("/inventories")
    await shop.api.call("POST", "/inventories", LOT)
    await shop.api.get("/orders")
    await shop.api.call("DELETE", "/inventories/1")
    assert [entry["number"] for entry in await shop.control.requests(**asked)] == numbers


async def test_waiting_ends_when_the_request_comes(shop: Shop) -> None:
    waiting = asyncio.create_task(shop.control.wait_for_requests(2, path="/orders"))
    await shop.api.get("/orders")
    await shop.api.get("/inventories")
    assert not waiting.done()
    await shop.api.get("/orders")
    assert [entry["number"] for entry in await waiting] == [1, 3]


async def test_the_api_describes_itself(sandbox: RunningSandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS) as client:
        described = (await client.get("/openapi.json")).json()
        docs = await client.get("/docs")
    assert "/sandbox/shops/{shop}/orders" in described["paths"]
    properties = described["components"]["schemas"]["Switches"]["properties"]
    assert not [name for name, schema in properties.items() if not schema.get("description")]
    assert docs.status_code == 200
    assert "://" not in docs.text  # the page works without the internet
