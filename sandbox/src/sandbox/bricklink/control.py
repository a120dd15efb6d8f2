"""The control API under `/sandbox`: what a test, or a person with curl, does to a shop from outside of the Store API.

It plays the buyers and the seller on the website, and sets a shop's switches; `observing.py` adds faults and the
request log. Every route is described in `/openapi.json` and `/docs`. Nothing here answers a key.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from sandbox.bricklink.entities import Lot, Order
from sandbox.bricklink.filters import status_letter
from sandbox.bricklink.hosting import ConsumerKeyTaken, HostedShop, Shops
from sandbox.bricklink.journal import Settings
from sandbox.bricklink.oauth import Keys
from sandbox.bricklink.render import Json, Renderer, plain
from sandbox.bricklink.shop import Wanted
from sandbox.bricklink.switches import Switches

router = APIRouter(prefix="/sandbox/shops", tags=["shops, lots and orders"])

_SWITCHES = TypeAdapter(Switches)


def all_shops(request: Request) -> Shops:
    """Return the shops of the server that got the request."""
    return cast("Shops", request.app.state.shops)


AllShops = Annotated[Shops, Depends(all_shops)]


def hosted(shop: str, shops: AllShops) -> HostedShop:
    """Return the shop in the path; 404 when there is none."""
    host = shops.find(shop)
    if host is None:
        raise HTTPException(404, f"No such shop: {shop}")
    return host


AShop = Annotated[HostedShop, Depends(hosted)]


class StrictBody(BaseModel):
    """A request body without unknown fields."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ShopToPut(StrictBody):
    """A shop to make, or new settings for one that is there: its stock and orders stay."""

    consumer_key: SecretStr = Field(min_length=1)
    consumer_secret: SecretStr = Field(min_length=1)
    token: SecretStr = Field(min_length=1)
    token_secret: SecretStr = Field(min_length=1)
    seller_name: str = "demo_seller"
    currency: str = Field(default="EUR", pattern="[A-Z]{3}")
    switches: dict[str, Any] = Field(default_factory=dict)
    """Switches to set; those not named keep their value."""


class ShopShown(BaseModel):
    """A shop, without its keys."""

    name: str
    seller_name: str
    currency: str
    lots: int
    orders: int
    calls_today: int
    """Calls that the quota has counted in its window."""
    now: datetime
    """The shop's clock."""
    switches: Switches


class LineToOrder(StrictBody):
    """So many pieces of a lot."""

    inventory_id: int
    quantity: int


class OrderToPlace(StrictBody):
    """An order; all lines' pieces leave the stock at once, or none."""

    lines: list[LineToOrder] = Field(min_length=1)
    buyer_name: str = "demo_buyer"
    status: str = "PENDING"
    listed_after_seconds: float | None = Field(default=None, ge=0)
    """How long the Store API does not show it; null: as the switch `order_lag_seconds` says."""


class BatchToAdd(StrictBody):
    """A second batch for an order."""

    lines: list[LineToOrder] = Field(min_length=1)
    listed_after_seconds: float | None = Field(default=None, ge=0)


class StatusToSet(StrictBody):
    """A status word, such as PAID."""

    status: str


class Filing(StrictBody):
    """Whether the order is filed away."""

    filed: bool = True


class Cancelling(StrictBody):
    """How to cancel: the website's restock box."""

    restock: bool = False


class LineToReduce(StrictBody):
    """Pieces to take out of an order."""

    inventory_id: int
    quantity: int = Field(ge=1)
    """By how many pieces."""
    restock: bool = False


class CallsToCharge(StrictBody):
    """Calls that other programs made with the same keys."""

    count: int = Field(ge=1)


LotBody = Annotated[
    dict[str, Any],
    Body(
        description="Fields as in the Store API's lot object, `quantity` absolute",
        examples=[{"item": {"no": "3001", "type": "PART"}, "color_id": 5, "quantity": 40, "unit_price": "0.12",
                   "new_or_used": "U"}],
    ),
]  # fmt: skip


# ---- Shops ----


@router.get("")
async def list_shops(shops: AllShops) -> list[ShopShown]:
    """List the shops."""
    return [_shop_shown(host) for host in shops]


@router.put("/{shop}")
async def put_shop(shop: str, shops: AllShops, body: ShopToPut) -> ShopShown:
    """Make a shop, or set the keys, names and switches of one."""
    known = shops.find(shop)
    settings = Settings(
        keys=Keys(
            consumer_key=body.consumer_key.get_secret_value(),
            consumer_secret=body.consumer_secret.get_secret_value(),
            token=body.token.get_secret_value(),
            token_secret=body.token_secret.get_secret_value(),
        ),
        seller_name=body.seller_name,
        currency=body.currency,
        switches=_switched(known.switches if known is not None else Switches(), body.switches),
    )
    try:
        return _shop_shown(shops.put(shop, settings))
    except ConsumerKeyTaken as error:
        raise HTTPException(409, str(error)) from error


@router.get("/{shop}")
async def get_shop(host: AShop) -> ShopShown:
    """Show a shop, without its keys."""
    return _shop_shown(host)


@router.delete("/{shop}", status_code=204)
async def delete_shop(host: AShop, shops: AllShops) -> None:
    """Close a shop for good, with everything it had."""
    await shops.remove(host.name)


@router.patch("/{shop}/switches")
async def set_switches(
    host: AShop, body: Annotated[dict[str, Any], Body(examples=[{"below_zero": "clamp"}])]
) -> Switches:
    """Set the named switches; the others keep their value. The answer lists all, with what they mean in its schema."""
    host.configure(replace(host.settings, switches=_switched(host.switches, body)))
    return host.switches


@router.post("/{shop}/calls")
async def charge_calls(host: AShop, body: CallsToCharge) -> ShopShown:
    """Use up some of the quota."""
    host.charge(body.count)
    return _shop_shown(host)


# ---- Lots, as the seller edits them on the website ----


@router.get("/{shop}/lots")
async def list_lots(host: AShop) -> list[Json]:
    """List every lot, texts as stored, each with its `status` letter and who it is reserved for."""
    return [_lot_shown(host, lot) for lot in host.shop.lots.values()]


@router.get("/{shop}/lots/{lot_id}")
async def get_lot(host: AShop, lot_id: int) -> Json:
    """Show one lot."""
    return _lot_shown(host, host.shop.get_lot(lot_id))


@router.post("/{shop}/lots", status_code=201)
async def add_lot(host: AShop, body: LotBody) -> Json:
    """Add a lot; description, is_retain and is_stock_room may be left out here."""
    with host.recorded():
        return _lot_shown(host, host.shop.put_up_lot(body, host.now()))


@router.patch("/{shop}/lots/{lot_id}")
async def edit_lot(host: AShop, lot_id: int, body: LotBody) -> Json:
    """Change a lot: absolute quantity, any field, also `reserved_for`."""
    with host.recorded():
        return _lot_shown(host, host.shop.edit_lot(lot_id, body))


@router.delete("/{shop}/lots/{lot_id}", status_code=204)
async def delete_lot(host: AShop, lot_id: int) -> None:
    """Remove a lot."""
    with host.recorded():
        host.shop.delete_lot(lot_id)


# ---- Orders, as buyers make them and the seller keeps them ----


@router.get("/{shop}/orders")
async def list_orders(host: AShop) -> list[Json]:
    """List every order with its batches, filed or not, listed yet or not."""
    return [_order_shown(host, order) for order in host.shop.orders.values()]


@router.post("/{shop}/orders", status_code=201)
async def place_order(host: AShop, body: OrderToPlace) -> Json:
    """Place an order."""
    with host.recorded():
        order = host.shop.place_order(
            _wanted(body.lines),
            host.now(),
            buyer_name=body.buyer_name,
            status=body.status,
            lag_seconds=body.listed_after_seconds,
        )
    return _order_shown(host, order)


@router.post("/{shop}/orders/{order_id}/batches", status_code=201)
async def add_batch(host: AShop, order_id: int, body: BatchToAdd) -> Json:
    """Add a batch to an open order."""
    with host.recorded():
        order = host.shop.add_to_order(order_id, _wanted(body.lines), host.now(), lag_seconds=body.listed_after_seconds)
    return _order_shown(host, order)


@router.post("/{shop}/orders/{order_id}/status")
async def set_order_status(host: AShop, order_id: int, body: StatusToSet) -> Json:
    """Set any status."""
    with host.recorded():
        return _order_shown(host, host.shop.set_order_status(order_id, body.status, host.now()))


@router.post("/{shop}/orders/{order_id}/file")
async def file_order(host: AShop, order_id: int, body: Filing | None = None) -> Json:
    """File an order away, or take it out again."""
    with host.recorded():
        return _order_shown(host, host.shop.file_order(order_id, filed=body is None or body.filed))


@router.post("/{shop}/orders/{order_id}/cancel")
async def cancel_order(host: AShop, order_id: int, body: Cancelling | None = None) -> Json:
    """Cancel an order; without `restock` no piece comes back."""
    with host.recorded():
        order = host.shop.cancel_order(order_id, host.now(), restock=body is not None and body.restock)
    return _order_shown(host, order)


@router.post("/{shop}/orders/{order_id}/reduce")
async def reduce_line(host: AShop, order_id: int, body: LineToReduce) -> Json:
    """Take pieces of a lot out of an order."""
    with host.recorded():
        order = host.shop.reduce_line(order_id, body.inventory_id, body.quantity, host.now(), restock=body.restock)
    return _order_shown(host, order)


def _switched(switches: Switches, changes: dict[str, Any]) -> Switches:
    try:
        return _SWITCHES.validate_python(asdict(switches) | changes)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise HTTPException(422, problems) from error


def _wanted(lines: Sequence[LineToOrder]) -> list[Wanted]:
    return [Wanted(line.inventory_id, line.quantity) for line in lines]


def _shop_shown(host: HostedShop) -> ShopShown:
    return ShopShown(
        name=host.name,
        seller_name=host.settings.seller_name,
        currency=host.settings.currency,
        lots=len(host.shop.lots),
        orders=len(host.shop.orders),
        calls_today=host.calls.used(host.now(), host.switches),
        now=host.now(),
        switches=host.switches,
    )


def _lot_shown(host: HostedShop, lot: Lot) -> Json:
    shown = Renderer(host.shop, plain).lot(lot)
    return shown | {"status": status_letter(lot, host.switches), "reserved_for": lot.reserved_for}


def _order_shown(host: HostedShop, order: Order) -> Json:
    render = Renderer(host.shop, plain)
    return render.order(order) | {"batches": render.batches(order)}
