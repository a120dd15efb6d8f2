"""Undo over REST, and the history that tells of it."""

import httpx

LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.12", "currency": "EUR"},
}
FILE = "<INVENTORY><ITEM></ITEM></INVENTORY>"


async def test_a_change_is_undone_once_and_listed_so(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    lot = (await owner.post("/v1/lots", json=LOT)).json()["lot_id"]
    change = (await owner.post(f"/v1/lots/{lot}/adjust", json={"by": 5})).json()["change_id"]

    assert (await stranger.post(f"/v1/changes/{change}/undo")).status_code == 404
    undone = await owner.post(f"/v1/changes/{change}/undo", json={"reason": "wrong lot"})
    assert (undone.status_code, undone.json()["quantity"], undone.headers["ETag"]) == (200, 40, '"3"')
    again = await owner.post(f"/v1/changes/{change}/undo")
    assert (again.status_code, again.json()["reason"]) == (409, "ALREADY_UNDONE")

    listed = (await owner.get("/v1/changes", params={"undone": "true", "type": ["adjusted", "sold"]})).json()["items"]
    assert [(one["change_id"], one["undone_by"]) for one in listed] == [(change, undone.json()["change_id"])]
    dates = {"recorded_from": "2026-01-01T00:00:00Z", "recorded_before": "2026-12-31T00:00:00+01:00"}
    assert (await owner.get("/v1/changes", params=dates)).status_code == 200


async def test_an_import_is_undone_and_what_was_refused_is_told(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    sent = await owner.post("/v1/imports", content=FILE, headers={"Content-Type": "application/xml"})
    path = f"/v1/imports/{sent.json()['import_id']}/undo"
    assert (await owner.get(path)).status_code == 404
    assert (await stranger.post(path)).status_code == 404
    accepted = await owner.post(path)
    assert (accepted.status_code, accepted.headers["Location"]) == (202, path)
    assert accepted.json()["state"] == "running"
    assert (await owner.post(path)).json()["reason"] == "ALREADY_UNDONE"
    read = (await owner.get(path)).json()
    assert (read["undone_changes"], read["refused_changes"], read["finished_at"]) == (1, 1, None)
    assert read["refusals"][0]["reason"] == "The lot was changed since."
    redone = await owner.post(path.replace("undo", "redo"), json={"reason": "it was right"})
    assert (redone.status_code, redone.headers["Location"], redone.json()["redo"]) == (202, path, True)
    assert (await owner.post(path)).status_code == 202


async def test_a_bad_filter_is_named(owner: httpx.AsyncClient) -> None:
    for query in ({"type": "eaten"}, {"recorded_from": "yesterday"}, {"undone": "perhaps"}, {"sort": "lot"}):
        answer = await owner.get("/v1/changes", params=query)
        (name,) = query
        assert answer.status_code == 400
        assert [one["field"].split("[")[0] for one in answer.json()["errors"]] == [name]
