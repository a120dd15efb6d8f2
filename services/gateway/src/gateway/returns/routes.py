"""/v1/returns."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import Page, PageQuery
from gateway.problems import problems
from gateway.returns.models import Return
from gateway.returns.translate import return_of
from gateway.upstreams import FromBehind

router = APIRouter(prefix="/v1/returns", tags=["returns"], route_class=GuardedRoute, dependencies=[BEARER])


class ReturnsQuery(PageQuery):
    """Which returns."""

    lot_id: str = Field(default="", max_length=100, description="Only those of this lot.")
    include_closed: bool = Field(default=False, description="Whether closed returns are listed too.")


@router.get("", summary="List returns", responses=problems(404))
async def list_returns(query: Annotated[ReturnsQuery, Query()], behind: FromBehind) -> Page[Return]:
    """Lists returns, newest first: pieces that left an order and of which nobody has said where they are.

    No shop puts pieces back by itself when an order is cancelled. Once they are back in the shop or in the stock, the
    return closes.
    """
    asked = inventory.ListReturnsRequest(
        lot_id=query.lot_id,
        include_closed=query.include_closed,
        page_size=query.limit,
        page_token=query.cursor,
    )
    answer = await behind.ask(behind.inventory.ListReturns, asked)
    return Page(items=[return_of(one) for one in answer.returns], next_cursor=answer.next_page_token or None)
