"""What the control API does to Brick Owl's shops alone: the key, merging orders, refunds."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, SecretStr

from sandbox.brickowl.hosting import HostedShop
from sandbox.brickowl.journal import Settings
from sandbox.brickowl.keys import Keys
from sandbox.brickowl.switches import Switches
from sandbox.control import shops
from sandbox.control.asking import AllShops, StrictBody, hosted
from sandbox.control.shops import PREFIX, ShopShown
from sandbox.control.stock import PiecesToTakeOut
from sandbox.hosting.hosted import Json

router = APIRouter(prefix=PREFIX, tags=["Brick Owl"])
shops.add_switches_route(router, Switches)

AShop = Annotated[HostedShop, Depends(hosted)]


class ShopToPut(shops.ShopToPut):
    """A shop to make, or new settings for one that is there: its stock and orders stay."""

    key: SecretStr = Field(min_length=1)


class Merging(StrictBody):
    """Where the lines of an order go."""

    into: int
    """Another order."""
    listed_after_seconds: float | None = Field(default=None, ge=0)
    """How long the API does not show it; null: as the switch `order_lag_seconds` says."""


@router.put("/{shop}")
async def put_shop(shop: str, all_shops: AllShops, body: ShopToPut) -> ShopShown:
    """Make a shop, or set the key, names and switches of one."""
    known = all_shops.find(shop)
    settings = Settings(
        keys=Keys(key=body.key.get_secret_value()),
        seller_name=body.seller_name,
        currency=body.currency,
        switches=shops.switched(known.switches if known is not None else Switches(), body.switches),
    )
    return shops.put(all_shops, shop, settings)


@router.post("/{shop}/orders/{order_id}/merge")
async def merge_orders(host: AShop, order_id: int, body: Merging) -> Json:
    """Put an order's lines into another, which is answered."""
    with host.recorded():
        order = host.shop.merge_orders(order_id, body.into, host.now(), lag_seconds=body.listed_after_seconds)
    return host.order_shown(order)


@router.post("/{shop}/orders/{order_id}/refund")
async def refund(host: AShop, order_id: int, body: PiecesToTakeOut) -> Json:
    """Refund pieces of a lot; they stay in the order, marked."""
    with host.recorded():
        order = host.shop.refund(order_id, body.lot_id, body.quantity, host.now(), restock=body.restock)
    return host.order_shown(order)
