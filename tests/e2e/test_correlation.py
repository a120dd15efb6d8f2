"""One id ties a request to all that it caused, from the door to the shop's call and back."""

import secrets

from devstack.testing import Stack
from product.leaks import places_with
from product.seller import Seller


async def test_a_correlation_id_given_at_the_door_is_in_everything_that_it_caused(stack: Stack, trader: Seller) -> None:
    lot = await trader.listed((await trader.create())["lot_id"])
    given = secrets.token_hex(16)
    answer = await trader.ask(
        "PATCH", f"/v1/lots/{lot['lot_id']}", json={"remarks": "B7"}, headers={"X-Correlation-Id": given}
    )
    assert answer.headers["X-Correlation-Id"] == given
    await trader.synced(lot["lot_id"])
    [change, *_] = await trader.changes(lot["lot_id"])
    assert change["correlation_id"] == given
    assert {
        "file logs/gateway.log",
        "file logs/inventory.log",
        "file logs/sync-bricklink.log",
        "table inventory.changes",
        "topic brickops.lots.bricklink.v1",
        "table sync_bricklink.intents",
        "topic brickops.results.v1",
    } <= set(await places_with(stack, given))
