"""The control API under `/sandbox`: what a test, or a person with curl, does to a shop from outside of its API.

It plays the buyers and the seller on the website, sets a shop's switches and faults, and shows the request log. Every
route is described in `/openapi.json` and `/docs`. Nothing here answers a key.
"""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sandbox.control.asking import AllShops, AShop, StrictBody
from sandbox.hosting.hosted import AnySettings, HostedShop
from sandbox.hosting.shops import KeyTaken, Shops
from sandbox.model.switches import AnySwitches

S = TypeVar("S", bound=AnySwitches)

PREFIX = "/sandbox/shops"

router = APIRouter(prefix=PREFIX, tags=["shops"])


class ShopToPut(StrictBody):
    """A shop to make, or new settings for one that is there: its stock and orders stay."""

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
    calls: dict[str, int]
    """Calls that each limit of the shop has counted in its window."""
    now: datetime
    """The shop's clock."""
    switches: dict[str, Any]


class CallsToCharge(StrictBody):
    """Calls that other programs made with the same keys."""

    count: int = Field(ge=1)
    limit: str | None = None
    """The limit they count against; null: the shop's first."""


@router.get("")
async def list_shops(shops: AllShops) -> list[ShopShown]:
    """List the shops."""
    return [shop_shown(host) for host in shops]


@router.get("/{shop}")
async def get_shop(host: AShop) -> ShopShown:
    """Show a shop, without its keys."""
    return shop_shown(host)


@router.delete("/{shop}", status_code=204)
async def delete_shop(host: AShop, shops: AllShops) -> None:
    """Close a shop for good, with everything it had."""
    await shops.remove(host.name)


@router.post("/{shop}/calls")
async def charge_calls(host: AShop, body: CallsToCharge) -> ShopShown:
    """Use up some of the quota."""
    limit = body.limit or next(iter(host.windows))
    if limit not in host.windows:
        raise HTTPException(422, f"limit: none of {', '.join(host.windows)}")
    host.charge({limit: body.count}, host.now())
    return shop_shown(host)


async def set_switches(host: AShop, body: Annotated[dict[str, Any], Body(examples=[{"below_zero": "clamp"}])]) -> Any:
    """Set the named switches; the others keep their value. The answer lists all, with what they mean in its schema."""
    host.configure(replace(host.settings, switches=switched(host.switches, body)))
    return host.switches


def add_switches_route(routes: APIRouter, switches: type) -> None:
    """Add `PATCH /{shop}/switches`, whose schema is that of the marketplace's own switches."""
    routes.add_api_route("/{shop}/switches", set_switches, methods=["PATCH"], response_model=switches)


def put(shops: Shops[Any, Any], name: str, settings: AnySettings) -> ShopShown:
    """Make a shop or set it anew; 409 when another has its key."""
    try:
        return shop_shown(shops.put(name, settings))
    except KeyTaken as error:
        raise HTTPException(409, str(error)) from error


def switched(switches: S, changes: dict[str, Any]) -> S:
    """Return the switches with some of them changed; 422 when one is not there or not well set."""
    try:
        return TypeAdapter(type(switches)).validate_python(asdict(switches) | changes)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise HTTPException(422, problems) from error


def shop_shown(host: HostedShop[Any, Any]) -> ShopShown:
    """Return a shop without its keys."""
    return ShopShown(
        name=host.name,
        seller_name=host.settings.seller_name,
        currency=host.settings.currency,
        lots=len(host.shop.lots),
        orders=len(host.shop.orders),
        calls=host.used_calls(),
        now=host.now(),
        switches=asdict(host.switches),
    )
