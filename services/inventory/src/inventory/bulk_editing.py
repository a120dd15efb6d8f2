"""One edit of many lots: what it would do, its acceptance, and doing it chunk by chunk.

Which lots they are is fixed when it is accepted; what becomes of each is decided when its turn comes, on the lot as it
is then, under its lock. A lot that cannot take the edit is noted with the reason and left as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inventory.chunks import Chunks
from inventory.commands import By
from inventory.domain.bulk_edit import LotEdit, check_edit, edited
from inventory.domain.changes import Cause, ChangeSource
from inventory.domain.errors import BulkEditIsOver, InvalidFields, InvalidLot, Violation
from inventory.domain.lot import Lot
from inventory.domain.lot_filter import LotFilter, LotOrder
from inventory.ids import is_id, new_id
from inventory.storage.bulk_edits import (
    SHOWN_REFUSALS,
    BulkEdit,
    BulkEditState,
    RefusedLot,
    add_bulk_edit,
    lock_bulk_edit,
    lock_running_bulk_edit,
    move_bulk_edit,
    next_lot_ids,
    refuse_lots,
)
from inventory.storage.lot_filter import conditions
from inventory.storage.lot_pages import Place, count_lots, page_of_lots
from inventory.storage.lots import find_lots, lock_lots
from inventory.storage.sellers import find_currency
from inventory.storage.tables import LOTS
from inventory.storage.unit_of_work import UnitOfWork

MOST_LOT_IDS: Final = 10_000
MOST_JUDGED: Final = 5_000
"""Lots of a preview: each takes a tenth of a millisecond or more, of which other sellers have nothing."""
SHOWN_LOTS: Final = 20
_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EditLots:
    """Edit these lots, by their ids or by a filter, whichever is said."""

    lot_ids: Sequence[str] = ()
    wanted: LotFilter | None = None
    edit: LotEdit


@dataclass(slots=True, kw_only=True)
class Preview:
    """What an edit would do now."""

    total: int = 0
    judged: int = 0
    """How many of them the other numbers are about: the first by id."""
    unchanged: int = 0
    refused: int = 0
    changed: int = 0
    lots: list[tuple[Lot, Lot]] = field(default_factory=list)
    """The first, before and after."""
    refusals: list[RefusedLot] = field(default_factory=list)
    """The first."""

    def judge(self, lots: Sequence[Lot], edit: LotEdit, now: datetime) -> None:
        """Add what would become of these lots."""
        self.judged += len(lots)
        for lot in lots:
            try:
                steps = edited(lot, edit, now)
            except InvalidLot as refusal:
                self.refused += 1
                if len(self.refusals) < SHOWN_REFUSALS:
                    self.refusals.append(_refused(lot, refusal))
                continue
            if not steps:
                self.unchanged += 1
                continue
            self.changed += 1
            if len(self.lots) < SHOWN_LOTS:
                self.lots.append((lot, steps[-1][0]))


async def preview_edit(command: EditLots, seller_id: str, now: datetime, engine: AsyncEngine) -> Preview:
    """What the edit would do to the lots as they are, judged beside the event loop. Raises InvalidFields."""
    _expect_selection(command)
    async with engine.connect() as conn:
        edit = check_edit(command.edit, await find_currency(conn, seller_id))
    preview = Preview()
    if command.wanted is None:
        async with engine.connect() as conn:
            found = await find_lots(conn, seller_id, command.lot_ids)
        _expect_all(command.lot_ids, found)
        preview.total = len(found)
        await asyncio.to_thread(preview.judge, [found[lot_id] for lot_id in sorted(found)[:MOST_JUDGED]], edit, now)
        return preview
    async with engine.connect() as conn:
        preview.total = await count_lots(conn, seller_id, command.wanted)
    async for lots in _pages(command.wanted, seller_id, engine):
        await asyncio.to_thread(preview.judge, lots, edit, now)
    return preview


async def _pages(wanted: LotFilter, seller_id: str, engine: AsyncEngine) -> AsyncIterator[Sequence[Lot]]:
    """The first lots by id; no transaction outlives a page."""
    after: Place | None = None
    for _ in range(0, MOST_JUDGED, _PAGE):
        async with engine.connect() as conn:
            page = await page_of_lots(conn, seller_id, wanted, LotOrder(), after=after, limit=_PAGE)
        if not page:
            return
        after = page[-1].place
        yield [lot for lot, _ in page]


async def create_bulk_edit(command: EditLots, by: By, work: UnitOfWork) -> BulkEdit:
    """Accepts an edit of the lots that are chosen now. Raises InvalidFields."""
    cause = by.cause()
    _expect_selection(command)
    operation = BulkEdit(
        bulk_edit_id=new_id(),
        seller_id=by.seller_id,
        edit=check_edit(command.edit, await find_currency(work.conn, by.seller_id)),
        actor=cause.actor,
        reason=cause.reason,
        correlation_id=cause.correlation_id,
        created_at=by.at,
    )
    accepted = await add_bulk_edit(work.conn, operation, await _chosen(command, by.seller_id, work.conn))
    if command.wanted is None and accepted.total_lots < len(set(command.lot_ids)):
        _expect_all(command.lot_ids, await find_lots(work.conn, by.seller_id, command.lot_ids))
    if not accepted.total_lots:
        raise InvalidFields.one("selection", "holds no lot")
    return accepted


def _expect_selection(command: EditLots) -> None:
    if (command.wanted is None) == (not command.lot_ids):
        raise InvalidFields.one("selection", "must say either lot_ids or a filter")
    if len(command.lot_ids) > MOST_LOT_IDS:
        raise InvalidFields.one("selection.lot_ids", f"must be {MOST_LOT_IDS:,} at most; choose by a filter")
    if strange := [number for number, lot_id in enumerate(command.lot_ids) if not is_id(lot_id)]:
        raise _no_lots(strange)


def _expect_all(lot_ids: Sequence[str], found: dict[str, Lot]) -> None:
    if missing := [number for number, lot_id in enumerate(lot_ids) if lot_id not in found]:
        raise _no_lots(missing)


def _no_lots(numbers: Sequence[int]) -> InvalidFields:
    shown = numbers[:SHOWN_REFUSALS]
    return InvalidFields([Violation(f"selection.lot_ids[{number}]", "is no lot of yours") for number in shown])


async def _chosen(command: EditLots, seller_id: str, conn: AsyncConnection) -> list[ColumnElement[bool]]:
    if command.wanted is None:
        return [LOTS.c.seller_id == seller_id, LOTS.c.lot_id.in_(sorted(set(command.lot_ids)))]
    return await conditions(conn, seller_id, command.wanted)


async def cancel_bulk_edit(bulk_edit_id: str, by: By, work: UnitOfWork) -> BulkEdit:
    """Ends a bulk edit; one that was cancelled before stays so. Raises BulkEditNotFound, BulkEditIsOver.

    A chunk holds the bulk edit's row, so this waits for the one that is under way: its lots are edited and stay so.
    """
    operation = await lock_bulk_edit(work.conn, by.seller_id, bulk_edit_id)
    if operation.state is BulkEditState.DONE:
        raise BulkEditIsOver
    if operation.state is BulkEditState.CANCELLED:
        return operation
    await move_bulk_edit(work.conn, bulk_edit_id, by.at, finished_at=by.at)
    return replace(operation, finished_at=by.at)


class BulkEditor(Chunks[BulkEdit]):
    """Makes chunks of whatever bulk edit waits longest."""

    async def _lock(self, conn: AsyncConnection) -> BulkEdit | None:
        return await lock_running_bulk_edit(conn)

    async def _move(self, operation: BulkEdit, work: UnitOfWork) -> None:
        now = self._clock.now()
        lot_ids = await next_lot_ids(work.conn, operation, limit=self._limit)
        lots = await lock_lots(work.conn, lot_ids)
        cause = Cause(
            source=ChangeSource.USER,
            actor=operation.actor,
            reason=operation.reason,
            at=now,
            correlation_id=operation.correlation_id,
            bulk_edit_id=operation.bulk_edit_id,
        )
        changed, refused = 0, []
        for lot_id in lot_ids:
            try:
                steps = edited(lots[lot_id], operation.edit, now)
            except InvalidLot as refusal:
                refused.append(_refused(lots[lot_id], refusal))
                continue
            changed += bool(steps)
            for after, difference in steps:
                work.recorder.record(after, difference, cause)
        await refuse_lots(work.conn, operation.bulk_edit_id, refused)
        await move_bulk_edit(
            work.conn,
            operation.bulk_edit_id,
            now,
            last_lot_id=lot_ids[-1] if lot_ids else operation.last_lot_id,
            changed_lots=operation.changed_lots + changed,
            unchanged_lots=operation.unchanged_lots + len(lot_ids) - changed - len(refused),
            refused_lots=operation.refused_lots + len(refused),
            finished_at=now if len(lot_ids) < self._limit else None,
        )

    async def _put_last(self, operation: BulkEdit, conn: AsyncConnection) -> None:
        await move_bulk_edit(conn, operation.bulk_edit_id, self._clock.now())


def _refused(lot: Lot, refusal: InvalidLot) -> RefusedLot:
    first = refusal.violations[0]
    return RefusedLot(lot.lot_id, first.field, first.rule)
