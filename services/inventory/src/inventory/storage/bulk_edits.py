"""Bulk edits, and the lots that each is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, insert, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.bulk_edit import LotEdit, PriceEdit, Rounding
from inventory.domain.errors import BulkEditNotFound
from inventory.domain.lot import Stockroom
from inventory.domain.money import Money
from inventory.ids import is_id
from inventory.storage.tables import BULK_EDIT_LOTS, BULK_EDITS, LOTS

SHOWN_REFUSALS: Final = 100


class BulkEditState(StrEnum):
    """How far a bulk edit has come."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEdit:
    """One edit of many lots; it goes on by itself after it was accepted."""

    bulk_edit_id: str
    seller_id: str
    edit: LotEdit
    actor: str
    reason: str
    correlation_id: str
    total_lots: int = 0
    changed_lots: int = 0
    unchanged_lots: int = 0
    refused_lots: int = 0
    last_lot_id: str | None = None
    """The last lot that is done."""
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def state(self) -> BulkEditState:
        """Derived: one that ended with lots left was cancelled."""
        if self.finished_at is None:
            return BulkEditState.RUNNING
        is_whole = self.changed_lots + self.unchanged_lots + self.refused_lots == self.total_lots
        return BulkEditState.DONE if is_whole else BulkEditState.CANCELLED


class RefusedLot(NamedTuple):
    """A lot that an edit leaves as it is, and why."""

    lot_id: str
    field: str
    reason: str


async def add_bulk_edit(conn: AsyncConnection, operation: BulkEdit, chosen: Sequence[ColumnElement[bool]]) -> BulkEdit:
    """Keep a bulk edit and the lots that are chosen now; returns it with their number."""
    ids = select(literal(operation.bulk_edit_id, BULK_EDITS.c.bulk_edit_id.type), LOTS.c.lot_id).where(*chosen)
    choose = insert(BULK_EDIT_LOTS).from_select(["bulk_edit_id", "lot_id"], ids)
    found = await conn.execute(choose, execution_options={"preserve_rowcount": True})
    operation = replace(operation, total_lots=found.rowcount)
    values = {name: getattr(operation, name) for name in BulkEdit.__dataclass_fields__}
    values |= {"edit": _json_of_edit(operation.edit), "moved_at": operation.created_at}
    await conn.execute(insert(BULK_EDITS).values(**values))
    return operation


async def find_bulk_edit(conn: AsyncConnection, seller_id: str, bulk_edit_id: str) -> BulkEdit:
    """The bulk edit. Raises BulkEditNotFound, also where it is another seller's."""
    return await _one(conn, seller_id, bulk_edit_id, lock=False)


async def lock_bulk_edit(conn: AsyncConnection, seller_id: str, bulk_edit_id: str) -> BulkEdit:
    """The bulk edit, for an update: no chunk of it is made before this transaction ends. Raises BulkEditNotFound."""
    return await _one(conn, seller_id, bulk_edit_id, lock=True)


async def _one(conn: AsyncConnection, seller_id: str, bulk_edit_id: str, *, lock: bool) -> BulkEdit:
    if not is_id(bulk_edit_id):
        raise BulkEditNotFound
    columns = BULK_EDITS.c
    query = select(BULK_EDITS).where(columns.bulk_edit_id == bulk_edit_id, columns.seller_id == seller_id)
    row = (await conn.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    if row is None:
        raise BulkEditNotFound
    return _bulk_edit_of(row)


async def lock_running_bulk_edit(conn: AsyncConnection) -> BulkEdit | None:
    """The unfinished bulk edit that waits longest and that no other process is at; None if there is none."""
    query = select(BULK_EDITS).where(BULK_EDITS.c.finished_at.is_(None)).order_by(BULK_EDITS.c.moved_at).limit(1)
    row = (await conn.execute(query.with_for_update(skip_locked=True))).mappings().one_or_none()
    return None if row is None else _bulk_edit_of(row)


async def next_lot_ids(conn: AsyncConnection, operation: BulkEdit, *, limit: int) -> list[str]:
    """The next lots to edit, by id."""
    query = select(BULK_EDIT_LOTS.c.lot_id).where(BULK_EDIT_LOTS.c.bulk_edit_id == operation.bulk_edit_id)
    if operation.last_lot_id is not None:
        query = query.where(BULK_EDIT_LOTS.c.lot_id > operation.last_lot_id)
    return list((await conn.execute(query.order_by(BULK_EDIT_LOTS.c.lot_id).limit(limit))).scalars())


_REFUSE: Final = text("""
    UPDATE bulk_edit_lots SET field = told.field, reason = told.reason
    FROM unnest(CAST(:lot_ids AS uuid[]), CAST(:fields AS text[]), CAST(:reasons AS text[]))
        AS told (lot_id, field, reason)
    WHERE bulk_edit_lots.bulk_edit_id = :bulk_edit_id AND bulk_edit_lots.lot_id = told.lot_id
""")


async def refuse_lots(conn: AsyncConnection, bulk_edit_id: str, refused: Sequence[RefusedLot]) -> None:
    """Keep which lots were left as they are, and why."""
    if not refused:
        return
    lot_ids, fields, reasons = (list(column) for column in zip(*refused, strict=True))
    values = {"bulk_edit_id": bulk_edit_id, "lot_ids": lot_ids, "fields": fields, "reasons": reasons}
    await conn.execute(_REFUSE, values)


async def first_refused(conn: AsyncConnection, bulk_edit_id: str) -> list[RefusedLot]:
    """Lots that were left as they are, by id; a hundred at most."""
    columns = BULK_EDIT_LOTS.c
    query = select(columns.lot_id, columns.field, columns.reason).where(
        columns.bulk_edit_id == bulk_edit_id, columns.reason != ""
    )
    found = await conn.execute(query.order_by(columns.lot_id).limit(SHOWN_REFUSALS))
    return [RefusedLot(row.lot_id, row.field, row.reason) for row in found]


async def move_bulk_edit(conn: AsyncConnection, bulk_edit_id: str, now: datetime, **values: Any) -> None:
    """Write down how far a bulk edit has come; of those that wait it is then the one that waits least."""
    same = BULK_EDITS.c.bulk_edit_id == bulk_edit_id
    await conn.execute(update(BULK_EDITS).where(same).values(moved_at=now, **values))


def _bulk_edit_of(row: RowMapping) -> BulkEdit:
    values = {name: row[name] for name in BulkEdit.__dataclass_fields__}
    return BulkEdit(**(values | {"edit": _edit_of(row["edit"])}))


def _json_of_edit(edit: LotEdit) -> dict[str, Any]:
    return {
        "price": None if edit.price is None else _json_of_price(edit.price),
        "description": edit.description,
        "remarks": edit.remarks,
        "location": edit.location,
        "add_tags": edit.add_tags,
        "remove_tags": edit.remove_tags,
        "stockroom": edit.stockroom,
        "sets_stockroom": edit.sets_stockroom,
        "archived": edit.archived,
    }


def _json_of_price(price: PriceEdit) -> dict[str, Any]:
    return {
        "set": None if price.set is None else {"amount": str(price.set.amount), "currency": price.set.currency},
        "by_amount": None if price.by_amount is None else str(price.by_amount),
        "by_percent": None if price.by_percent is None else str(price.by_percent),
        "places": price.places,
        "rounding": price.rounding,
    }


def _edit_of(said: Mapping[str, Any]) -> LotEdit:
    values = dict(said) | {
        "price": None if said["price"] is None else _price_of(said["price"]),
        "add_tags": tuple(said["add_tags"]),
        "remove_tags": tuple(said["remove_tags"]),
        "stockroom": None if said["stockroom"] is None else Stockroom(said["stockroom"]),
    }
    return LotEdit(**values)


def _price_of(said: Mapping[str, Any]) -> PriceEdit:
    exact = said["set"]
    return PriceEdit(
        set=None if exact is None else Money(Decimal(exact["amount"]), exact["currency"]),
        by_amount=None if said["by_amount"] is None else Decimal(said["by_amount"]),
        by_percent=None if said["by_percent"] is None else Decimal(said["by_percent"]),
        places=said["places"],
        rounding=Rounding(said["rounding"]),
    )
