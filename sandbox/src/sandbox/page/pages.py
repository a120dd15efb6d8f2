"""A page for a person: the shops, a shop's lots and orders as they are now, and a form to buy pieces of a lot."""

from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from sandbox.control.asking import AllShops, AShop
from sandbox.control.describing import docs_of
from sandbox.model.errors import Refusal
from sandbox.model.orders import Wanted

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_LOTS_SHOWN = 200
_ORDERS_SHOWN = 50
_TEMPLATES = Environment(loader=PackageLoader("sandbox.page"), autoescape=select_autoescape())


def _render(request: Request, template: str, **values: Any) -> str:
    app: FastAPI = request.app
    return _TEMPLATES.get_template(template).render(sandbox=app.title, **values)


@router.get("/")
async def show_shops(request: Request, shops: AllShops) -> str:
    """List the shops."""
    return _render(request, "shops.html", shops=list(shops))


@router.get("/shops/{shop}")
async def show_shop(request: Request, host: AShop, find: str = "", message: str = "") -> str:
    """Show a shop; `find` narrows the lots to those with this text in number, name, colour or private note."""
    rows = [row for lot in host.shop.lots.values() if (row := host.lot_row(lot)).mentions(find)]
    return _render(
        request,
        "shop.html",
        host=host,
        find=find,
        message=message,
        matching=len(rows),
        rows=rows[-_LOTS_SHOWN:][::-1],
        pieces=sum(lot.quantity for lot in host.shop.lots.values()),
        orders=[host.order_row(order) for order in list(host.shop.orders.values())[-_ORDERS_SHOWN:][::-1]],
        calls=host.used_calls(),
    )


@router.get("/docs")
async def show_docs(request: Request) -> str:
    """Show the control API."""
    app: FastAPI = request.app
    return _render(request, "docs.html", **docs_of(app.openapi()))


@router.post("/shops/{shop}/orders")
async def buy(host: AShop, request: Request, find: Annotated[str, Query()] = "") -> RedirectResponse:
    """Place an order for the pieces in the form, and show the shop again."""
    form = parse_qs((await request.body()).decode("utf-8", errors="replace"))
    try:
        wanted = Wanted(int(form["lot_id"][0]), int(form["quantity"][0]))
        with host.recorded():
            order = host.shop.place_order([wanted], host.now(), buyer_name="web_buyer")
        message = f"Order {order.order_id}: {wanted.quantity} sold."
    except Refusal as error:
        message = error.description
    except (KeyError, ValueError):
        message = "How many pieces?"
    return RedirectResponse(f"/shops/{quote(host.name)}?{urlencode({'find': find, 'message': message})}", 303)
