"""Exports over REST: a stream from inventory becomes a file in chunks."""

import grpc
import httpx
import pytest

from gateway.testing.services import Services


@pytest.mark.parametrize(
    ("asked", "media_type", "name"),
    [
        ("csv", "text/csv; charset=utf-8", "lots.csv"),
        ("json", "application/json", "lots.json"),
        ("bricklink_xml", "application/xml", "lots.xml"),
        ("bsx", "application/xml", "lots.bsx"),
    ],
)
async def test_a_file_comes_in_chunks_under_its_own_name(
    owner: httpx.AsyncClient, seller: str, asked: str, media_type: str, name: str
) -> None:
    async with owner.stream("GET", f"/v1/exports/lots?format={asked}&condition=USED&item_type=PART") as answer:
        content = await answer.aread()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert content.decode().split() == [
        seller,
        "format:",
        f"EXPORT_FORMAT_{asked.upper()}",
        "filter",
        "{",
        "item_types:",
        "ITEM_TYPE_PART",
        "condition:",
        "CONDITION_USED",
        "}",
    ]


@pytest.mark.parametrize("query", ["", "format=xls", "format=csv&conditon=USED", "format=csv&item_type=BRICK"])
async def test_what_is_not_known_is_400(owner: httpx.AsyncClient, query: str) -> None:
    answer = await owner.get(f"/v1/exports/lots?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


async def test_a_service_that_is_away_is_told_before_the_file_begins(
    owner: httpx.AsyncClient, services: Services
) -> None:
    services.inventory.faults.before.append(grpc.StatusCode.UNAVAILABLE)
    answer = await owner.get("/v1/exports/lots?format=csv")
    assert (answer.status_code, answer.json()["reason"]) == (503, "TRY_AGAIN")


async def test_a_file_that_breaks_off_does_not_look_whole(owner: httpx.AsyncClient, services: Services) -> None:
    services.inventory.export_breaks = True
    try:
        with pytest.raises(httpx.RemoteProtocolError):
            await owner.get("/v1/exports/lots?format=csv")
    finally:
        services.inventory.export_breaks = False
