"""/v1/bulk-edits."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.bulk_edits.models import BulkEdit, BulkEditPreview, LotsToEdit, NewBulkEdit
from gateway.bulk_edits.translate import bulk_edit_of, edit_to_proto, preview_of, selection_to_proto
from gateway.commands import RequestId
from gateway.guard import BEARER, GuardedRoute
from gateway.lots.models import Reason
from gateway.problems import problems
from gateway.upstreams import COMMAND_SECONDS, PREVIEW_SECONDS, FromBehind

router = APIRouter(prefix="/v1/bulk-edits", tags=["bulk edits"], route_class=GuardedRoute, dependencies=[BEARER])

BulkEditId = Annotated[str, Path(description="The bulk edit.")]


@router.post("/preview", summary="Preview a bulk edit")
async def preview_bulk_edit(said: LotsToEdit, behind: FromBehind) -> BulkEditPreview:
    """Says what a bulk edit would do to the lots as they are now: how many would change, the first of them before and
    after, and which cannot. Nothing is written.
    """
    asked = inventory.PreviewBulkEditRequest(selection=selection_to_proto(said), edit=edit_to_proto(said.edit))
    return preview_of(await behind.ask(behind.inventory.PreviewBulkEdit, asked, seconds=PREVIEW_SECONDS))


@router.post("", status_code=HTTPStatus.ACCEPTED, summary="Edit many lots", responses=problems(409))
async def create_bulk_edit(
    said: NewBulkEdit, request_id: RequestId, behind: FromBehind, response: Response
) -> BulkEdit:
    """Accepts one edit of many lots, which are chosen now and then edited one after the other.

    Each is edited as it is when its turn comes. One that cannot take the edit stays as it is, and is listed with the
    field and the reason.
    """
    asked = inventory.CreateBulkEditRequest(
        request_id=request_id,
        selection=selection_to_proto(said),
        edit=edit_to_proto(said.edit),
        reason=said.reason,
    )
    answer = await behind.ask(behind.inventory.CreateBulkEdit, asked, seconds=COMMAND_SECONDS)
    response.headers["Location"] = f"/v1/bulk-edits/{answer.operation.bulk_edit_id}"
    return bulk_edit_of(answer.operation)


@router.get("/{bulk_edit_id}", summary="Read how far a bulk edit has come", responses=problems(404))
async def get_bulk_edit(bulk_edit_id: BulkEditId, behind: FromBehind) -> BulkEdit:
    """Reads how far a bulk edit and its undo have come, and what could not be edited or undone."""
    asked = inventory.GetBulkEditRequest(bulk_edit_id=bulk_edit_id)
    return bulk_edit_of((await behind.ask(behind.inventory.GetBulkEdit, asked)).operation)


@router.post("/{bulk_edit_id}/cancel", summary="Cancel a bulk edit", responses=problems(404, 409))
async def cancel_bulk_edit(bulk_edit_id: BulkEditId, request_id: RequestId, behind: FromBehind) -> BulkEdit:
    """Ends a running bulk edit before its next lots. Those that are edited by then stay so, until it is undone."""
    asked = inventory.CancelBulkEditRequest(request_id=request_id, bulk_edit_id=bulk_edit_id)
    return bulk_edit_of((await behind.ask(behind.inventory.CancelBulkEdit, asked, seconds=COMMAND_SECONDS)).operation)


@router.post(
    "/{bulk_edit_id}/undo",
    status_code=HTTPStatus.ACCEPTED,
    summary="Undo a bulk edit",
    responses=problems(404, 409),
)
async def undo_bulk_edit(
    bulk_edit_id: BulkEditId, request_id: RequestId, behind: FromBehind, why: Reason | None = None
) -> BulkEdit:
    """Undoes all changes of a bulk edit that is over, newest first; those that cannot be undone are listed.

    A field goes back only where nobody changed it since. A bulk edit is undone once, unless it was redone.
    """
    asked = inventory.UndoBulkEditRequest(
        request_id=request_id, bulk_edit_id=bulk_edit_id, reason=why.reason if why else ""
    )
    return bulk_edit_of((await behind.ask(behind.inventory.UndoBulkEdit, asked, seconds=COMMAND_SECONDS)).operation)


@router.post(
    "/{bulk_edit_id}/redo",
    status_code=HTTPStatus.ACCEPTED,
    summary="Redo a bulk edit that was undone",
    responses=problems(404, 409),
)
async def redo_bulk_edit(
    bulk_edit_id: BulkEditId, request_id: RequestId, behind: FromBehind, why: Reason | None = None
) -> BulkEdit:
    """Undoes the undo of a bulk edit, once that is done."""
    asked = inventory.UndoBulkEditRequest(
        request_id=request_id, bulk_edit_id=bulk_edit_id, reason=why.reason if why else "", redo=True
    )
    return bulk_edit_of((await behind.ask(behind.inventory.UndoBulkEdit, asked, seconds=COMMAND_SECONDS)).operation)
