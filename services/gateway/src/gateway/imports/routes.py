"""/v1/imports."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.commands import RequestId
from gateway.guard import BEARER, GuardedRoute
from gateway.imports.models import Import, ImportRow
from gateway.imports.translate import import_of, row_of
from gateway.imports.upload import FORM, XML, read_upload
from gateway.pages import Page, PageAsked, PageQuery
from gateway.problems import problems
from gateway.upstreams import COMMAND_SECONDS, IMPORT_SECONDS, FromBehind

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute, dependencies=[BEARER])

ImportId = Annotated[str, Path(description="The import.")]

_FILE = {"type": "string", "format": "binary", "description": "BrickLink's upload XML or BSX, 32 MiB at most."}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}},
            XML[0]: {
                "schema": _FILE,
                "example": "<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><QTY>40</QTY>"
                "<PRICE>0.12</PRICE><CONDITION>N</CONDITION></ITEM></INVENTORY>",
            },
        },
    }
}


class NewImportQuery(BaseModel):
    """What the file does not say."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    currency: str = Field(
        default="", pattern="^([A-Z]{3})?$", description="The currency of its prices, ISO 4217; the seller's if absent."
    )


class RowsQuery(PageQuery):
    """Which rows."""

    refused_only: bool = Field(default=False, description="Only the refused ones.")


@router.post(
    "", status_code=HTTPStatus.ACCEPTED, summary="Import a file", responses=problems(409, 413, 415), openapi_extra=_BODY
)
async def create_import(
    request: Request,
    query: Annotated[NewImportQuery, Query()],
    request_id: RequestId,
    behind: FromBehind,
    response: Response,
) -> Import:
    """Checks a file whole and accepts it; its good rows then become lots one after the other.

    It may be BrickLink's upload XML or a BSX document of BrickStore or BrickSync: the content tells. A file that is cut
    off, has another root or plays tricks with entities is refused and makes no lot.
    """
    upload = await read_upload(request)
    asked = inventory.CreateImportRequest(
        request_id=request_id,
        content=upload.content,
        file_name=upload.name,
        currency_code=query.currency,
    )
    answer = await behind.ask(behind.inventory.CreateImport, asked, seconds=IMPORT_SECONDS)
    response.headers["Location"] = f"/v1/imports/{answer.operation.import_id}"
    return import_of(answer.operation)


@router.get("", summary="List imports")
async def list_imports(query: PageAsked, behind: FromBehind) -> Page[Import]:
    """Lists the seller's imports, newest first."""
    asked = inventory.ListImportsRequest(page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.inventory.ListImports, asked)
    return Page(items=[import_of(one) for one in answer.imports], next_cursor=answer.next_page_token or None)


@router.get("/{import_id}", summary="Read how far an import has come", responses=problems(404))
async def get_import(import_id: ImportId, behind: FromBehind) -> Import:
    """Reads how far an import has come."""
    answer = await behind.ask(behind.inventory.GetImport, inventory.GetImportRequest(import_id=import_id))
    return import_of(answer.operation)


@router.post("/{import_id}/cancel", summary="Cancel an import", responses=problems(404, 409))
async def cancel_import(import_id: ImportId, request_id: RequestId, behind: FromBehind) -> Import:
    """Ends a running import before its next rows. Those that are lots by then stay lots."""
    asked = inventory.CancelImportRequest(request_id=request_id, import_id=import_id)
    return import_of((await behind.ask(behind.inventory.CancelImport, asked, seconds=COMMAND_SECONDS)).operation)


@router.get("/{import_id}/rows", summary="List what became of the rows", responses=problems(404))
async def list_import_rows(
    import_id: ImportId, query: Annotated[RowsQuery, Query()], behind: FromBehind
) -> Page[ImportRow]:
    """Lists the rows of the file in its order, with line, field and reason where one was refused."""
    asked = inventory.ListImportRowsRequest(
        import_id=import_id, refused_only=query.refused_only, page_size=query.limit, page_token=query.cursor
    )
    answer = await behind.ask(behind.inventory.ListImportRows, asked)
    return Page(items=[row_of(row) for row in answer.rows], next_cursor=answer.next_page_token or None)
