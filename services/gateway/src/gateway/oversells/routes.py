"""/v1/oversells."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.guard import BEARER, GuardedRoute
from gateway.oversells.models import Oversell
from gateway.oversells.translate import oversell_of
from gateway.pages import Page, PageQuery
from gateway.problems import problems
from gateway.upstreams import FromBehind

router = APIRouter(prefix="/v1/oversells", tags=["oversells"], route_class=GuardedRoute, dependencies=[BEARER])


class OversellsQuery(PageQuery):
    """Which oversells."""

    lot_id: str = Field(default="", max_length=100, description="Only those of this lot.")


@router.get("", summary="List oversells", responses=problems(404))
async def list_oversells(query: Annotated[OversellsQuery, Query()], behind: FromBehind) -> Page[Oversell]:
    """Lists sales that found too few pieces, newest first, each with the orders among which the seller must choose."""
    asked = inventory.ListOversellsRequest(lot_id=query.lot_id, page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.inventory.ListOversells, asked)
    return Page(items=[oversell_of(one) for one in answer.oversells], next_cursor=answer.next_page_token or None)
