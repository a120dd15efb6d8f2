"""Turns the good rows of accepted imports into lots, chunk by chunk; any process may take the next chunk.

A chunk is one transaction: its lots, their changes, the outbox, which rows they were, and how far the import has come.
So a crash loses at most a chunk that nobody saw, and the next process goes on where the last commit stood.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.background import is_outbox_long
from inventory.domain.changes import Cause, ChangeSource
from inventory.domain.lot import LotFields, create
from inventory.ids import new_id
from inventory.imports.operation import Import
from inventory.storage.imports import (
    lock_running_import,
    move_import,
    name_lots,
    next_good_rows,
    put_import_last,
)
from inventory.storage.lots import json_of_fields
from inventory.storage.requests import IMPORT, RequestKey
from inventory.storage.unit_of_work import UnitOfWork
from servicekit.clock import Clock

CHUNK_ROWS: Final = 50


class ImportRunner:
    """Makes chunks of whatever import waits longest."""

    def __init__(
        self,
        engine: AsyncEngine,
        transaction: Callable[[], UnitOfWork],
        clock: Clock,
        *,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        self._engine = engine
        self._transaction = transaction
        self._clock = clock
        self._chunk_rows = chunk_rows

    async def make_chunk(self) -> bool:
        """Turn the next rows of one import into lots; False if there is nothing to do, or if the outbox is long."""
        operation: Import | None = None
        try:
            async with self._transaction() as work:
                operation = await lock_running_import(work.conn)
                if operation is None or await is_outbox_long(work.conn):
                    return False
                await self._move(operation, work)
        except Exception:
            if operation is not None:
                await self._put_last(operation)
            raise
        return True

    async def _move(self, operation: Import, work: UnitOfWork) -> None:
        rows = await next_good_rows(work.conn, operation, limit=self._chunk_rows)
        now = self._clock.now()
        if rows and await work.claim(_request(operation, rows), now) is None:
            await self._make_lots(operation, rows, work)
        last_row = rows[-1][0] if rows else operation.total_rows
        is_done = len(rows) < self._chunk_rows
        await move_import(work.conn, operation, last_row=last_row, created=len(rows), now=now, is_done=is_done)
        await work.commit()

    async def _put_last(self, operation: Import) -> None:
        """Let the other imports go first: one that fails must not hold them up."""
        async with self._engine.begin() as conn:
            await put_import_last(conn, operation.import_id, self._clock.now())

    async def _make_lots(self, operation: Import, rows: Sequence[tuple[int, LotFields]], work: UnitOfWork) -> None:
        now = self._clock.now()
        cause = Cause(
            source=ChangeSource.IMPORT,
            actor=operation.actor,
            at=now,
            correlation_id=operation.correlation_id,
            import_id=operation.import_id,
        )
        lot_ids = {}
        for number, said in rows:
            lot, difference = create(said, lot_id=new_id(), seller_id=operation.seller_id, now=now)
            work.recorder.record(lot, difference, cause)
            lot_ids[number] = lot.lot_id
        await name_lots(work.conn, operation.import_id, lot_ids)


def _request(operation: Import, rows: Sequence[tuple[int, LotFields]]) -> RequestKey:
    """A chunk is a request like any other: done once, whoever does it."""
    body = json.dumps([[number, json_of_fields(said)] for number, said in rows])
    return RequestKey(
        seller_id=operation.seller_id,
        scope=IMPORT,
        request_id=f"{operation.import_id}/{rows[0][0]}",
        body_sha256=hashlib.sha256(body.encode()).digest(),
    )
