"""How a file, or a shop's list, becomes an import: whole before anything of it is believed, then kept, to be judged."""

import asyncio
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.commands import By
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.text import normal_form
from inventory.ids import new_id
from inventory.imports import shop_rows
from inventory.imports.checking import check_rows
from inventory.imports.dialect import MOST_ROWS, FileRefused
from inventory.imports.operation import Import, ImportStage, NothingToImport, Row
from inventory.imports.reading import DIALECTS, read_file
from inventory.storage.import_rows import add_rows
from inventory.storage.imports import add_import
from inventory.storage.sellers import find_currency
from inventory.storage.unit_of_work import UnitOfWork

LARGEST_FILE: Final = 32 * 1024 * 1024
LONGEST_FILE_NAME: Final = 255
LONGEST_LISTING_ID: Final = 50
ANY_FORMAT: Final = "UNSPECIFIED"

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file as it came in."""

    format: str
    """One of DIALECTS, or ANY_FORMAT: then the content says which one it is. Its name never does."""
    content: bytes
    file_name: str
    currency: str
    """Empty means the seller's."""
    preview: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeFile:
    """A file that was read to its end, or a shop's list; its rows are not judged yet."""

    format: str
    file_name: str
    currency: str
    preview: bool
    rows: list[Row]
    fields: Set[str]
    marketplace: str = ""


async def read_upload(file: UploadedFile, by: By, engine: AsyncEngine) -> WholeFile:
    """Reads a file whole, beside the event loop. Raises InvalidFields if it cannot be taken; nothing is written."""
    violations = []
    if file.format not in {*DIALECTS, ANY_FORMAT}:
        violations.append(Violation("format", f"must be one of {', '.join(DIALECTS)}, or left out"))
    if not file.content:
        violations.append(Violation("content", "is empty"))
    if len(file.content) > LARGEST_FILE:
        violations.append(Violation("content", f"must have {LARGEST_FILE // 1024 // 1024} MiB at most"))
    file_name = normal_form(file.file_name)
    if len(file_name) > LONGEST_FILE_NAME:
        violations.append(Violation("file_name", f"must have {LONGEST_FILE_NAME} characters at most"))
    if violations:
        raise InvalidFields(violations)
    async with engine.connect() as conn:
        currency = _currency(file.currency, await find_currency(conn, by.seller_id))
    try:
        read = await asyncio.to_thread(read_file, file.content, file.format, currency=currency)
    except FileRefused as refusal:
        raise InvalidFields.one("content", str(refusal)) from None
    return WholeFile(
        format=read.dialect.format,
        file_name=file_name,
        currency=currency,
        preview=file.preview,
        rows=read.rows,
        fields=read.fields,
    )


def _currency(said: str, sellers: str | None) -> str:
    if not said and sellers is None:
        raise InvalidFields.one("currency_code", "is required: no price of this seller has fixed it yet")
    if said and not _CURRENCY.fullmatch(said):
        raise InvalidFields.one("currency_code", "must be three capital letters, such as EUR")
    if sellers is not None and said not in {"", sellers}:
        raise InvalidFields.one("currency_code", f"must be {sellers}, the seller's currency")
    return said or sellers or ""


async def accept_file(file: WholeFile, by: By, work: UnitOfWork) -> Import:
    """Keeps a file as an import, which then goes on by itself; the first rows are judged at once."""
    operation = Import(
        import_id=new_id(),
        seller_id=by.seller_id,
        format=file.format,
        file_name=file.file_name,
        currency=file.currency,
        actor=by.actor,
        correlation_id=by.correlation_id,
        total_rows=len(file.rows),
        refused_rows=0,
        created_rows=0,
        # A process of an older version beside this one takes every unfinished import for one that runs: in a preview it
        # then finds no row left, and ends it.
        last_row=len(file.rows) if file.preview else 0,
        created_at=by.at,
        finished_at=None,
        stage=ImportStage.CHECKING,
        preview=file.preview,
        fields=sorted(file.fields),
        judged_rows=0,
        marketplace=file.marketplace,
    )
    await add_import(work.conn, operation)
    await add_rows(work.conn, operation.import_id, file.rows)
    return await check_rows(work.conn, operation, by.at)


async def accept_shop(shop: pb.CreateShopImportRequest, by: By, work: UnitOfWork) -> Import:
    """Keeps a shop's list as a preview, which then goes on by itself. Raises NothingToImport, InvalidFields."""
    if not shop.listings:
        raise NothingToImport
    if violations := list(_broken(shop.listings)):
        raise InvalidFields(violations)
    currency = _currency(shop.currency_code, await find_currency(work.conn, by.seller_id))
    whole = WholeFile(
        format=shop_rows.DIALECT.format,
        file_name="",
        currency=currency,
        preview=True,
        rows=await asyncio.to_thread(shop_rows.rows_of, shop.listings),
        fields=shop_rows.DIALECT.fields,
        marketplace=shop.marketplace,
    )
    return await accept_file(whole, by, work)


def _broken(listings: Sequence[import_pb2.ShopListing]) -> Iterator[Violation]:
    if len(listings) > MOST_ROWS:
        yield Violation("listings", f"must be {MOST_ROWS:,} at most")
    seen: set[str] = set()
    for place, listing in enumerate(listings):
        name = f"listings[{place}].listing_id"
        if not 1 <= len(listing.listing_id) <= LONGEST_LISTING_ID or not listing.listing_id.isprintable():
            yield Violation(name, f"must have 1 to {LONGEST_LISTING_ID} printable characters")
        elif listing.listing_id in seen:
            yield Violation(name, "is there twice")
        seen.add(listing.listing_id)
