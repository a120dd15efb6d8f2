"""Bulk edits over REST, through a real gateway."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.1234", "currency": "EUR"},
}
EDIT = {"remarks": "B2"}


@pytest.fixture
def viewer(as_role: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return as_role("viewer")


async def create(owner: httpx.AsyncClient, **changed: Any) -> str:
    lot_id: str = (await owner.post("/v1/lots", json=LOT | changed)).json()["lot_id"]
    return lot_id


async def test_a_preview_shows_lots_before_and_after_and_those_refused(
    viewer: httpx.AsyncClient, owner: httpx.AsyncClient
) -> None:
    noted, plain = await create(owner, remarks="A1"), await create(owner)
    answer = await viewer.post("/v1/bulk-edits/preview", json={"lot_ids": [noted, plain], "edit": EDIT})
    preview = answer.json()
    assert (answer.status_code, preview["total_lots"], preview["changed_lots"], preview["refused_lots"]) == (
        200,
        2,
        1,
        1,
    )
    ((shown),) = preview["lots"]
    assert (shown["before"]["lot_id"], shown["before"]["remarks"], shown["after"]["remarks"]) == (noted, "A1", "B2")
    assert preview["refusals"] == [{"lot_id": plain, "field": "remarks", "reason": "must be there"}]


async def test_a_bulk_edit_is_accepted_once_read_cancelled_and_undone(owner: httpx.AsyncClient) -> None:
    said = {"lot_ids": [await create(owner)], "edit": EDIT, "reason": "moved"}
    key = {"Idempotency-Key": "the-same"}
    accepted = await owner.post("/v1/bulk-edits", json=said, headers=key)
    operation = accepted.json()
    assert (accepted.status_code, operation["state"], operation["total_lots"]) == (202, "running", 1)
    path = accepted.headers["Location"]
    assert (operation["finished_at"], operation["undo"]) == (None, None)
    assert (await owner.post("/v1/bulk-edits", json=said, headers=key)).json() == operation
    assert (await owner.get(path)).json() == operation

    assert (await owner.post(f"{path}/cancel")).json()["state"] == "cancelled"
    undone = await owner.post(f"{path}/undo", json={"reason": "a mistake"})
    assert (undone.status_code, undone.json()["undo"]["refused_changes"]) == (202, 1)
    assert undone.json()["undo"]["refusals"][0]["change_id"] == "change-1"
    redone = await owner.post(f"{path}/redo", json={"reason": "it was right"})
    assert (redone.status_code, redone.json()["undo"]["redo"]) == (202, True)
    assert (await owner.post(f"{path}/undo")).status_code == 202
    again = await owner.post(f"{path}/undo")
    assert (again.status_code, again.json()["reason"]) == (409, "ALREADY_UNDONE")


async def test_a_viewer_may_only_look(viewer: httpx.AsyncClient) -> None:
    for path in ("/v1/bulk-edits", "/v1/bulk-edits/one/cancel", "/v1/bulk-edits/one/undo"):
        assert (await viewer.post(path, json={"lot_ids": ["a"], "edit": EDIT})).status_code == 403
    assert (await viewer.get("/v1/bulk-edits/none")).status_code == 404


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"lot_ids": ["a"]}, "edit"),
        ({"edit": EDIT}, "lot_ids[0]"),
        ({"edit": EDIT, "filter": {"conditon": "NEW"}}, "filter.conditon"),
        ({"edit": EDIT, "filter": {"color_id": ["5"]}}, "filter.color_id[0]"),
        ({"edit": {"price": {"by_percent": "ten"}}}, "edit.price.by_percent"),
        ({"edit": {"price": {"rounding": "away"}}}, "edit.price.rounding"),
        ({"edit": {"price": {"places": 1}}}, "edit.price"),
        ({"edit": {"price": {"by_amount": "1", "by_percent": "1"}}}, "edit.price"),
        ({"edit": {"quantity": 3}}, "edit.quantity"),
    ],
)
async def test_a_field_at_fault_is_named(owner: httpx.AsyncClient, said: dict[str, Any], field: str) -> None:
    answer = await owner.post("/v1/bulk-edits", json=said)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
