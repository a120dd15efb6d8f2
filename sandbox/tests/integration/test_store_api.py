"""The Store API over real HTTP: envelopes, lots, orders, as `marketplaces/bricklink.md` describes them."""

from .conftest import LOT, Shop


async def test_create_answers_201_and_the_whole_lot(shop: Shop) -> None:
    created = await shop.api.call("POST", "/inventories", LOT)
    assert created["meta"] == {"code": 201, "message": "OK_CREATED", "description": "OK_CREATED"}
    lot = created["data"]
    assert lot["item"] == {"no": "3001", "name": "Brick 2 x 4", "type": "PART", "category_id": 5}
    assert await shop.api.get(f"/inventories/{lot['inventory_id']}") == lot
    assert await shop.api.get("/inventories") == [lot]
