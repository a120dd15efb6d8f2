"""/v1/connections/{marketplace}/plan."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from brickops.sync.v1 import sync_service_pb2
from gateway.connections.routes import Marketplace
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import PageQuery
from gateway.plans.models import Plan
from gateway.plans.translate import plan_of
from gateway.problems import problems
from gateway.upstreams import COMMAND_SECONDS, FromBehind

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=GuardedRoute, dependencies=[BEARER])


class PlanQuery(PageQuery):
    """Which lots to plan for."""

    lot_id: list[str] = Field(default=[], max_length=500, description="These lots; without one, all that wait.")


@router.get("/{marketplace}/plan", summary="Say what would be sent", responses=problems(404))
async def get_plan(marketplace: Marketplace, query: Annotated[PlanQuery, Query()], behind: FromBehind) -> Plan:
    """Says which calls lots still need, with every field, how many that makes, and when they would be done if nothing
    else happened. Nothing is written, and the shop is not called.
    """
    asked = sync_service_pb2.PlanRequest(lot_ids=query.lot_id, page_size=query.limit, page_token=query.cursor)
    return plan_of(await behind.ask(behind.sync(marketplace).Plan, asked, seconds=COMMAND_SECONDS))
