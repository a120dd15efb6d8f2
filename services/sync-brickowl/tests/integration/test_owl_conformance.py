"""Brick Owl's adapter keeps to what every marketplace's does: the engine's kit over the sandbox, by real HTTP."""

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from brickops.inventory.v1 import lot_pb2
from product.sandbox_shop import SandboxShop, amount, eur
from sandbox.brickowl.catalog import Catalog, boid_with_color
from sync_brickowl.listing import lot_of
from syncengine.listing import ListingId, Lot, OrderId
from syncengine.testing.conformance import BEHAVIOURS, Behaviour, check
from syncengine.testing.conformance.subject import Call

if TYPE_CHECKING:
    from product.brickowl import Owl

pytest_plugins = ["product.brickowl"]

CATALOG = Catalog.shipped()
_COLORS = {int(number): color.color_id for color in CATALOG.colors.values() for number in color.bricklink_ids}
_NUMBERS = {color_id: number for number, color_id in _COLORS.items()}
_TYPES = {"Part": lot_pb2.ITEM_TYPE_PART, "Set": lot_pb2.ITEM_TYPE_SET}
_GRADES: dict[str, Any] = {
    "usedn": lot_pb2.USED_GRADE_LIKE_NEW,
    "usedg": lot_pb2.USED_GRADE_GOOD,
    "useda": lot_pb2.USED_GRADE_ACCEPTABLE,
}


class OwlShop(SandboxShop):
    """A shop of Brick Owl's sandbox."""

    lacks: ClassVar = {
        "stockroom": "a lot is for sale or not (marketplaces/brickowl.md#3.3)",
        "retain": "a lot that sells out stays (marketplaces/brickowl.md#3.1)",
    }
    calls: ClassVar = {
        Call.WRITE: {"method": "POST", "path": "/inventory/(create|update|delete)"},
        Call.LIST: {"path": "/inventory/list"},
        Call.LOOK: {"path": "/inventory/list"},  # of one lot
        Call.ORDERS: {"path": "/order/list"},
        Call.BATCH: {"path": "/bulk/batch"},
    }
    price_word = "price"

    def lot_of(self, lot: lot_pb2.Lot) -> Lot:
        return lot_of(lot)

    def _is_write(self, logged: Any) -> bool:
        if logged["path"] != "/bulk/batch":
            return bool(logged["method"] == "POST")
        return any(entry["request_method"] != "GET" for entry in logged["body"])

    def _shown(self, raw: Any) -> lot_pb2.Lot:
        code, color_id = raw["full_con"], raw["boid"].partition("-")[2]
        cost = raw["my_cost"]
        completeness: Any = lot_pb2.COMPLETENESS_COMPLETE if code == "usedc" else None
        stockroom: Any = None if raw["for_sale"] else lot_pb2.STOCKROOM_A
        return lot_pb2.Lot(
            item=lot_pb2.Item(
                type=_TYPES[raw["type"]],
                number=next(each["id"] for each in raw["ids"] if each["type"] == "bl_item_no"),
                color_id=_NUMBERS[int(color_id)] if color_id else 0,
                condition=lot_pb2.CONDITION_USED if code.startswith("used") else lot_pb2.CONDITION_NEW,
                completeness=completeness,
            ),
            used_grade=_GRADES.get(code, lot_pb2.USED_GRADE_UNSPECIFIED),
            quantity=raw["qty"],
            unit_price=eur(raw["base_price"]),
            sale_percent=raw["sale_percent"],
            tiers=[lot_pb2.Tier(quantity=quantity, unit_price=eur(price)) for quantity, price in raw["tier_price"]],
            bulk=raw["bulk_qty"],
            cost=None if cost is None else eur(cost),
            description=raw["public_note"],
            remarks=raw["personal_note"],
            stockroom=stockroom,
            weight_grams=raw["lot_weight"],
        )

    def _form(self, lot: lot_pb2.Lot) -> Any:
        item = lot.item
        is_set = item.type == lot_pb2.ITEM_TYPE_SET
        [boid] = CATALOG.lookup(item.number, "Set" if is_set else "Part", "bl_item_no")
        grades = {grade: code for code, grade in _GRADES.items()}
        condition = "usedc" if is_set else "new" if item.condition == lot_pb2.CONDITION_NEW else grades[lot.used_grade]
        return {
            "boid": boid_with_color(boid, None if is_set else _COLORS[item.color_id]),
            "condition": condition,
            "quantity": lot.quantity,
            "price": str(amount(lot.unit_price)),
            "sale_percent": lot.sale_percent,
            "bulk_qty": lot.bulk,
            "public_note": lot.description,
            "personal_note": lot.remarks,
            "my_cost": str(amount(lot.cost)) if lot.HasField("cost") else None,
            "tier_price": ",".join(f"{tier.quantity}:{amount(tier.unit_price)}" for tier in lot.tiers) or None,
        }

    async def reduce(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        control: Any = self.control
        await control.refund(int(order_id), int(listing_id), pieces, restock=restock)


@pytest.fixture
async def subject(owl: "Owl") -> OwlShop:
    seller_name = (await owl.control.show())["seller_name"]
    return OwlShop(owl.control, owl.shop, owl.clock, seller_name)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_brickowl_conforms(behaviour: Behaviour, subject: OwlShop) -> None:
    await check(behaviour, subject)
