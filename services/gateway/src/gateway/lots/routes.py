"""/v1/lots."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.commands import ExpectedRevision, RequestId, etag_of
from gateway.guard import BEARER, GuardedRoute
from gateway.lots.filter import LotFilter, LotSort, filter_to_proto, sort_to_proto
from gateway.lots.models import (
    Adjustment,
    ChangedLot,
    CreatedLot,
    LotPage,
    LotPatch,
    LotWithSync,
    NewLot,
    Reason,
    Sync,
    UpdatedLot,
)
from gateway.lots.translate import (
    changed_lot,
    created_lot,
    lot_to_proto,
    lot_with_sync,
    patch_to_proto,
    sync_of,
    updated_lot,
)
from gateway.pages import PageQuery
from gateway.problems import FieldProblem, Problem, problems
from gateway.upstreams import COMMAND_SECONDS, FromBehind

router = APIRouter(prefix="/v1/lots", tags=["lots"], route_class=GuardedRoute, dependencies=[BEARER])

LotId = Annotated[str, Path(description="The lot.", examples=["019a5a5e-7d5c-7c3e-8f6b-0d9a7a6c1b2f"])]


class LotsQuery(PageQuery, LotFilter):
    """Which lots, in which order, and which page of them."""

    sort: LotSort = Field(
        default=LotSort.CREATED_AT, description="What they are ordered by; equal ones as they were made."
    )
    descending: bool = Field(default=False, description="Whether the highest comes first.")
    count: bool = Field(default=False, description="Whether to count them all, which reads every one of them.")


@router.post("", status_code=HTTPStatus.CREATED, summary="Make a lot", responses=problems(409))
async def create_lot(lot: NewLot, request_id: RequestId, behind: FromBehind, response: Response) -> CreatedLot:
    """Makes a lot. It goes to every connected shop unless it has no pieces for sale."""
    asked = inventory.CreateLotRequest(request_id=request_id, lot=lot_to_proto(lot), reason=lot.reason)
    created = created_lot(await behind.ask(behind.inventory.CreateLot, asked, seconds=COMMAND_SECONDS))
    response.headers.update(etag_of(created.revision) | {"Location": f"/v1/lots/{created.lot_id}"})
    return created


@router.get("", summary="List lots")
async def list_lots(query: Annotated[LotsQuery, Query()], behind: FromBehind) -> LotPage:
    """Lists lots of the seller, each with how far it has come in each shop.

    A cursor is good for the filter and the order that it was given for. A lot that nobody changes meanwhile is on
    exactly one page, whatever is made or put away between two pages.
    """
    asked = inventory.ListLotsRequest(
        page_size=query.limit,
        page_token=query.cursor,
        filter=filter_to_proto(query),
        order_by=sort_to_proto(query.sort),
        descending=query.descending,
        count=query.count,
    )
    answer = await behind.ask(behind.inventory.ListLots, asked)
    return LotPage(
        items=[lot_with_sync(lot) for lot in answer.lots],
        next_cursor=answer.next_page_token or None,
        count=answer.count if answer.HasField("count") else None,
    )


@router.get("/{lot_id}", summary="Read a lot", responses=problems(404))
async def get_lot(lot_id: LotId, behind: FromBehind, response: Response) -> LotWithSync:
    """Reads one lot and how far it has come in each shop. Its ETag is the lot's revision."""
    lot = lot_with_sync(await behind.ask(behind.inventory.GetLot, inventory.GetLotRequest(lot_id=lot_id)))
    response.headers.update(etag_of(lot.revision))
    return lot


@router.get("/{lot_id}/sync", summary="Read how far a lot has come", responses=problems(404))
async def get_lot_sync(lot_id: LotId, behind: FromBehind) -> Sync:
    """Reads how far a lot has come in each shop, by marketplace and group of fields."""
    answer = await behind.ask(behind.inventory.GetLot, inventory.GetLotRequest(lot_id=lot_id))
    return sync_of(answer.sync)


@router.patch("/{lot_id}", summary="Change fields of a lot", responses=problems(404, 409, 412, 428))
async def update_lot(
    lot_id: LotId,
    patch: LotPatch,
    request_id: RequestId,
    revision: ExpectedRevision,
    behind: FromBehind,
    response: Response,
) -> UpdatedLot:
    """Sets the fields that the body names: a JSON merge patch, in which null clears a field.

    The lot as it then is must keep every rule: one that becomes a set needs its completeness. An absolute quantity
    needs If-Match, since pieces may have been sold meanwhile; /adjust changes it by a difference.
    """
    values, mask = patch_to_proto(lot_id, patch)
    if not mask.paths:
        raise Problem.of_field("body", "names no field to change")
    if "quantity" in mask.paths and revision is None:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "IF_MATCH_REQUIRED",
            "An absolute quantity needs If-Match with the revision that it was decided on.",
            errors=[FieldProblem(field="quantity", detail="needs If-Match; or use /adjust with a difference")],
        )
    asked = inventory.UpdateLotRequest(
        request_id=request_id, lot=values, update_mask=mask, expected_revision=revision, reason=patch.reason
    )
    updated = updated_lot(await behind.ask(behind.inventory.UpdateLot, asked, seconds=COMMAND_SECONDS))
    response.headers.update(etag_of(updated.revision))
    return updated


@router.post("/{lot_id}/adjust", summary="Change a quantity by a difference", responses=problems(404, 409, 412))
async def adjust_quantity(
    lot_id: LotId,
    adjustment: Adjustment,
    request_id: RequestId,
    revision: ExpectedRevision,
    behind: FromBehind,
    response: Response,
) -> ChangedLot:
    """Adds pieces, takes some, or moves them between "for sale" and "set aside". Never below zero."""
    asked = inventory.AdjustQuantityRequest(
        request_id=request_id,
        lot_id=lot_id,
        by=adjustment.by,
        reserved_by=adjustment.reserved_by,
        expected_revision=revision,
        reason=adjustment.reason,
    )
    answer = await behind.ask(behind.inventory.AdjustQuantity, asked, seconds=COMMAND_SECONDS)
    return _changed(answer, response)


@router.post("/{lot_id}/archive", summary="Put a lot away", responses=problems(404, 409, 412))
async def archive_lot(
    lot_id: LotId,
    request_id: RequestId,
    revision: ExpectedRevision,
    behind: FromBehind,
    response: Response,
    why: Reason | None = None,
) -> ChangedLot:
    """Puts a lot away: it leaves every shop, and can be restored."""
    asked = inventory.ArchiveLotRequest(
        request_id=request_id, lot_id=lot_id, expected_revision=revision, reason=why.reason if why else ""
    )
    answer = await behind.ask(behind.inventory.ArchiveLot, asked, seconds=COMMAND_SECONDS)
    return _changed(answer, response)


@router.post("/{lot_id}/restore", summary="Take a lot out again", responses=problems(404, 409, 412))
async def restore_lot(
    lot_id: LotId,
    request_id: RequestId,
    revision: ExpectedRevision,
    behind: FromBehind,
    response: Response,
    why: Reason | None = None,
) -> ChangedLot:
    """Takes an archived lot out again: it returns to every connected shop."""
    asked = inventory.RestoreLotRequest(
        request_id=request_id, lot_id=lot_id, expected_revision=revision, reason=why.reason if why else ""
    )
    answer = await behind.ask(behind.inventory.RestoreLot, asked, seconds=COMMAND_SECONDS)
    return _changed(answer, response)


def _changed(
    answer: inventory.AdjustQuantityResponse | inventory.ArchiveLotResponse | inventory.RestoreLotResponse,
    response: Response,
) -> ChangedLot:
    response.headers.update(etag_of(answer.lot.revision))
    return changed_lot(answer.lot, answer.change_id)
