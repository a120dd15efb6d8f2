"""BrickLink's adapter keeps to what every marketplace's does: the engine's kit over the sandbox, by real HTTP."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any, ClassVar

import httpx
import pytest

from brickops.inventory.v1 import lot_pb2
from product.sandbox_shop import SandboxShop, amount, eur
from sandbox.testing import RunningSandbox, ShopControl, running_sandbox
from sync_bricklink.auth import ShopKeys
from sync_bricklink.client import MAX_CONNECTIONS, BrickLink
from sync_bricklink.listing import facts, lot_of
from syncengine.listing import ListingId, Lot, OrderId
from syncengine.service.http import open_http
from syncengine.testing.clock import HandClock
from syncengine.testing.conformance import BEHAVIOURS, Behaviour, check
from syncengine.testing.conformance.subject import BATCHES, Call

_NUMBERS = count(1)
_CONDITIONS = {"N": lot_pb2.CONDITION_NEW, "U": lot_pb2.CONDITION_USED}
_COMPLETENESS: dict[str | None, Any] = {
    None: None,
    "C": lot_pb2.COMPLETENESS_COMPLETE,
    "B": lot_pb2.COMPLETENESS_INCOMPLETE,
    "S": lot_pb2.COMPLETENESS_SEALED,
}


class BrickLinkShop(SandboxShop):
    """A shop of BrickLink's sandbox."""

    lacks: ClassVar = {
        "used_grade": "a condition is new or used (marketplaces/bricklink.md#3.1)",
        "weight_grams": "my_weight is read-only (marketplaces/bricklink.md#3.1)",
        BATCHES: "each call reads one thing, or a whole list (marketplaces/bricklink.md#3, #4)",
    }
    calls: ClassVar = {
        Call.WRITE: {"method": "POST|PUT|DELETE"},
        Call.LIST: {"method": "GET", "path": "/inventories"},
        Call.LOOK: {"method": "GET", "path": "/inventories/.+"},
        Call.ORDERS: {"method": "GET", "path": "/orders"},
    }
    price_word = "unit_price"

    def lot_of(self, lot: lot_pb2.Lot) -> Lot:
        return lot_of(lot)

    def _is_write(self, logged: Any) -> bool:
        return bool(logged["method"] != "GET")

    def _shown(self, raw: Any) -> lot_pb2.Lot:
        tiers = [(raw[f"tier_quantity{place}"], raw[f"tier_price{place}"]) for place in (1, 2, 3)]
        letter = raw.get("stock_room_id")
        stockroom: Any = lot_pb2.Stockroom.Value(f"STOCKROOM_{letter}") if letter else None
        return lot_pb2.Lot(
            item=lot_pb2.Item(
                type=lot_pb2.ItemType.Value(f"ITEM_TYPE_{raw['item']['type']}"),
                number=raw["item"]["no"],
                color_id=raw["color_id"],
                condition=_CONDITIONS[raw["new_or_used"]],
                completeness=_COMPLETENESS[raw.get("completeness")],
            ),
            quantity=raw["quantity"],
            unit_price=eur(raw["unit_price"]),
            sale_percent=raw["sale_rate"],
            tiers=[lot_pb2.Tier(quantity=quantity, unit_price=eur(price)) for quantity, price in tiers if quantity],
            bulk=raw["bulk"],
            cost=eur(raw["my_cost"]) if float(raw["my_cost"]) else None,
            description=raw["description"],
            remarks=raw["remarks"],
            stockroom=stockroom,
            retain=raw["is_retain"],
        )

    def _form(self, lot: lot_pb2.Lot) -> Any:
        item = lot.item
        form: dict[str, object] = {
            "item": {"no": item.number, "type": lot_pb2.ItemType.Name(item.type).removeprefix("ITEM_TYPE_")},
            "color_id": item.color_id,
            "new_or_used": "N" if item.condition == lot_pb2.CONDITION_NEW else "U",
            "quantity": lot.quantity,
            "unit_price": str(amount(lot.unit_price)),
            "sale_rate": lot.sale_percent,
            "bulk": lot.bulk,
            "my_cost": str(amount(lot.cost)),
            "description": lot.description,
            "remarks": lot.remarks,
        }
        if item.completeness == lot_pb2.COMPLETENESS_COMPLETE:
            form["completeness"] = "C"
        if lot.tiers:
            for place in (1, 2, 3):
                tier = lot.tiers[place - 1] if place <= len(lot.tiers) else lot_pb2.Tier()
                form |= {f"tier_quantity{place}": tier.quantity, f"tier_price{place}": str(amount(tier.unit_price))}
        return form

    async def reduce(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        control: Any = self.control
        await control.reduce_line(int(order_id), int(listing_id), pieces, restock=restock)


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="module")
async def running(clock: HandClock) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(clock=clock.now) as running:
        yield running


@pytest.fixture(scope="module")
async def http(running: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(running.api_url, connections=MAX_CONNECTIONS) as http:
        yield http


@pytest.fixture
async def subject(running: RunningSandbox, http: httpx.AsyncClient, clock: HandClock) -> AsyncIterator[BrickLinkShop]:
    number = next(_NUMBERS)
    names = ("consumer_key", "consumer_secret", "token", "token_secret")
    keys = {name: f"CANARY{name.upper()}{number:04d}" for name in names}
    async with ShopControl.open(running.url, f"shop{number}") as control:
        await control.put(keys=keys, seller_name=f"seller{number}")
        yield BrickLinkShop(control, BrickLink(http, ShopKeys(**keys), facts(5000)), clock, f"seller{number}")


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_bricklink_conforms(behaviour: Behaviour, subject: BrickLinkShop) -> None:
    await check(behaviour, subject)
