"""How a file becomes an import: checked whole before anything of it is believed, then kept with all its verdicts."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.commands import By
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.text import normal_form
from inventory.ids import new_id
from inventory.imports import bricklink_xml, bsx
from inventory.imports.operation import CheckedRow, Import
from inventory.imports.xml_items import FileRefused, read_items
from inventory.storage.imports import add_import
from inventory.storage.sellers import find_currency, fix_currency
from inventory.storage.unit_of_work import UnitOfWork

LARGEST_FILE: Final = 32 * 1024 * 1024
LONGEST_FILE_NAME: Final = 255
DIALECTS: Final = {dialect.format: dialect for dialect in (bricklink_xml.DIALECT, bsx.DIALECT)}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file that was read to its end, with the verdict on each row."""

    format: str
    file_name: str
    currency: str
    rows: list[CheckedRow]


async def check_file(file: UploadedFile, by: By, engine: AsyncEngine) -> CheckedFile:
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
    dialects = [DIALECTS[file.format]] if file.format in DIALECTS else list(DIALECTS.values())
    try:
        read = await asyncio.to_thread(read_items, file.content, dialects, currency=currency)
    except FileRefused as refusal:
        raise InvalidFields.one("content", str(refusal)) from None
    return CheckedFile(format=read.format, file_name=file_name, currency=currency, rows=read.rows)


def _currency(said: str, sellers: str | None) -> str:
    if not said and sellers is None:
        raise InvalidFields.one("currency_code", "is required: no price of this seller has fixed it yet")
    if said and not _CURRENCY.fullmatch(said):
        raise InvalidFields.one("currency_code", "must be three capital letters, such as EUR")
    if sellers is not None and said not in {"", sellers}:
        raise InvalidFields.one("currency_code", f"must be {sellers}, the seller's currency")
    return said or sellers or ""


async def accept_file(file: CheckedFile, by: By, work: UnitOfWork) -> Import:
    """Keeps a checked file as an import, which then runs by itself. Raises InvalidFields."""
    refused = sum(1 for row in file.rows if row.lot is None)
    if refused < len(file.rows):
        # Its good rows will be the first prices of a new seller: they must still be good when their turn comes.
        _currency(file.currency, await fix_currency(work.conn, by.seller_id, file.currency, by.at))
    operation = Import(
        import_id=new_id(),
        seller_id=by.seller_id,
        format=file.format,
        file_name=file.file_name,
        currency=file.currency,
        actor=by.actor,
        correlation_id=by.correlation_id,
        total_rows=len(file.rows),
        refused_rows=refused,
        created_rows=0,
        last_row=0,
        created_at=by.at,
        finished_at=by.at if refused == len(file.rows) else None,
    )
    await add_import(work.conn, operation, file.rows)
    return operation
