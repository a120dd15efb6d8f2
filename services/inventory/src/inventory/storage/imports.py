"""Imports: what was accepted, and how far each has come."""

from collections.abc import Set
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.errors import ImportNotFound
from inventory.ids import is_id
from inventory.imports.operation import Import, ImportStage
from inventory.storage.tables import IMPORTS


async def add_import(conn: AsyncConnection, operation: Import) -> None:
    """Keep an import; its rows are kept by `add_rows`."""
    values = {name: getattr(operation, name) for name in Import.__dataclass_fields__}
    await conn.execute(insert(IMPORTS).values(**values, moved_at=operation.created_at))


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


WITHOUT_LOTS: Final = frozenset({ImportStage.CHECKING, ImportStage.PREVIEW})
"""The stages in which no lot is touched."""


async def lock_next_import(
    conn: AsyncConnection, now: datetime, stages: Set[ImportStage] = frozenset(ImportStage)
) -> Import | None:
    """The unfinished import that waits longest, in one of these stages, and that no other process is at.

    None if there is none. A preview only waits for us once it has expired.
    """
    columns = IMPORTS.c
    is_due: ColumnElement[bool] = or_(columns.stage != ImportStage.PREVIEW, columns.expires_at <= now)
    query = (
        select(IMPORTS)
        .where(and_(columns.finished_at.is_(None), columns.stage.in_(sorted(stages)), is_due))
        .order_by(columns.moved_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else _import_of(row)


async def move_import(conn: AsyncConnection, import_id: str, now: datetime, **values: Any) -> Import:
    """Write down how far an import has come, and which columns say so; it is then the one that waits least."""
    moved = update(IMPORTS).where(IMPORTS.c.import_id == import_id).values(**values, moved_at=now)
    return _import_of((await conn.execute(moved.returning(IMPORTS))).mappings().one())


def _import_of(row: RowMapping) -> Import:
    values = {name: row[name] for name in Import.__dataclass_fields__}
    return Import(**(values | {"stage": ImportStage(row["stage"])}))
