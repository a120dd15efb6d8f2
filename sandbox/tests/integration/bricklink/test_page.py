"""The page for a person."""

import re

import httpx
import pytest

from sandbox.testing import NO_TLS, RunningSandbox

from .conftest import LOT, Shop


async def page(sandbox: RunningSandbox, path: str) -> str:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS) as client:
        response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    return response.text


async def test_the_shops_are_listed(sandbox: RunningSandbox, shop: Shop) -> None:
    assert f'<a href="/shops/{shop.name}">{shop.name}</a>' in await page(sandbox, "/")


async def test_a_shop_shows_lots_and_orders_and_no_markup_of_theirs(sandbox: RunningSandbox, shop: Shop) -> None:
    lot = await shop.control.add_lot(**LOT | {"description": "<script>alert(1)</script>", "remarks": "A1-03"})
    await shop.control.add_lot(**LOT | {"is_stock_room": True, "stock_room_id": "B", "color_id": 11})
    order_id = (await shop.control.order({lot["inventory_id"]: 3}, buyer_name="<i>somebody</i>"))["order_id"]
    text = await page(sandbox, f"/shops/{shop.name}")
    for shown in (
        "Brick 2 x 4",
        "Red",
        "Black",
        "A1-03",
        "0.1200 EUR",
        ">37<",
        "stockroom B",
        str(order_id),
        "PENDING",
    ):
        assert shown in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "<i>somebody" not in text
    assert not [secret for secret in shop.keys.values() if secret in text]


async def test_lots_can_be_found(sandbox: RunningSandbox, shop: Shop) -> None:
    await shop.control.add_lot(**LOT)
    await shop.control.add_lot(**LOT | {"color_id": 11})
    text = await page(sandbox, f"/shops/{shop.name}?find=black")
    assert ("Black" in text, "Red" in text) == (True, False)


@pytest.mark.parametrize(
    ("quantity", "said", "left"),
    [("3", r"Order \d+: 3 sold\.", 37), ("41", "only 40", 40), ("", r"How many pieces\?", 40)],
)
async def test_pieces_can_be_bought(sandbox: RunningSandbox, shop: Shop, quantity: str, said: str, left: int) -> None:
    lot_id = (await shop.control.add_lot(**LOT))["inventory_id"]
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS, follow_redirects=True) as client:
        form = {"lot_id": str(lot_id), "quantity": quantity}
        response = await client.post(f"/shops/{shop.name}/orders?find=red", data=form)
    assert (response.status_code, response.url.path) == (200, f"/shops/{shop.name}")
    assert re.search(said, response.text)
    assert (await shop.control.lots())[lot_id]["quantity"] == left


async def test_a_shop_that_is_not_there_is_404(sandbox: RunningSandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS) as client:
        assert (await client.get("/shops/nowhere")).status_code == 404
        assert (await client.get("/healthz")).json() == {"status": "ok"}
