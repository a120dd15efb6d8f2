"""/v1/changes."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field

from brickops.inventory.v1 import change_pb2
from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.changes.models import Change, ChangeSource, ChangeType
from gateway.changes.translate import change_of
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import Page, PageQuery
from gateway.problems import problems
from gateway.times import timestamp_of
from gateway.upstreams import FromBehind
from gateway.words import value_of

router = APIRouter(prefix="/v1/changes", tags=["changes"], route_class=GuardedRoute, dependencies=[BEARER])


class ChangesQuery(PageQuery):
    """Which changes."""

    lot_id: str = Field(default="", max_length=100, description="Only those of this lot.")
    import_id: str = Field(default="", max_length=100, description="Only those of this import.")
    bulk_edit_id: str = Field(default="", max_length=100, description="Only those of this bulk edit.")
    actor: str = Field(default="", max_length=200, description="Only those of this user or service.")
    type: list[ChangeType] = Field(default=[], description="Only these kinds; may be given several times.")
    source: list[ChangeSource] = Field(default=[], description="Only these causes; may be given several times.")
    recorded_from: AwareDatetime | None = Field(default=None, description="Only those recorded then or later.")
    recorded_before: AwareDatetime | None = Field(default=None, description="Only those recorded before.")
    undone: bool | None = Field(default=None, description="Only those that were undone, or that were not.")


@router.get("", summary="List changes", responses=problems(404))
async def list_changes(query: Annotated[ChangesQuery, Query()], behind: FromBehind) -> Page[Change]:
    """Lists recorded changes, newest first: who, when, why, what before, what after."""
    asked = inventory.ListChangesRequest(
        lot_id=query.lot_id,
        import_id=query.import_id,
        bulk_edit_id=query.bulk_edit_id,
        actor=query.actor,
        types=[value_of(change_pb2.ChangeType, one) for one in query.type],
        sources=[value_of(change_pb2.ChangeSource, one) for one in query.source],
        recorded_from=timestamp_of(query.recorded_from),
        recorded_before=timestamp_of(query.recorded_before),
        undone=query.undone,
        page_size=query.limit,
        page_token=query.cursor,
    )
    answer = await behind.ask(behind.inventory.ListChanges, asked)
    return Page(items=[change_of(change) for change in answer.changes], next_cursor=answer.next_page_token or None)


@router.get("/{change_id}", summary="Read a change", responses=problems(404))
async def get_change(change_id: Annotated[str, Path(description="The change.")], behind: FromBehind) -> Change:
    """Reads one recorded change."""
    answer = await behind.ask(behind.inventory.GetChange, inventory.GetChangeRequest(change_id=change_id))
    return change_of(answer.change)
