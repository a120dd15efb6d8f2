"""A page for a person: the shops, a shop's lots and orders as they are now, and a form to buy pieces of a lot."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs, quote, urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from sandbox.bricklink.control import AllShops, AShop
from sandbox.bricklink.describing import render_docs
from sandbox.bricklink.entities import Lot
from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.filters import status_letter
from sandbox.bricklink.shop import Wanted

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_LOTS_SHOWN = 200
_ORDERS_SHOWN = 50
_STATUS_WORDS = {
    "Y": "for sale",
    "S": "stockroom A",
    "B": "stockroom B",
    "C": "stockroom C",
    "N": "sold out",
    "R": "reserved",
}
_TEMPLATES = Environment(loader=PackageLoader("sandbox.bricklink"), autoescape=select_autoescape())


@dataclass(frozen=True)
class _LotRow:
    lot: Lot
    rgb: str
    status: str


@router.get("/")
async def show_shops(shops: AllShops) -> str:
    """List the shops."""
    return _TEMPLATES.get_template("shops.html").render(shops=list(shops))


@router.get("/shops/{shop}")
async def show_shop(host: AShop, shops: AllShops, find: str = "", message: str = "") -> str:
    """Show a shop; `find` narrows the lots to those with this text in number, name, colour or remarks."""
    matching = [lot for lot in host.shop.lots.values() if _mentions(lot, find)]
    return _TEMPLATES.get_template("shop.html").render(
        host=host,
        find=find,
        message=message,
        matching=len(matching),
        rows=[
            _LotRow(lot, shops.catalog.colors[lot.color_id].rgb, _STATUS_WORDS[status_letter(lot, host.switches)])
            for lot in matching[-_LOTS_SHOWN:][::-1]
        ],
        pieces=sum(lot.quantity for lot in host.shop.lots.values()),
        orders=list(host.shop.orders.values())[-_ORDERS_SHOWN:][::-1],
        calls=host.calls.used(host.now(), host.switches),
    )


@router.get("/docs")
async def show_docs(request: Request) -> str:
    """Show the control API."""
    app: FastAPI = request.app
    return render_docs(_TEMPLATES, app.openapi())


@router.post("/shops/{shop}/orders")
async def buy(host: AShop, request: Request, find: Annotated[str, Query()] = "") -> RedirectResponse:
    """Place an order for the pieces in the form, and show the shop again."""
    form = parse_qs((await request.body()).decode("utf-8", errors="replace"))
    try:
        wanted = Wanted(int(form["inventory_id"][0]), int(form["quantity"][0]))
        with host.recorded():
            order = host.shop.place_order([wanted], host.now(), buyer_name="web_buyer")
        message = f"Order {order.order_id}: {wanted.quantity} sold."
    except ShopError as error:
        message = error.description
    except (KeyError, ValueError):
        message = "How many pieces?"
    return RedirectResponse(f"/shops/{quote(host.name)}?{urlencode({'find': find, 'message': message})}", 303)


def _mentions(lot: Lot, text: str) -> bool:
    words = f"{lot.lot_id} {lot.item.number} {lot.item.name} {lot.color_name} {lot.remarks}"
    return text.casefold() in words.casefold()
