"""Connections over REST: what credentials and the sync service say, as one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import httpx
import pytest

from brickops.sync.v1 import sync_service_pb2
from gateway.testing.services import Services

PATH = "/v1/connections/bricklink"
BODY: dict[str, Any] = {
    "keys": {"consumer_key": "CK", "consumer_secret": "CS", "token": "TV", "token_secret": "TS"},
    "shop_is_empty": True,
    "shop_name": "demo_seller",
    "currency": "EUR",
}


def tell(services: Services, seller: str, state: str, **fields: Any) -> None:
    """Lets the sync service say this of the seller's connection."""
    value = sync_service_pb2.ConnectionState.Value(f"CONNECTION_STATE_{state}")
    services.sync_bricklink.connections[seller] = sync_service_pb2.Connection(
        marketplace="bricklink", state=value, key_version=1, **fields
    )


async def test_a_shop_is_connected_and_its_keys_stay_inside(
    owner: httpx.AsyncClient, services: Services, seller: str
) -> None:
    answer = await owner.put(PATH, json=BODY)

    assert (answer.status_code, answer.json()["state"]) == (200, "connecting")
    assert services.credentials.keys[seller].token_secret == "TS"
    tell(services, seller, "READY", calls_used=3, calls_limit=5000)
    shown = (await owner.get(PATH)).json()
    assert (shown["state"], shown["key_version"], shown["updated_by"]) == ("ready", 1, "user-owner")
    assert shown["sync"]["budget"] == {"calls_used": 3, "calls_limit": 5000, "tiers": []}
    assert (await owner.get("/v1/connections")).json() == {"items": [shown], "next_cursor": None}
    assert not set(BODY["keys"].values()) & set(map(str, shown.values()))


async def test_a_shop_that_was_never_connected_is_said_to_be_so(owner: httpx.AsyncClient) -> None:
    answer = await owner.get(PATH)

    assert (answer.status_code, answer.json()["state"], answer.json()["configured"]) == (200, "not_connected", False)


async def test_what_credentials_refuses_is_named_as_this_api_names_it(owner: httpx.AsyncClient) -> None:
    answer = await owner.put(PATH, json=BODY | {"keys": BODY["keys"] | {"token": ""}})

    assert answer.json()["errors"] == [{"field": "keys.token", "detail": "is required"}]


async def test_a_repeated_put_is_one_set_of_keys(owner: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "keys-1"}

    first, second = [await owner.put(PATH, json=BODY, headers=key) for _ in range(2)]

    assert first.json() == second.json()
    assert (await owner.get(PATH)).json()["key_version"] == 1


async def test_some_keys_are_replaced_and_the_others_stay(
    owner: httpx.AsyncClient, services: Services, seller: str
) -> None:
    await owner.put(PATH, json=BODY)

    answer = await owner.patch(f"{PATH}/keys", json={"keys": {"token": "T2", "token_secret": "TS2"}})

    assert (answer.status_code, answer.json()["key_version"]) == (200, 2)
    stored = services.credentials.keys[seller]
    assert (stored.consumer_key, stored.token, stored.token_secret) == ("CK", "T2", "TS2")
    nothing = await owner.patch(f"{PATH}/keys", json={"keys": {}})
    assert nothing.json()["errors"] == [{"field": "keys", "detail": "must hold at least one value to replace"}]
    unknown = await owner.patch(f"{PATH}/keys", json={"keys": {"password": "P"}})
    assert [error["field"] for error in unknown.json()["errors"]] == ["keys.password"]
    assert (await owner.patch("/v1/connections/nowhere/keys", json={"keys": {"token": "T3"}})).status_code == 404


async def test_a_test_of_the_keys_is_told_and_kept(owner: httpx.AsyncClient, services: Services, seller: str) -> None:
    await owner.put(PATH, json=BODY)
    tell(services, seller, "HALTED", reason="WRONG_KEY")
    services.sync_bricklink.tested = sync_service_pb2.TestConnectionResponse(
        reason="WRONG_KEY", message="The shop does not accept the keys.", key_version=1
    )
    services.sync_bricklink.tested.tested_at.FromDatetime(datetime(2026, 11, 1, 12, tzinfo=UTC))

    assert (await owner.post(f"{PATH}/test")).json() == {
        "ok": False,
        "reason": "WRONG_KEY",
        "message": "The shop does not accept the keys.",
        "shop_name": None,
        "currency": None,
        "key_version": 1,
        "tested_at": "2026-11-01T12:00:00Z",
    }
    shown = (await owner.get(PATH)).json()
    assert (shown["validated_at"], shown["validation"]) == ("2026-11-01T12:00:00Z", "WRONG_KEY")
    assert (await owner.post("/v1/connections/nowhere/test")).status_code == 404


@pytest.mark.parametrize("answered", [False, True])
async def test_a_test_of_the_keys_is_asked_for_once(
    owner: httpx.AsyncClient, services: Services, seller: str, answered: bool
) -> None:
    """Each would be charged, also one whose answer was lost."""
    await owner.put(PATH, json=BODY)
    tell(services, seller, "READY")
    faults = services.sync_bricklink.faults
    (faults.after if answered else faults.before).append(grpc.StatusCode.UNAVAILABLE)
    calls = faults.calls

    answer = await owner.post(f"{PATH}/test")

    assert (answer.status_code, faults.calls) == (503, calls + 1)
    assert (await owner.get(PATH)).json()["validated_at"] is None


async def test_a_disconnected_shop_has_no_keys(owner: httpx.AsyncClient, services: Services, seller: str) -> None:
    await owner.put(PATH, json=BODY)

    revoked = await owner.delete(PATH)

    assert (revoked.status_code, revoked.content) == (204, b"")
    assert seller not in services.credentials.keys
    assert (await owner.get(PATH)).json()["state"] == "not_connected"
    assert (await owner.delete(PATH)).status_code == 404


async def test_a_stopped_shop_says_why_in_words(owner: httpx.AsyncClient, services: Services, seller: str) -> None:
    await owner.put(PATH, json=BODY)
    tell(services, seller, "HALTED", reason="WRONG_KEY", message="BrickLink does not accept these keys.")

    shown = (await owner.get(PATH)).json()

    assert (shown["state"], shown["reason"]) == ("halted", "WRONG_KEY")
    assert shown["message"] == "BrickLink does not accept these keys."


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
async def test_keys_are_shown_while_the_sync_service_fails(
    owner: httpx.AsyncClient, services: Services, code: grpc.StatusCode
) -> None:
    await owner.put(PATH, json=BODY)
    services.sync_bricklink.faults.before = [code] * 20

    shown = (await owner.get(PATH)).json()

    assert (shown["state"], shown["configured"], shown["sync"]) == ("unavailable", True, None)
    assert "Your changes are kept" in shown["message"]
    assert (await owner.get("/v1/connections")).json()["items"] == [shown]


async def test_keys_are_shown_while_the_sync_service_hangs(owner: httpx.AsyncClient, services: Services) -> None:
    await owner.put(PATH, json=BODY)
    services.sync_bricklink.faults.gate = asyncio.Event()

    assert (await owner.get(PATH)).json()["state"] == "unavailable"


async def test_without_credentials_nothing_is_guessed(owner: httpx.AsyncClient, services: Services) -> None:
    services.credentials.faults.before = [grpc.StatusCode.UNAVAILABLE] * 20

    answer = await owner.get(PATH)

    assert (answer.status_code, answer.json()["reason"]) == (503, "TRY_AGAIN")
    assert answer.headers["Retry-After"] == "2"


async def test_the_plan_for_a_shop_with_listings_is_agreed_to(
    owner: httpx.AsyncClient, services: Services, seller: str
) -> None:
    await owner.put(PATH, json=BODY | {"shop_is_empty": False})
    refused = await owner.post(f"{PATH}/confirm")
    assert (refused.status_code, refused.json()["reason"]) == (409, "NOTHING_TO_CONFIRM")
    tell(services, seller, "AWAITING_CONFIRMATION", match=sync_service_pb2.Match(linked=3, different=2))
    services.sync_bricklink.differences = [
        sync_service_pb2.Difference(lot_id=f"lot-{number}", listing_id="1", ours=5, theirs=7) for number in range(3)
    ]

    first = (await owner.get(f"{PATH}/differences?limit=2")).json()
    rest = (await owner.get(f"{PATH}/differences?limit=2&cursor={first['next_cursor']}")).json()
    agreed = await owner.post(f"{PATH}/confirm")

    assert [one["lot_id"] for one in first["items"] + rest["items"]] == ["lot-0", "lot-1", "lot-2"]
    assert rest["next_cursor"] is None
    assert (agreed.status_code, agreed.json()["state"], agreed.json()["shop_name"]) == (200, "ready", "demo_seller")
    assert agreed.json()["sync"]["match"]["linked"] == 3


async def test_another_sellers_shop_is_not_there(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    await owner.put(PATH, json=BODY)

    assert (await stranger.get(PATH)).json()["configured"] is False
    assert (await stranger.delete(PATH)).status_code == 404
    assert (await owner.get(PATH)).json()["configured"] is True


@pytest.mark.parametrize("role", ["editor", "viewer"])
async def test_only_an_owner_connects(as_role: Callable[..., httpx.AsyncClient], role: str) -> None:
    client = as_role(role)

    answers = [await client.put(PATH, json=BODY), await client.delete(PATH), await client.post(f"{PATH}/confirm")]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert (await client.get(PATH)).status_code == 200


async def test_a_plan_is_told_call_by_call(owner: httpx.AsyncClient, services: Services) -> None:
    planned = services.sync_bricklink.planned
    call = planned.lots.add(lot_id="a").calls.add(tier="DECREASE", kind="UPDATE", pieces=-3)
    call.fields.update({"unit_price": "0.2000"})
    planned.lots.add(lot_id="b").held.add(reason="CHANGED_IN_SHOP", message="Somebody changed it.")
    planned.tiers.add(tier="DECREASE", calls=1)
    planned.total_lots, planned.total_calls, planned.calls_left, planned.bound_by = 2, 1, 4998, "PACE"
    planned.finish_at.FromJsonString("2026-11-21T12:00:00Z")

    shown = (await owner.get(f"{PATH}/plan")).json()

    assert shown["items"][0] == {
        "lot_id": "a",
        "calls": [
            {"tier": "decrease", "kind": "update", "pieces": -3, "for_sale": None, "fields": {"unit_price": "0.2000"}}
        ],
        "held": [],
    }
    assert shown["items"][1]["held"] == [{"reason": "CHANGED_IN_SHOP", "message": "Somebody changed it."}]
    assert (shown["total_calls"], shown["calls_by_tier"], shown["finish_at"]) == (
        1,
        {"decrease": 1},
        "2026-11-21T12:00:00Z",
    )
    first = (await owner.get(f"{PATH}/plan?limit=1")).json()
    rest = (await owner.get(f"{PATH}/plan?limit=1&cursor={first['next_cursor']}")).json()
    assert [lot["lot_id"] for lot in first["items"] + rest["items"]] == ["a", "b"]
    some = (await owner.get(f"{PATH}/plan?lot_id=b")).json()
    assert [lot["lot_id"] for lot in some["items"]] == ["b"]
    assert (await owner.get("/v1/connections/nowhere/plan")).status_code == 404
