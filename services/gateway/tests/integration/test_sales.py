"""What sales leave for the seller to settle, over REST: returns and oversells."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from brickops.inventory.v1 import change_pb2, oversell_pb2, return_pb2
from gateway.testing.services import Services

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.12", "currency": "EUR"},
}


async def create(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/lots", json=LOT)).json()["lot_id"])


def a_return(number: int, lot_id: str, *, closed: bool = False) -> return_pb2.Return:
    order = change_pb2.OrderReference(marketplace="bricklink", order_id=f"order-{number}", listing_id="123")
    told = return_pb2.Return(return_id=f"return-{number}", lot_id=lot_id, order=order, pieces=number)
    told.opened_at.FromDatetime(NOON)
    if closed:
        told.closed_at.FromDatetime(NOON)
    return told


def an_oversell(number: int, lot_id: str) -> oversell_pb2.Oversell:
    order = oversell_pb2.OversoldOrder(marketplace="bricklink", order_id="42", listing_id="123", total=3)
    order.ordered_at.FromDatetime(NOON)
    told = oversell_pb2.Oversell(change_id=f"change-{number}", lot_id=lot_id, missing=number, orders=[order])
    told.recorded_at.FromDatetime(NOON)
    return told


async def listed(client: httpx.AsyncClient, path: str, **query: Any) -> list[Any]:
    """Every item, page by page."""
    items: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(path, params={"limit": 2, "cursor": cursor, **query})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    return items


async def test_returns_are_listed_open_ones_unless_more_is_asked(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, services: Services, seller: str
) -> None:
    lot, other = await create(owner), await create(owner)
    told = [a_return(1, lot), a_return(2, other), a_return(3, lot, closed=True), a_return(4, lot)]
    services.inventory.returns = [(seller, one) for one in told]

    found = await listed(owner, "/v1/returns")

    assert found[0] == {
        "return_id": "return-1",
        "lot_id": lot,
        "order": {"marketplace": "bricklink", "order_id": "order-1", "listing_id": "123"},
        "pieces": 1,
        "opened_at": "2026-11-01T12:00:00Z",
        "closed_at": None,
        "answer": None,
    }
    assert [one["pieces"] for one in found] == [1, 2, 4]
    assert [one["closed_at"] for one in await listed(owner, "/v1/returns", include_closed=True)] == [
        None,
        None,
        "2026-11-01T12:00:00Z",
        None,
    ]
    assert [one["pieces"] for one in await listed(owner, "/v1/returns", lot_id=lot)] == [1, 4]
    assert await listed(stranger, "/v1/returns") == []


async def test_oversells_are_listed_with_the_orders_among_which_to_choose(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, services: Services, seller: str
) -> None:
    lot, other = await create(owner), await create(owner)
    told = [an_oversell(1, lot), an_oversell(2, other), an_oversell(3, lot)]
    services.inventory.oversells = [(seller, one) for one in told]

    found = await listed(owner, "/v1/oversells")

    assert found[0] == {
        "change_id": "change-1",
        "lot_id": lot,
        "missing": 1,
        "orders": [
            {
                "marketplace": "bricklink",
                "order_id": "42",
                "listing_id": "123",
                "total": 3,
                "ordered_at": "2026-11-01T12:00:00Z",
            }
        ],
        "recorded_at": "2026-11-01T12:00:00Z",
    }
    assert [one["missing"] for one in found] == [1, 2, 3]
    assert [one["missing"] for one in await listed(owner, "/v1/oversells", lot_id=lot)] == [1, 3]
    assert await listed(stranger, "/v1/oversells") == []


@pytest.mark.parametrize("path", ["/v1/returns", "/v1/oversells"])
async def test_nothing_is_said_of_another_sellers_lot(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, path: str
) -> None:
    lot = await create(owner)

    assert (await stranger.get(path, params={"lot_id": lot})).status_code == 404
    assert (await owner.get(path, params={"open": "true"})).status_code == 400
