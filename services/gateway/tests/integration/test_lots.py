"""Lots over REST, through a real gateway, from services over mTLS."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from brickops.inventory.v1 import lot_sync_pb2
from gateway.testing.services import Services

LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.1234", "currency": "EUR"},
    "tiers": [{"quantity": 50, "unit_price": {"amount": "0.11", "currency": "EUR"}}],
    "cost": {"amount": "0.05", "currency": "EUR"},
    "remarks": "A1-03",
    "stockroom": "B",
    "tags": ["red"],
}


async def create(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/v1/lots", json=LOT | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_lot_is_made_and_read(owner: httpx.AsyncClient) -> None:
    made = await owner.post("/v1/lots", json=LOT)

    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/lots/{made.json()['lot_id']}"
    assert made.headers["ETag"] == '"1"'
    assert made.json().items() >= LOT.items()
    read = await owner.get(made.headers["Location"])
    assert read.headers["ETag"] == '"1"'
    extra = {"change_id", "equal_lot_ids"}
    assert read.json() == {name: value for name, value in made.json().items() if name not in extra} | {"sync": {}}


async def test_an_equal_lot_is_named_as_a_warning(owner: httpx.AsyncClient) -> None:
    first = await create(owner)

    assert (await create(owner))["equal_lot_ids"] == [first["lot_id"]]


async def test_lots_come_in_pages(owner: httpx.AsyncClient) -> None:
    made = [(await create(owner))["lot_id"] for _ in range(5)]

    listed: list[str] = []
    cursor: str | None = ""
    for size in (2, 2, 1):
        page = (await owner.get("/v1/lots", params={"limit": 2, "cursor": cursor})).json()
        assert len(page["items"]) == size
        listed += [lot["lot_id"] for lot in page["items"]]
        cursor = page["next_cursor"]

    assert (listed, cursor) == (made, None)


async def test_lots_are_filtered_ordered_and_counted(owner: httpx.AsyncClient) -> None:
    for number, color in (("3001", 5), ("3002", 5), ("3003", 1), ("3004", 5)):
        await create(owner, item_no=number, color_id=color)
    query: dict[str, Any] = {"color_id": [5, 11], "descending": True, "count": True, "limit": 2}
    page = (await owner.get("/v1/lots", params=query)).json()
    assert ([lot["item_no"] for lot in page["items"]], page["count"]) == (["3004", "3002"], 3)
    page = (await owner.get("/v1/lots", params={"item_no": "3003"})).json()
    assert ([lot["item_no"] for lot in page["items"]], page["count"]) == (["3003"], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=5", "colour"),
        ("color_id=5&color_id=red", "color_id[1]"),
        ("color_id=999999", "color_id"),
        ("sort=price", "sort"),
        ("sync=bricklink", "sync[0]"),
        ("status=gone", "status[0]"),
        ("text=%00", "text"),
        ("limit=501", "limit"),
    ],
)
async def test_a_filter_at_fault_is_named(owner: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await owner.get(f"/v1/lots?{query}")
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


async def test_archived_lots_are_listed_on_request(owner: httpx.AsyncClient) -> None:
    lot_id = (await create(owner))["lot_id"]

    archived = await owner.post(f"/v1/lots/{lot_id}/archive", json={"reason": "broken"})

    assert (archived.json()["archived"], archived.headers["ETag"]) == (True, '"2"')
    assert (await owner.get("/v1/lots")).json()["items"] == []
    assert len((await owner.get("/v1/lots?include_archived=true")).json()["items"]) == 1
    again = await owner.post(f"/v1/lots/{lot_id}/archive")
    assert again.json()["change_id"] is None
    restored = await owner.post(f"/v1/lots/{lot_id}/restore")
    assert (restored.json()["archived"], restored.headers["ETag"]) == (False, '"3"')


async def test_a_patch_sets_what_it_names_and_clears_what_it_calls_null(owner: httpx.AsyncClient) -> None:
    made = await create(owner)

    answer = await owner.patch(
        f"/v1/lots/{made['lot_id']}",
        json={"remarks": "A2-01", "stockroom": None, "cost": None, "tiers": None, "reason": "moved"},
        headers={"Content-Type": "application/merge-patch+json"},
    )

    expected: dict[str, Any] = {"remarks": "A2-01", "stockroom": None, "cost": None, "tiers": [], "revision": 2}
    changed = {name: value for name, value in answer.json().items() if made[name] != value}
    assert {name: changed[name] for name in expected} == expected
    assert set(changed) == {*expected, "updated_at", "change_id"}
    assert answer.json()["equal_lot_ids"] == []
    assert answer.headers["ETag"] == '"2"'


async def test_a_lot_becomes_another_item(owner: httpx.AsyncClient) -> None:
    other = await create(owner, color_id=11)
    path = f"/v1/lots/{(await create(owner))['lot_id']}"

    same = await owner.patch(path, json={"remarks": "A2-01"})
    changed = await owner.patch(path, json={"color_id": 11})

    assert same.json()["equal_lot_ids"] == []
    assert changed.status_code == 200, changed.text
    told = changed.json()
    assert (told["color_id"], told["item_no"], told["revision"]) == (11, "3001", 3)
    assert (told["equal_lot_ids"], changed.headers["ETag"]) == ([other["lot_id"]], '"3"')
    assert (await owner.patch(path, json={"color_id": None})).json()["color_id"] == 0
    refused = await owner.patch(path, json={"color_id": 9999, "condition": "USED"})
    assert [error["field"] for error in refused.json()["errors"]] == ["color_id"]
    assert (await owner.get(path)).json()["condition"] == "NEW"


async def test_a_quantity_is_set_on_the_revision_that_it_was_decided_on(owner: httpx.AsyncClient) -> None:
    path = f"/v1/lots/{(await create(owner))['lot_id']}"

    first = await owner.patch(path, json={"quantity": 30}, headers={"If-Match": '"1"'})
    late = await owner.patch(path, json={"quantity": 35}, headers={"If-Match": '"1"'})

    assert (first.status_code, first.json()["quantity"]) == (200, 30)
    assert (late.status_code, late.json()["reason"]) == (412, "STALE_REVISION")
    assert (await owner.get(path)).json()["quantity"] == 30


async def test_an_adjustment_is_a_difference(owner: httpx.AsyncClient) -> None:
    path = f"/v1/lots/{(await create(owner))['lot_id']}/adjust"

    answer = await owner.post(path, json={"by": -3, "reserved_by": 3, "reason": "set aside"})

    assert (answer.json()["quantity"], answer.json()["reserved"]) == (37, 3)
    assert answer.headers["ETag"] == '"2"'
    refused = await owner.post(path, json={"by": -100})
    assert (refused.status_code, refused.json()["reason"]) == (409, "NOT_ENOUGH_PIECES")
    stale = await owner.post(path, json={"by": 1}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


@pytest.mark.parametrize(("field", "value"), [("color_id", 9999), ("quantity", -1), ("quantity", 10_000_000)])
async def test_what_inventory_refuses_is_named_as_this_api_names_it(
    owner: httpx.AsyncClient, field: str, value: int
) -> None:
    answer = await owner.post("/v1/lots", json=LOT | {field: value})

    assert (answer.status_code, answer.json()["reason"]) == (400, "INVALID_FIELD")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await owner.get("/v1/lots")).json()["items"] == []


async def test_a_repeated_key_has_no_second_effect(owner: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-7"}

    first, second = [await owner.post("/v1/lots", json=LOT, headers=key) for _ in range(2)]
    other = await owner.post("/v1/lots", json=LOT | {"quantity": 1}, headers=key)

    assert first.json() == second.json()
    assert (other.status_code, other.json()["reason"]) == (409, "REQUEST_ID_REUSED")
    assert len((await owner.get("/v1/lots")).json()["items"]) == 1


async def test_without_a_key_each_request_is_its_own(owner: httpx.AsyncClient) -> None:
    assert (await create(owner))["lot_id"] != (await create(owner))["lot_id"]


async def test_another_sellers_lot_is_not_there(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    made = await create(owner)
    path = f"/v1/lots/{made['lot_id']}"

    answers = [
        await stranger.get(path),
        await stranger.get(f"{path}/sync"),
        await stranger.patch(path, json={"remarks": "mine"}),
        await stranger.post(f"{path}/adjust", json={"by": 1}),
        await stranger.post(f"{path}/archive"),
        await stranger.post(f"{path}/restore"),
        await stranger.get(f"/v1/changes/{made['change_id']}"),
        await stranger.get("/v1/changes", params={"lot_id": made["lot_id"]}),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert (await stranger.get("/v1/lots")).json()["items"] == []
    assert (await stranger.get("/v1/changes")).json()["items"] == []
    assert (await owner.get(path)).json()["revision"] == 1


async def test_a_lots_way_into_the_shop_is_shown(owner: httpx.AsyncClient, services: Services) -> None:
    services.inventory.sync = [
        lot_sync_pb2.LotSync(
            marketplace="bricklink",
            state=lot_sync_pb2.SYNC_STATE_SYNCED,
            listing_id="123",
            groups=[
                lot_sync_pb2.GroupSync(
                    group=lot_sync_pb2.FIELD_GROUP_PRICE, state=lot_sync_pb2.SYNC_STATE_SYNCED, settled_revision=1
                )
            ],
        )
    ]
    path = f"/v1/lots/{(await create(owner))['lot_id']}"

    sync = (await owner.get(f"{path}/sync")).json()

    assert sync["bricklink"]["state"] == "synced"
    assert sync["bricklink"]["listing_id"] == "123"
    assert sync["bricklink"]["groups"]["price"] == {"state": "synced", "settled_revision": 1, "reason": None}
    assert (await owner.get(path)).json()["sync"] == sync
    assert (await owner.get("/v1/lots")).json()["items"][0]["sync"] == sync


async def test_who_why_and_on_which_request_is_in_the_change(as_role: Callable[..., httpx.AsyncClient]) -> None:
    editor = as_role("editor")
    follow = {"X-Correlation-Id": "follow-me"}

    made = await editor.post("/v1/lots", json=LOT | {"reason": "bought"}, headers=follow)

    change = (await editor.get(f"/v1/changes/{made.json()['change_id']}")).json()
    assert {name: change[name] for name in ("type", "actor", "reason", "correlation_id", "quantity_delta")} == {
        "type": "created",
        "actor": "user-editor",
        "reason": "bought",
        "correlation_id": "follow-me",
        "quantity_delta": 40,
    }
    listed = (await editor.get("/v1/changes", params={"lot_id": made.json()["lot_id"]})).json()
    assert listed == {"items": [change], "next_cursor": None}


async def test_a_cursor_that_was_not_given_out_is_named(owner: httpx.AsyncClient) -> None:
    answer = await owner.get("/v1/changes?cursor=made-up")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


async def test_a_viewer_reads_and_an_editor_writes(as_role: Callable[..., httpx.AsyncClient]) -> None:
    made = await create(as_role("editor"))

    viewer = as_role("viewer")
    assert (await viewer.get(f"/v1/lots/{made['lot_id']}")).status_code == 200
    assert (await viewer.post("/v1/lots", json=LOT)).status_code == 403
