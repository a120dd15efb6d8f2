"""Imports and their rows."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection as PsycopgConnection
from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.errors import ImportNotFound
from inventory.domain.lot import LotFields
from inventory.ids import is_id
from inventory.imports.operation import CheckedRow, Import, ImportRow
from inventory.storage.lots import fields_of, json_of_fields
from inventory.storage.tables import IMPORT_ROWS, IMPORTS


async def add_import(conn: AsyncConnection, operation: Import, rows: Sequence[CheckedRow]) -> None:
    """Keep an import and its rows; the rows are copied, for they may be a hundred thousand."""
    values = {name: getattr(operation, name) for name in Import.__dataclass_fields__}
    await conn.execute(insert(IMPORTS).values(**values, moved_at=operation.created_at))
    driver = (await conn.get_raw_connection()).driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError("rows are copied through psycopg")
    async with driver.cursor() as cursor:
        for start in range(0, len(rows), _COPIED_AT_ONCE):
            async with cursor.copy(_COPY) as copy:
                for row in rows[start : start + _COPIED_AT_ONCE]:
                    lot = None if row.lot is None else json.dumps(json_of_fields(row.lot))
                    await copy.write_row((operation.import_id, row.number, row.line, lot, row.field, row.reason))


_COPIED_AT_ONCE: Final = 10_000
"""Rows of one statement, which the server ends after a while."""
_COPY: Final = "COPY import_rows (import_id, number, line, lot, field, reason) FROM STDIN"


async def find_import(conn: AsyncConnection, seller_id: str, import_id: str) -> Import:
    """The import. Raises ImportNotFound, also where it is another seller's."""
    return await _one(conn, seller_id, import_id, lock=False)


async def lock_import(conn: AsyncConnection, seller_id: str, import_id: str) -> Import:
    """The import, for an update: no chunk of it is made before this transaction ends. Raises ImportNotFound."""
    return await _one(conn, seller_id, import_id, lock=True)


async def _one(conn: AsyncConnection, seller_id: str, import_id: str, *, lock: bool) -> Import:
    if not is_id(import_id):
        raise ImportNotFound
    query = select(IMPORTS).where(IMPORTS.c.import_id == import_id, IMPORTS.c.seller_id == seller_id)
    row = (await conn.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    if row is None:
        raise ImportNotFound
    return _import_of(row)


async def page_of_imports(conn: AsyncConnection, seller_id: str, *, before: str | None, limit: int) -> list[Import]:
    """The seller's imports, newest first, from the one before `before` on."""
    query = select(IMPORTS).where(IMPORTS.c.seller_id == seller_id).order_by(IMPORTS.c.import_id.desc()).limit(limit)
    if before is not None:
        query = query.where(IMPORTS.c.import_id < before)
    return [_import_of(row) for row in (await conn.execute(query)).mappings()]


async def page_of_rows(
    conn: AsyncConnection, import_id: str, *, after: int, limit: int, refused_only: bool
) -> list[ImportRow]:
    """Rows of an import in the file's order, from the one after `after` on."""
    columns = IMPORT_ROWS.c
    query = (
        select(columns.number, columns.line, columns.lot_id, columns.field, columns.reason)
        .where(columns.import_id == import_id, columns.number > after)
        .order_by(columns.number)
        .limit(limit)
    )
    if refused_only:
        query = query.where(columns.reason != "")
    return [ImportRow(**row) for row in (await conn.execute(query)).mappings()]


async def lock_running_import(conn: AsyncConnection) -> Import | None:
    """The unfinished import that waits longest and that no other process is at; None if there is none."""
    query = (
        select(IMPORTS)
        .where(IMPORTS.c.finished_at.is_(None))
        .order_by(IMPORTS.c.moved_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else _import_of(row)


async def next_good_rows(conn: AsyncConnection, operation: Import, *, limit: int) -> list[tuple[int, LotFields]]:
    """The numbers and lots of the next rows that are to become lots."""
    query = (
        select(IMPORT_ROWS.c.number, IMPORT_ROWS.c.lot)
        .where(
            IMPORT_ROWS.c.import_id == operation.import_id,
            IMPORT_ROWS.c.number > operation.last_row,
            IMPORT_ROWS.c.reason == "",
        )
        .order_by(IMPORT_ROWS.c.number)
        .limit(limit)
    )
    return [(row.number, fields_of(row.lot)) for row in await conn.execute(query)]


_NAME_LOTS: Final = text("""
    UPDATE import_rows SET lot_id = made.lot_id
    FROM unnest(CAST(:numbers AS integer[]), CAST(:lot_ids AS uuid[])) AS made (number, lot_id)
    WHERE import_rows.import_id = :import_id AND import_rows.number = made.number
""")


async def name_lots(conn: AsyncConnection, import_id: str, lot_ids: Mapping[int, str]) -> None:
    """Write down which rows became which lots."""
    values: dict[str, Any] = {"import_id": import_id, "numbers": list(lot_ids), "lot_ids": list(lot_ids.values())}
    await conn.execute(_NAME_LOTS, values)


async def move_import(
    conn: AsyncConnection, operation: Import, *, last_row: int, created: int, now: datetime, is_done: bool
) -> None:
    """Write down how far an import has come."""
    values = {
        "last_row": last_row,
        "created_rows": operation.created_rows + created,
        "moved_at": now,
        "finished_at": now if is_done else None,
    }
    await conn.execute(update(IMPORTS).where(IMPORTS.c.import_id == operation.import_id).values(**values))


async def end_import(conn: AsyncConnection, import_id: str, now: datetime) -> None:
    """Write down that an import goes no further."""
    await conn.execute(update(IMPORTS).where(IMPORTS.c.import_id == import_id).values(finished_at=now))


async def put_import_last(conn: AsyncConnection, import_id: str, now: datetime) -> None:
    """Make an import the one that waits least."""
    await conn.execute(update(IMPORTS).where(IMPORTS.c.import_id == import_id).values(moved_at=now))


def _import_of(row: RowMapping) -> Import:
    return Import(**{name: row[name] for name in Import.__dataclass_fields__})
