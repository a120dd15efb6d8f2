"""/v1/exports."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from brickops.inventory.v1 import export_pb2
from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.exports.models import ExportFormat, ExportQuery
from gateway.guard import BEARER, GuardedRoute
from gateway.lots.filter import filter_to_proto
from gateway.upstreams import EXPORT_SECONDS, FromBehind
from gateway.words import value_of

router = APIRouter(prefix="/v1/exports", tags=["exports"], route_class=GuardedRoute, dependencies=[BEARER])

_FILES: Final = {
    ExportFormat.CSV: ("text/csv; charset=utf-8", "lots.csv"),
    ExportFormat.JSON: ("application/json", "lots.json"),
    ExportFormat.BRICKLINK_XML: ("application/xml", "lots.xml"),
    ExportFormat.BSX: ("application/xml", "lots.bsx"),
}
_SCHEMA: Final = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {kind.partition(";")[0]: _SCHEMA for kind, _ in _FILES.values()}}
}


@router.get("/lots", summary="Export lots", response_class=StreamingResponse, responses=_RESPONSES)
async def export_lots(query: Annotated[ExportQuery, Query()], behind: FromBehind) -> StreamingResponse:
    """Writes the seller's lots to a file, which is sent as it is read: by lot id, oldest first.

    A lot that changes meanwhile is as it was when its turn came. A file that could not be finished is cut off without
    its last chunk, so that a client sees that it is not whole.
    """
    asked = inventory.ExportLotsRequest(
        format=value_of(export_pb2.ExportFormat, query.format),
        with_pieces_only=query.with_pieces_only,
        filter=filter_to_proto(query),
    )
    answers = behind.stream(behind.inventory.ExportLots, asked, seconds=EXPORT_SECONDS)
    first = await anext(answers)  # what refuses the request does so here, before the answer has begun
    media_type, name = _FILES[query.format]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_file(first, answers), media_type=media_type, headers=headers)


async def _file(
    first: inventory.ExportLotsResponse, rest: AsyncIterator[inventory.ExportLotsResponse]
) -> AsyncIterator[bytes]:
    yield first.content
    async for answer in rest:
        yield answer.content
