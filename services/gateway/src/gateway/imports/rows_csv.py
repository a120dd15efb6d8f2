"""/v1/imports/{import_id}/rows.csv: what a preview found, for a spreadsheet."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from gateway.guard import BEARER, GuardedRoute
from gateway.imports.models import ImportRow
from gateway.imports.routes import ImportId, RowFilter, rows_asked
from gateway.imports.translate import row_of
from gateway.problems import problems
from gateway.upstreams import Behind, FromBehind

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute, dependencies=[BEARER])

_PAGE: Final = 500
_HEADER: Final = (
    *("number", "line", "listing_id", "verdict", "choice", "item_type", "item_no", "color_id", "condition"),
    *("completeness", "quantity", "lot_id", "at_fault", "reason", "field", "ours", "theirs"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}},
    **problems(404),
}


class CsvQuery(RowFilter):
    """Which rows."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


@router.get(
    "/{import_id}/rows.csv",
    summary="Download what became of the rows",
    response_class=StreamingResponse,
    responses=_RESPONSES,
)
async def download_import_rows(
    import_id: ImportId, query: Annotated[CsvQuery, Query()], behind: FromBehind
) -> StreamingResponse:
    """Writes the rows to a CSV file, one line for each field in which a row differs from its lot, or one for the row.

    Texts that a spreadsheet would run as a formula get an apostrophe before them. A file that could not be finished is
    cut off without its last chunk.
    """
    asked = rows_asked(import_id, query, page_size=_PAGE)
    first = await behind.ask(behind.inventory.ListImportRows, asked)  # what refuses the request does so here
    headers = {"Content-Disposition": 'attachment; filename="import-rows.csv"'}
    return StreamingResponse(_file(behind, asked, first), media_type="text/csv; charset=utf-8", headers=headers)


async def _file(
    behind: Behind, asked: inventory.ListImportRowsRequest, page: inventory.ListImportRowsResponse
) -> AsyncIterator[bytes]:
    yield _lines([_HEADER])
    while True:
        yield _lines(line for row in page.rows for line in lines_of(row_of(row)))
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token
        page = await behind.ask(behind.inventory.ListImportRows, asked)


def lines_of(row: ImportRow) -> Sequence[Sequence[str]]:
    """The lines of one row, value by value as in the header."""
    item: dict[str, Any] = {} if row.item is None else row.item.model_dump(mode="json")
    lot_id = row.lot_id or row.duplicate_lot_id
    own = [row.number, row.line or None, row.listing_id, row.verdict, row.choice]
    own += [item.get(name) for name in ("item_type", "item_no", "color_id", "condition", "completeness")]
    own += [row.quantity, lot_id, row.field, row.reason]
    differing: list[tuple[Any, Any, Any]] = [(each.field, each.ours, each.theirs) for each in row.differences]
    differing = differing or [(None, None, None)]
    return [[_text(value) for value in (*own, *each)] for each in differing]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    if not isinstance(value, str):
        return str(value)
    return f"'{value}" if value.startswith(_FORMULA) else value


def _lines(lines: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()
