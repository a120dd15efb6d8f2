"""What the routes of the control API share: which shop is meant, and bodies without unknown fields."""

from typing import Annotated, Any, cast

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from sandbox.hosting.hosted import HostedShop
from sandbox.hosting.shops import Shops


def all_shops(request: Request) -> Shops[Any, Any]:
    """Return the shops of the server that got the request."""
    return cast("Shops[Any, Any]", request.app.state.shops)


AllShops = Annotated[Shops[Any, Any], Depends(all_shops)]


def hosted(shop: str, shops: AllShops) -> HostedShop[Any, Any]:
    """Return the shop in the path; 404 when there is none."""
    host: HostedShop[Any, Any] | None = shops.find(shop)
    if host is None:
        raise HTTPException(404, f"No such shop: {shop}")
    return host


AShop = Annotated[HostedShop[Any, Any], Depends(hosted)]


class StrictBody(BaseModel):
    """A request body without unknown fields."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
