"""Where pings come in. Nobody is asked who they are, nothing of a body is read, and every answer is the same."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.routing import Route

from gateway.door import Door
from gateway.pings.passing import Pings

router = APIRouter(prefix="/pings", tags=["pings"])

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SHOP_NUMBER = re.compile(r"[0-9]{1,20}")


@router.post("/{marketplace}/{token}", summary="Take a marketplace's ping", response_class=Response)
async def take_ping(
    marketplace: Annotated[str, Path(description="The marketplace.", examples=["bricklink"])],
    token: Annotated[str, Path(description="The secret part of the connection's own address.")],
    request: Request,
) -> Response:
    """Brings the next read of a shop's orders forward. The answer says nothing, whatever was asked."""
    if not _TOKEN.fullmatch(token):
        return _answer(None)
    pings: Pings = request.app.state.pings
    return _answer(BackgroundTask(pings.pass_on, marketplace, token=token))


def brickowl_door(pings: Pings) -> Door:
    """Make the application that Brick Owl's pings come to: port and path are fixed, a shop's number is all they say."""

    async def take(request: Request) -> Response:
        number = request.query_params.get("store_id", "")
        if not _SHOP_NUMBER.fullmatch(number):
            return _answer(None)
        return _answer(BackgroundTask(pings.pass_on, "brickowl", shop_number=number))

    return Door(Starlette(routes=[Route("/brick_owl_order_notify", take, methods=["GET"])]))


def _answer(then: BackgroundTask | None) -> Response:
    return Response(status_code=HTTPStatus.OK, background=then)
