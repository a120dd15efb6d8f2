"""/v1/changes/{change_id}/undo, /v1/imports/{import_id}/undo and /redo."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.commands import RequestId, etag_of
from gateway.guard import BEARER, GuardedRoute
from gateway.lots.models import ChangedLot, Reason
from gateway.lots.translate import changed_lot
from gateway.problems import problems
from gateway.undos.models import ImportUndo
from gateway.undos.translate import import_undo_of
from gateway.upstreams import COMMAND_SECONDS, FromBehind

router = APIRouter(prefix="/v1", tags=["undos"], route_class=GuardedRoute, dependencies=[BEARER])

ChangeId = Annotated[str, Path(description="The change.")]
ImportId = Annotated[str, Path(description="The import.")]


@router.post("/changes/{change_id}/undo", summary="Undo a change", responses=problems(404, 409))
async def undo_change(
    change_id: ChangeId, request_id: RequestId, behind: FromBehind, response: Response, why: Reason | None = None
) -> ChangedLot:
    """Undoes a change by one that makes up for it; what was sold since stays sold.

    Fields other than pieces go back only where nobody changed them since; else the answer is 409 and names them. A
    creation is undone by putting the lot away. What an order did cannot be undone. To redo, undo the undo.
    """
    asked = inventory.UndoChangeRequest(request_id=request_id, change_id=change_id, reason=why.reason if why else "")
    answer = await behind.ask(behind.inventory.UndoChange, asked, seconds=COMMAND_SECONDS)
    response.headers.update(etag_of(answer.lot.revision))
    return changed_lot(answer.lot, answer.change_id)


@router.post(
    "/imports/{import_id}/undo",
    status_code=HTTPStatus.ACCEPTED,
    summary="Undo an import",
    responses=problems(404, 409),
)
async def undo_import(
    import_id: ImportId, request_id: RequestId, behind: FromBehind, response: Response, why: Reason | None = None
) -> ImportUndo:
    """Undoes all changes of an import, newest first, one after the other; those that cannot be undone are listed.

    An import that still runs is not undone, nor is one a second time unless it was redone. Of an import from a shop the
    undo puts the new lots away, so their listings leave that shop, beyond a tenth of it only once you agree; lots that
    were only linked stay linked.
    """
    asked = inventory.UndoImportRequest(request_id=request_id, import_id=import_id, reason=why.reason if why else "")
    return await _accepted(asked, behind, response)


@router.post(
    "/imports/{import_id}/redo",
    status_code=HTTPStatus.ACCEPTED,
    summary="Redo an import that was undone",
    responses=problems(404, 409),
)
async def redo_import(
    import_id: ImportId, request_id: RequestId, behind: FromBehind, response: Response, why: Reason | None = None
) -> ImportUndo:
    """Undoes the undo of an import, once that is done; how far it has come is read as the undo is."""
    reason = why.reason if why else ""
    asked = inventory.UndoImportRequest(request_id=request_id, import_id=import_id, reason=reason, redo=True)
    return await _accepted(asked, behind, response)


async def _accepted(asked: inventory.UndoImportRequest, behind: FromBehind, response: Response) -> ImportUndo:
    answer = await behind.ask(behind.inventory.UndoImport, asked, seconds=COMMAND_SECONDS)
    response.headers["Location"] = f"/v1/imports/{asked.import_id}/undo"
    return import_undo_of(answer.operation)


@router.get("/imports/{import_id}/undo", summary="Read how far the undo of an import has come", responses=problems(404))
async def get_import_undo(import_id: ImportId, behind: FromBehind) -> ImportUndo:
    """Reads how far the undo of an import has come, and what could not be undone."""
    asked = inventory.GetImportUndoRequest(import_id=import_id)
    return import_undo_of((await behind.ask(behind.inventory.GetImportUndo, asked)).operation)
