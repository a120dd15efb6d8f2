"""The control API's lots, as the seller edits them on the website, and orders, as buyers make them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AliasChoices, Field

from sandbox.control.asking import AShop, StrictBody
from sandbox.control.shops import PREFIX
from sandbox.hosting.hosted import Json
from sandbox.model.orders import Wanted

router = APIRouter(prefix=PREFIX, tags=["lots and orders"])


class LineToOrder(StrictBody):
    """So many pieces of a lot."""

    lot_id: int = Field(validation_alias=AliasChoices("lot_id", "inventory_id"))
    """Or `inventory_id`, as BrickLink calls it."""
    quantity: int


class OrderToPlace(StrictBody):
    """An order; all lines' pieces leave the stock at once, or none."""

    lines: list[LineToOrder] = Field(min_length=1)
    buyer_name: str = "demo_buyer"
    status: str | None = None
    """In the marketplace's words; null: a fresh order's."""
    listed_after_seconds: float | None = Field(default=None, ge=0)
    """How long the API does not show it; null: as the switch `order_lag_seconds` says."""


class StatusToSet(StrictBody):
    """A status in the marketplace's words, such as PAID or Shipped."""

    status: str


class Cancelling(StrictBody):
    """How to cancel: the website's restock box."""

    restock: bool | None = None
    """Null: as the marketplace does unasked."""


class PiecesToTakeOut(StrictBody):
    """Pieces to take out of an order."""

    lot_id: int = Field(validation_alias=AliasChoices("lot_id", "inventory_id"))
    """Or `inventory_id`, as BrickLink calls it."""
    quantity: int = Field(ge=1)
    """By how many pieces."""
    restock: bool = False


LotBody = Annotated[dict[str, Any], Body(description="Fields as in the API's own lot object, the quantity absolute")]


@router.get("/{shop}/lots")
async def list_lots(host: AShop) -> list[Json]:
    """List every lot, texts as stored, with what the API does not say of it."""
    return [host.lot_shown(lot) for lot in host.shop.lots.values()]


@router.get("/{shop}/lots/{lot_id}")
async def get_lot(host: AShop, lot_id: int) -> Json:
    """Show one lot."""
    return host.lot_shown(host.shop.get_lot(lot_id))


@router.post("/{shop}/lots", status_code=201)
async def add_lot(host: AShop, body: LotBody) -> Json:
    """Add a lot; what the website's form fills in by itself may be left out."""
    with host.recorded():
        return host.lot_shown(host.shop.put_up_lot(body, host.now()))


@router.patch("/{shop}/lots/{lot_id}")
async def edit_lot(host: AShop, lot_id: int, body: LotBody) -> Json:
    """Change a lot: absolute quantity, any field, also who it is reserved for."""
    with host.recorded():
        return host.lot_shown(host.shop.edit_lot(lot_id, body))


@router.delete("/{shop}/lots/{lot_id}", status_code=204)
async def delete_lot(host: AShop, lot_id: int) -> None:
    """Remove a lot."""
    with host.recorded():
        host.shop.delete_lot(lot_id)


@router.get("/{shop}/orders")
async def list_orders(host: AShop) -> list[Json]:
    """List every order with its lines, listed yet or not."""
    return [host.order_shown(order) for order in host.shop.orders.values()]


@router.post("/{shop}/orders", status_code=201)
async def place_order(host: AShop, body: OrderToPlace) -> Json:
    """Place an order."""
    with host.recorded():
        order = host.shop.place_order(
            wanted(body.lines),
            host.now(),
            buyer_name=body.buyer_name,
            status=body.status,
            lag_seconds=body.listed_after_seconds,
        )
    return host.order_shown(order)


@router.post("/{shop}/orders/{order_id}/status")
async def set_order_status(host: AShop, order_id: int, body: StatusToSet) -> Json:
    """Set any status."""
    with host.recorded():
        return host.order_shown(host.shop.set_order_status(order_id, body.status, host.now()))


@router.post("/{shop}/orders/{order_id}/cancel")
async def cancel_order(host: AShop, order_id: int, body: Cancelling | None = None) -> Json:
    """Cancel an order; without `restock` no piece comes back."""
    with host.recorded():
        order = host.shop.cancel_order(order_id, host.now(), restock=body.restock if body is not None else None)
    return host.order_shown(order)


def wanted(lines: Sequence[LineToOrder]) -> list[Wanted]:
    """Return the lines as the model takes them."""
    return [Wanted(line.lot_id, line.quantity) for line in lines]
