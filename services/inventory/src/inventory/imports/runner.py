"""Moves accepted imports on, chunk by chunk: rows judged, or what they became."""

import hashlib
import json
from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inventory.background import is_outbox_long
from inventory.chunks import CHUNK, Chunks
from inventory.imports.checking import CHECKED_AT_ONCE, check_rows
from inventory.imports.chunk import Chunk
from inventory.imports.operation import Import, ImportStage
from inventory.storage.import_rows import RowToDo, name_lots, next_turn, refuse_rows
from inventory.storage.imports import WITHOUT_LOTS, lock_next_import, move_import
from inventory.storage.lots import json_of_fields
from inventory.storage.requests import IMPORT, RequestKey
from inventory.storage.unit_of_work import UnitOfWork
from servicekit.clock import Clock


class ImportRunner(Chunks[Import]):
    """Makes chunks of whatever import waits longest."""

    def __init__(
        self,
        engine: AsyncEngine,
        transaction: Callable[[], UnitOfWork],
        clock: Clock,
        *,
        chunk_rows: int = CHUNK,
        checked_at_once: int = CHECKED_AT_ONCE,
    ) -> None:
        super().__init__(engine, transaction, clock, limit=chunk_rows)
        self._checked_at_once = checked_at_once

    async def _next(self, conn: AsyncConnection) -> Import | None:
        """While the outbox is long, one of which no lots are to be made."""
        operation = await self._lock(conn)
        if operation is None or operation.stage in WITHOUT_LOTS or not await is_outbox_long(conn):
            return operation
        return await lock_next_import(conn, self._clock.now(), WITHOUT_LOTS)

    async def _lock(self, conn: AsyncConnection) -> Import | None:
        return await lock_next_import(conn, self._clock.now())

    async def _move(self, operation: Import, work: UnitOfWork) -> None:
        now = self._clock.now()
        match operation.stage:
            case ImportStage.CHECKING:
                await check_rows(work.conn, operation, now, limit=self._checked_at_once)
            case ImportStage.PREVIEW:  # nobody confirmed it in time
                await move_import(work.conn, operation.import_id, now, finished_at=now)
            case ImportStage.RUNNING | ImportStage.LINKING | ImportStage.TAKING:
                await self._make_lots(operation, work)

    async def _make_lots(self, operation: Import, work: UnitOfWork) -> None:
        now = self._clock.now()
        turn = await next_turn(work.conn, operation, limit=self._limit)
        chunk = Chunk(operation, work, now)
        if turn.rows and await work.claim(_request(operation, turn.rows), now) is None:
            await chunk.make(turn.rows)
            await name_lots(work.conn, operation.import_id, chunk.lot_ids)
            await refuse_rows(work.conn, operation.import_id, chunk.refusals)
        await move_import(
            work.conn,
            operation.import_id,
            now,
            last_row=turn.last_place,
            created_rows=operation.created_rows + chunk.created,
            updated_rows=operation.updated_rows + chunk.updated,
            refused_rows=operation.refused_rows + len(chunk.refusals),
            finished_at=now if turn.is_last else None,
        )

    async def _put_last(self, operation: Import, conn: AsyncConnection) -> None:
        await move_import(conn, operation.import_id, self._clock.now())


def _request(operation: Import, rows: Sequence[RowToDo]) -> RequestKey:
    """A chunk is a request like any other: done once, whoever does it."""
    body = json.dumps(
        [[row.number, row.choice, row.lot_id, json_of_fields(row.said), sorted(row.theirs)] for row in rows]
    )
    return RequestKey(
        seller_id=operation.seller_id,
        scope=IMPORT,
        request_id=f"{operation.import_id}/{rows[0].place}",
        body_sha256=hashlib.sha256(body.encode()).digest(),
    )
