"""Files over REST."""

import asyncio

import httpx
import pytest

from gateway.guard import IMPORT_LIMIT
from gateway.testing.services import Services

FILE = b"<INVENTORY><ITEM/></INVENTORY>"
XML = {"Content-Type": "application/xml"}
PIECE = b" " * 1024 * 1024


async def test_a_form_with_a_file_is_accepted(owner: httpx.AsyncClient, services: Services) -> None:
    answer = await owner.post("/v1/imports?currency=EUR", files={"file": ("shelf 7.xml", FILE, "application/xml")})

    assert answer.status_code == 202
    operation = answer.json()
    assert answer.headers["Location"] == f"/v1/imports/{operation['import_id']}"
    assert (operation["format"], operation["file_name"]) == ("bricklink_xml", "shelf 7.xml")
    assert services.inventory.files[-1] == FILE
    assert (await owner.get(answer.headers["Location"])).json() == operation
    assert (await owner.get("/v1/imports")).json() == {"items": [operation], "next_cursor": None}


@pytest.mark.parametrize("media_type", ["application/xml", "text/xml; charset=utf-8", "Application/XML", "text/csv"])
async def test_the_file_itself_is_accepted(owner: httpx.AsyncClient, services: Services, media_type: str) -> None:
    answer = await owner.post("/v1/imports", content=FILE, headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()["file_name"]) == (202, "")
    assert services.inventory.files[-1] == FILE


async def test_rows_say_what_became_of_them(owner: httpx.AsyncClient) -> None:
    path = (await owner.post("/v1/imports", content=FILE, headers=XML)).headers["Location"]

    rows = (await owner.get(f"{path}/rows")).json()["items"]
    refused = (await owner.get(f"{path}/rows?refused_only=true")).json()["items"]

    assert [row["state"] for row in rows] == ["created", "refused"]
    assert refused == [
        {
            "number": 2,
            "line": 9,
            "state": "refused",
            "lot_id": None,
            "field": "COLOR",
            "reason": "is not in the colour table",
            "verdict": None,
            "duplicate_lot_id": None,
            "candidates": [],
            "repeats_row": None,
            "choice": None,
            "listing_id": None,
            "item": None,
            "quantity": None,
            "differences": [],
            "takes": None,
        }
    ]


async def test_an_import_is_cancelled_once(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    path = (await owner.post("/v1/imports", content=FILE, headers=XML)).headers["Location"]

    assert (await stranger.post(f"{path}/cancel")).status_code == 404
    answer = await owner.post(f"{path}/cancel")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await owner.get(path)).json()["state"] == "cancelled"


async def test_a_preview_is_shown_and_confirmed_once(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    answer = await owner.post("/v1/imports?preview=true", content=FILE, headers=XML)
    path = answer.headers["Location"]
    assert (answer.status_code, answer.json()["state"]) == (202, "preview")
    assert (answer.json()["duplicate_rows"], answer.json()["expires_at"]) == (1, "2026-11-02T12:00:00Z")
    [row] = (await owner.get(f"{path}/rows?verdict=duplicate&verdict=new")).json()["items"]
    assert (row["state"], row["verdict"], row["duplicate_lot_id"]) == ("waiting", "duplicate", "lot-1")
    assert row["candidates"] == [
        {"lot_id": "lot-1", "quantity": 40, "remarks": "A1", "location": "", "differences": []}
    ]

    chosen = {"duplicates": "replace", "rows": [{"number": 1, "choice": "add", "lot_id": "lot-1"}]}
    assert (await stranger.post(f"{path}/confirm", json=chosen)).status_code == 404
    key = {"Idempotency-Key": "confirm-1"}
    first, second = [await owner.post(f"{path}/confirm", json=chosen, headers=key) for _ in range(2)]
    assert (first.status_code, first.json()["state"], first.json()["updated_rows"]) == (200, "done", 1)
    assert second.json() == first.json()
    [row] = (await owner.get(f"{path}/rows?verdict=duplicate")).json()["items"]
    assert (row["state"], row["choice"]) == ("updated", "add")
    again = await owner.post(f"{path}/confirm", json=chosen)
    assert (again.status_code, again.json()["reason"]) == (409, "IMPORT_NOT_IN_PREVIEW")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "duplicates"),
        ({"duplicates": "merge"}, "duplicates"),
        ({"duplicates": "add", "others": "skip"}, "others"),
        ({"duplicates": "add", "rows": [{"number": 9, "choice": "add"}]}, "rows[0].number"),
        ({"duplicates": "add", "rows": [{"number": 1}]}, "rows[0].choice"),
        ({"duplicates": "add", "rows": [{"number": "1", "choice": "add"}]}, "rows[0].number"),
    ],
)
async def test_a_choice_that_makes_no_sense_is_refused_by_its_field(
    owner: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    path = (await owner.post("/v1/imports?preview=true", content=FILE, headers=XML)).headers["Location"]

    answer = await owner.post(f"{path}/confirm", json=body)

    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])
    assert (await owner.get(path)).json()["state"] == "preview"


async def test_a_repeated_upload_is_one_import(owner: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "file-1"}

    first, second = [await owner.post("/v1/imports", files={"file": FILE}, headers=key) for _ in range(2)]
    other = await owner.post("/v1/imports", files={"file": FILE + b"\n"}, headers=key)

    assert first.json() == second.json()
    assert other.json()["reason"] == "REQUEST_ID_REUSED"


async def test_a_file_that_is_cut_off_is_refused_by_the_name_of_the_field(owner: httpx.AsyncClient) -> None:
    answer = await owner.post("/v1/imports", files={"file": FILE[:-5]})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "file")
    assert (await owner.get("/v1/imports")).json()["items"] == []


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"file": (None, "text")}},
        {"files": {"other": FILE}},
        {"files": {"file": FILE}, "data": {"replace": "yes"}},
        {"files": [("file", FILE), ("file", FILE)]},
        {"files": {"file": b""}},
        {"files": {"": FILE}},
        {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"", "headers": XML},
        {"content": FILE, "headers": XML, "params": {"currency": "euro"}},
        {"content": FILE, "headers": XML, "params": {"replace": "yes"}},
    ],
)
async def test_a_request_that_brings_no_one_file_is_400(owner: httpx.AsyncClient, form: dict[str, object]) -> None:
    answer = await owner.post("/v1/imports", **form)  # type: ignore[arg-type]

    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await owner.get("/v1/imports")).json()["items"] == []


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
async def test_another_kind_of_body_is_415(owner: httpx.AsyncClient, media_type: str) -> None:
    answer = await owner.post("/v1/imports", content=FILE, headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()["reason"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")


async def test_a_file_of_the_largest_size_goes_through(owner: httpx.AsyncClient, services: Services) -> None:
    largest = FILE.rjust(IMPORT_LIMIT)

    answer = await owner.post("/v1/imports", files={"file": largest})

    assert answer.status_code == 202
    assert services.inventory.files.pop() == largest


@pytest.mark.parametrize("as_form", [True, False])
async def test_a_file_one_byte_larger_is_413(owner: httpx.AsyncClient, *, as_form: bool) -> None:
    content = FILE.rjust(IMPORT_LIMIT + 1)
    how: dict[str, object] = {"files": {"file": content}} if as_form else {"content": content, "headers": XML}

    answer = await owner.post("/v1/imports", **how)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["reason"]) == (413, "BODY_TOO_LARGE")
    assert (await owner.get("/v1/imports")).json()["items"] == []


async def test_a_file_that_grows_without_end_is_cut_off_while_it_is_read(owner: httpx.AsyncClient) -> None:
    """The answer comes soon after the limit was passed, while the client still sends."""
    reader, writer = await asyncio.open_connection(owner.base_url.host, owner.base_url.port)
    head = {"Host": "gateway", "Authorization": owner.headers["Authorization"], "Transfer-Encoding": "chunked"} | XML
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST /v1/imports HTTP/1.1\r\n{lines}\r\n".encode())
    answer = asyncio.create_task(reader.readline())
    sent = 0
    while not answer.done():
        writer.write(f"{len(PIECE):x}\r\n".encode() + PIECE + b"\r\n")
        await writer.drain()
        sent += len(PIECE)
    writer.close()
    await writer.wait_closed()

    assert (await answer).startswith(b"HTTP/1.1 413 ")
    assert IMPORT_LIMIT < sent < 2 * IMPORT_LIMIT


async def test_another_sellers_import_is_not_there(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    path = (await owner.post("/v1/imports", content=FILE, headers=XML)).headers["Location"]

    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get(f"{path}/rows")).status_code == 404
    assert (await stranger.get("/v1/imports")).json()["items"] == []
