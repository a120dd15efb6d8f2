"""A shop's own listings over REST: read page after page, and told to inventory all at once or not at all."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import grpc
import httpx
import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2, waiting_pb2
from gateway.testing.services import Services

PATH = "/v1/connections/bricklink/import"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def listing(number: int) -> waiting_pb2.UnownedListing:
    told = waiting_pb2.UnownedListing(listing_id=str(number), quantity=3, lot=lot_pb2.Lot(quantity=3, remarks="A1"))
    told.read_at.FromDatetime(NOON)
    told.shown_fields.append("remarks")
    told.price_places, told.external_id = 3, "50001001"
    return told


@pytest.fixture(autouse=True)
def shop(services: Services) -> Iterator[list[waiting_pb2.UnownedListing]]:
    """A shop of three pages; the last listing is of a kind that no lot can be, and nobody knows when it was read."""
    unowned = services.sync_bricklink.unowned
    unowned[:] = [*map(listing, range(1, 1002)), waiting_pb2.UnownedListing(listing_id="1002", unmapped_field="bulk")]
    services.inventory.shop_lists.clear()
    yield unowned
    unowned.clear()


async def test_every_page_of_the_shop_becomes_one_preview(owner: httpx.AsyncClient, services: Services) -> None:
    answer = await owner.post(PATH)

    assert answer.status_code == 202, answer.text
    preview = answer.json()
    assert answer.headers["Location"] == f"/v1/imports/{preview['import_id']}"
    assert (preview["format"], preview["marketplace"], preview["state"]) == ("shop", "bricklink", "preview")
    [asked] = services.inventory.shop_lists
    assert (asked.marketplace, asked.currency_code, len(asked.listings)) == ("bricklink", "EUR", 1002)
    first, last = asked.listings[0], asked.listings[-1]
    assert (first.listing_id, first.lot.remarks, first.read_at.ToDatetime(tzinfo=UTC)) == ("1", "A1", NOON)
    assert (list(first.shown_fields), first.price_places, first.external_id) == (["remarks"], 3, "50001001")
    assert (last.listing_id, last.unmapped_field, last.HasField("read_at")) == ("1002", "bulk", False)
    rows = (await owner.get(f"{answer.headers['Location']}/rows?limit=1")).json()["items"]
    assert [(row["listing_id"], row["verdict"], row["state"]) for row in rows] == [("1", "new", "waiting")]
    table = await owner.get(f"{answer.headers['Location']}/rows.csv?verdict=new")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    lines = table.text.splitlines()
    assert (len(lines), lines[0].split(",")[:4]) == (1003, ["number", "line", "listing_id", "verdict"])
    assert lines[-1].startswith("1002,,1002,new")
    assert (await owner.get("/v1/imports/nobodys/rows.csv")).status_code == 404


async def test_a_lost_answer_and_a_repeat_make_no_second_preview(
    owner: httpx.AsyncClient, services: Services, shop: list[waiting_pb2.UnownedListing]
) -> None:
    """Also when the shop lists something else by then."""
    services.inventory.faults.after = [grpc.StatusCode.UNAVAILABLE]
    first = await owner.post(PATH, headers={"Idempotency-Key": "take-all"})
    del shop[1:]
    second = await owner.post(PATH, headers={"Idempotency-Key": "take-all"})

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(services.inventory.shop_lists) == 1


async def test_nothing_has_happened_where_a_service_does_not_answer(
    owner: httpx.AsyncClient, services: Services
) -> None:
    services.inventory.faults.before = [grpc.StatusCode.INTERNAL]
    assert (await owner.post(PATH)).status_code == 500
    services.sync_bricklink.faults.before = [grpc.StatusCode.UNAVAILABLE] * 3
    assert (await owner.post(PATH)).status_code == 503
    assert services.inventory.shop_lists == []


async def test_a_shop_that_is_not_matched_yet_is_not_imported(
    owner: httpx.AsyncClient, services: Services, seller: str
) -> None:
    connection = sync_service_pb2.Connection(state=sync_service_pb2.CONNECTION_STATE_MATCHING)
    connection.progress.step = "READING_THE_SHOP"
    services.sync_bricklink.connections[seller] = connection

    answer = await owner.post(PATH)

    assert (answer.status_code, answer.json()["reason"]) == (409, "SHOP_NOT_MATCHED")
    assert services.inventory.shop_lists == []


async def test_viewers_import_nothing_and_unknown_shops_are_unknown(
    as_role: Callable[..., httpx.AsyncClient], owner: httpx.AsyncClient
) -> None:
    assert (await as_role("viewer").post(PATH)).status_code == 403
    assert (await owner.post("/v1/connections/ebay/import")).status_code == 404
