"""A seller's lots as a file in pieces: a page is read, written, sent, and forgotten."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.domain.errors import InvalidFields
from inventory.domain.lot_filter import LotFilter
from inventory.exports.bricklink_xml import BrickLinkXml
from inventory.exports.bsx import Bsx
from inventory.exports.csv_table import CsvTable
from inventory.exports.json_array import JsonArray
from inventory.exports.operation import ExportedLot, Writer
from inventory.storage.exports import page_to_export
from inventory.storage.lot_pages import Place
from inventory.storage.sellers import find_currency

WRITERS: Final[Mapping[str, Callable[[str], Writer]]] = {
    "CSV": lambda _: CsvTable(),
    "JSON": lambda _: JsonArray(),
    "BRICKLINK_XML": lambda _: BrickLinkXml(),
    "BSX": Bsx,
}
"""By format, as ExportFormat in `export.proto` calls it; each is told the seller's currency."""

PAGE_LOTS: Final = 200
LARGEST_PIECE: Final = 64 * 1024
"""Bytes that a piece of the file has at most."""
_NO_CURRENCY: Final = "USD"
"""BSX's own default, for a file of a seller who has no price yet, and so no lots."""


async def export_lots(engine: AsyncEngine, seller_id: str, file_format: str, wanted: LotFilter) -> AsyncIterator[bytes]:
    """The file in pieces, by lot id. Raises InvalidFields before the first one.

    No transaction outlives a page, for whoever downloads may be slow: a lot that changes meanwhile is as it was when
    its page was read; one made meanwhile is in the file, as its id is higher.
    """
    if file_format not in WRITERS:
        raise InvalidFields.one("format", f"must be one of {', '.join(WRITERS)}")
    async with engine.connect() as conn:
        currency = await find_currency(conn, seller_id)
    writer = WRITERS[file_format](currency or _NO_CURRENCY)
    waiting = bytearray(writer.head().encode())
    after: Place | None = None
    while page := await _page(engine, seller_id, wanted, after):
        after = Place(None, page[-1].lot.lot_id)
        for exported in page:
            waiting += writer.lot(exported).encode()
            while len(waiting) >= LARGEST_PIECE:
                yield bytes(waiting[:LARGEST_PIECE])
                del waiting[:LARGEST_PIECE]
    yield bytes(waiting + writer.tail().encode())


async def _page(engine: AsyncEngine, seller_id: str, wanted: LotFilter, after: Place | None) -> list[ExportedLot]:
    async with engine.connect() as conn:
        return await page_to_export(conn, seller_id, wanted, after=after, limit=PAGE_LOTS)
