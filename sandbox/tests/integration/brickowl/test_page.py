"""The page for a person, and what the control API says of itself."""

import httpx

from sandbox.testing import NO_TLS, RunningSandbox

from .conftest import LOT, Shop


async def test_a_shop_shows_lots_and_orders_and_sells(brickowl_sandbox: RunningSandbox, shop: Shop) -> None:
    lot_id = (await shop.control.add_lot(**LOT, public_note="<b>bold</b>", personal_note="A1-03"))["lot_id"]
    await shop.control.add_lot(**LOT | {"color_id": "38"}, for_sale="0")
    async with httpx.AsyncClient(
        base_url=brickowl_sandbox.url, trust_env=False, verify=NO_TLS, follow_redirects=True
    ) as client:
        form = {"lot_id": str(lot_id), "quantity": "3"}
        text = (await client.post(f"/shops/{shop.name}/orders?find=", data=form)).text
        found = (await client.get(f"/shops/{shop.name}?find=black")).text
    for shown in ("Brick Owl sandbox", "Brick 2 x 4", "771344-81", "A1-03", "0.800 EUR", ">37<", "not for sale",
                  "3 sold.", "Payment Submitted", "&lt;b&gt;bold"):  # fmt: skip
        assert shown in text
    assert ("771344-38" in found, "771344-81" in found) == (True, False)
    assert await shop.quantities() == [37, 40]


async def test_the_api_describes_itself(brickowl_sandbox: RunningSandbox) -> None:
    async with httpx.AsyncClient(base_url=brickowl_sandbox.url, trust_env=False, verify=NO_TLS) as client:
        described = (await client.get("/openapi.json")).json()
        docs = await client.get("/docs")
    assert "/sandbox/shops/{shop}/orders/{order_id}/merge" in described["paths"]
    assert "/sandbox/shops/{shop}/orders/{order_id}/batches" not in described["paths"]
    properties = described["components"]["schemas"]["Switches"]["properties"]
    assert not [name for name, schema in properties.items() if not schema.get("description")]
    assert (docs.status_code, "retired_boids" in docs.text) == (200, True)
