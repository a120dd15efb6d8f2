"""/v1/imports."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.commands import RequestId
from gateway.guard import BEARER, GuardedRoute
from gateway.imports.models import Aspect, Confirmation, Import, ImportRow, Verdict
from gateway.imports.translate import confirmation_to_proto, import_of, row_of
from gateway.imports.upload import CSV, FORM, XML, read_upload
from gateway.pages import Page, PageAsked, PageQuery
from gateway.problems import problems
from gateway.upstreams import COMMAND_SECONDS, IMPORT_SECONDS, FromBehind
from gateway.words import value_of

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute, dependencies=[BEARER])

ImportId = Annotated[str, Path(description="The import.")]

_FILE = {
    "type": "string",
    "format": "binary",
    "description": "BrickLink's upload XML, BSX, or CSV with the columns of our export, 32 MiB at most.",
}
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
            CSV: {
                "schema": _FILE,
                "example": "item_type,item_no,color_id,condition,quantity,unit_price\nPART,3001,5,NEW,40,0.12\n",
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
    preview: bool = Field(
        default=False, description="Only judge the rows; they wait a day to be confirmed and touch nothing before."
    )


class RowFilter(BaseModel):
    """Which rows of an import."""

    refused_only: bool = Field(default=False, description="Only the refused ones.")
    verdict: list[Verdict] = Field(default=[], description="Only these verdicts; may be given several times.")
    differing: list[Aspect] = Field(
        default=[], description="Only rows that differ from their lot in one of these; may be given several times."
    )


class RowsQuery(PageQuery, RowFilter):
    """Which rows, page by page."""


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
    """Reads a file whole and accepts it; its good rows then become lots one after the other.

    It may be BrickLink's upload XML, a BSX document of BrickStore or BrickSync, or CSV as our export writes it: the
    content tells. A file that is cut off, has another root or an unknown column, or plays tricks with entities is
    refused and makes no lot. Each row that breaks a rule is refused by its line and field. With `preview` each row also
    says which lots are equal to it, and nothing happens before you confirm; without, every good row becomes a new lot.
    """
    upload = await read_upload(request)
    asked = inventory.CreateImportRequest(
        request_id=request_id,
        content=upload.content,
        file_name=upload.name,
        currency_code=query.currency,
        preview=query.preview,
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


@router.post("/{import_id}/confirm", summary="Confirm a preview", responses=problems(404, 409, 413))
async def confirm_import(import_id: ImportId, said: Confirmation, request_id: RequestId, behind: FromBehind) -> Import:
    """Says what the rows of a preview become, and lets them: new ones become lots, the others what is chosen here."""
    asked = confirmation_to_proto(request_id, import_id, said)
    return import_of((await behind.ask(behind.inventory.ConfirmImport, asked, seconds=IMPORT_SECONDS)).operation)


@router.post("/{import_id}/cancel", summary="Cancel an import", responses=problems(404, 409))
async def cancel_import(import_id: ImportId, request_id: RequestId, behind: FromBehind) -> Import:
    """Ends an import before its next rows, also a preview. Those that are lots by then stay lots."""
    asked = inventory.CancelImportRequest(request_id=request_id, import_id=import_id)
    return import_of((await behind.ask(behind.inventory.CancelImport, asked, seconds=COMMAND_SECONDS)).operation)


@router.get("/{import_id}/rows", summary="List what became of the rows", responses=problems(404))
async def list_import_rows(
    import_id: ImportId, query: Annotated[RowsQuery, Query()], behind: FromBehind
) -> Page[ImportRow]:
    """Lists the rows of the file in its order, with line, field and reason where one was refused."""
    asked = rows_asked(import_id, query, page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.inventory.ListImportRows, asked)
    return Page(items=[row_of(row) for row in answer.rows], next_cursor=answer.next_page_token or None)


def rows_asked(
    import_id: str, chosen: RowFilter, *, page_size: int, page_token: str = ""
) -> inventory.ListImportRowsRequest:
    """What inventory is asked for a page of these rows."""
    return inventory.ListImportRowsRequest(
        import_id=import_id,
        refused_only=chosen.refused_only,
        verdicts=[value_of(import_pb2.ImportVerdict, one) for one in chosen.verdict],
        differing=[value_of(import_pb2.ImportAspect, one) for one in chosen.differing],
        page_size=page_size,
        page_token=page_token,
    )
