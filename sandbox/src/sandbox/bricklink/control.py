"""What the control API does to BrickLink's shops alone: keys, second batches, filing, reducing."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, SecretStr

from sandbox.bricklink.hosting import HostedShop
from sandbox.bricklink.journal import Settings
from sandbox.bricklink.oauth import Keys
from sandbox.bricklink.switches import Switches
from sandbox.control import shops, stock
from sandbox.control.asking import AllShops, StrictBody, hosted
from sandbox.control.shops import PREFIX, ShopShown
from sandbox.control.stock import LineToOrder, PiecesToTakeOut
from sandbox.hosting.hosted import Json

router = APIRouter(prefix=PREFIX, tags=["BrickLink"])
shops.add_switches_route(router, Switches)

AShop = Annotated[HostedShop, Depends(hosted)]


class ShopToPut(shops.ShopToPut):
    """A shop to make, or new settings for one that is there: its stock and orders stay."""

    consumer_key: SecretStr = Field(min_length=1)
    consumer_secret: SecretStr = Field(min_length=1)
    token: SecretStr = Field(min_length=1)
    token_secret: SecretStr = Field(min_length=1)


class BatchToAdd(StrictBody):
    """A second batch for an order."""

    lines: list[LineToOrder] = Field(min_length=1)
    listed_after_seconds: float | None = Field(default=None, ge=0)


class Filing(StrictBody):
    """Whether the order is filed away."""

    filed: bool = True


@router.put("/{shop}")
async def put_shop(shop: str, all_shops: AllShops, body: ShopToPut) -> ShopShown:
    """Make a shop, or set the keys, names and switches of one."""
    known = all_shops.find(shop)
    settings = Settings(
        keys=Keys(
            consumer_key=body.consumer_key.get_secret_value(),
            consumer_secret=body.consumer_secret.get_secret_value(),
            token=body.token.get_secret_value(),
            token_secret=body.token_secret.get_secret_value(),
        ),
        seller_name=body.seller_name,
        currency=body.currency,
        switches=shops.switched(known.switches if known is not None else Switches(), body.switches),
    )
    return shops.put(all_shops, shop, settings)


@router.post("/{shop}/orders/{order_id}/batches", status_code=201)
async def add_batch(host: AShop, order_id: int, body: BatchToAdd) -> Json:
    """Add a batch to an open order."""
    wanted = stock.wanted(body.lines)
    with host.recorded():
        order = host.shop.add_to_order(order_id, wanted, host.now(), lag_seconds=body.listed_after_seconds)
    return host.order_shown(order)


@router.post("/{shop}/orders/{order_id}/file")
async def file_order(host: AShop, order_id: int, body: Filing | None = None) -> Json:
    """File an order away, or take it out again."""
    with host.recorded():
        return host.order_shown(host.shop.file_order(order_id, filed=body is None or body.filed))


@router.post("/{shop}/orders/{order_id}/reduce")
async def reduce_line(host: AShop, order_id: int, body: PiecesToTakeOut) -> Json:
    """Take pieces of a lot out of an order."""
    with host.recorded():
        order = host.shop.reduce_line(order_id, body.lot_id, body.quantity, host.now(), restock=body.restock)
    return host.order_shown(order)
