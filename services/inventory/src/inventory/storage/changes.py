"""The change log: appended to by the recorder, read here."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.changes import Cause, Change, ChangeSource, ChangeType, OrderReference
from inventory.domain.errors import ChangeNotFound
from inventory.ids import is_id
from inventory.storage.tables import CHANGES, UNDOS

_UNDONE, _UNDOING = UNDOS.alias("undone"), UNDOS.alias("undoing")
_READ: Final = (
    select(CHANGES, _UNDONE.c.undone_by, _UNDOING.c.undoes)
    .outerjoin(_UNDONE, _UNDONE.c.undoes == CHANGES.c.change_id)
    .outerjoin(_UNDOING, _UNDOING.c.undone_by == CHANGES.c.change_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes; what is None or empty asks nothing."""

    lot_id: str | None = None
    import_id: str | None = None
    bulk_edit_id: str | None = None
    actor: str | None = None
    types: Set[ChangeType] = frozenset()
    sources: Set[ChangeSource] = frozenset()
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    undone: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        columns = CHANGES.c
        names = ("lot_id", "import_id", "bulk_edit_id", "actor")
        same = {name: getattr(self, name) for name in names}
        conditions: list[ColumnElement[bool]] = [columns[name] == value for name, value in same.items() if value]
        if self.types:
            conditions.append(columns.type.in_(sorted(self.types)))
        if self.sources:
            conditions.append(columns.source.in_(sorted(self.sources)))
        if self.recorded_from is not None:
            conditions.append(columns.recorded_at >= self.recorded_from)
        if self.recorded_before is not None:
            conditions.append(columns.recorded_at < self.recorded_before)
        if self.undone is not None:
            conditions.append(_UNDONE.c.undone_by.is_not(None) if self.undone else _UNDONE.c.undone_by.is_(None))
        return conditions


async def find_change(conn: AsyncConnection, seller_id: str, change_id: str) -> Change:
    """The change. Raises ChangeNotFound, also where it is another seller's."""
    if not is_id(change_id):
        raise ChangeNotFound
    query = _READ.where(CHANGES.c.change_id == change_id, CHANGES.c.seller_id == seller_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        raise ChangeNotFound
    return change_of(row)


async def page_of_changes(
    conn: AsyncConnection, seller_id: str, wanted: ChangeFilter, *, before: str | None, limit: int
) -> list[Change]:
    """The seller's changes, newest first, from the one before `before` on."""
    query = _READ.where(CHANGES.c.seller_id == seller_id, *wanted.conditions())
    query = query.order_by(CHANGES.c.change_id.desc()).limit(limit)
    if before is not None:
        query = query.where(CHANGES.c.change_id < before)
    return [change_of(row) for row in (await conn.execute(query)).mappings()]


def json_of_change(change: Change) -> dict[str, Any]:
    """A change's row as JSON values, for a statement that writes many at once."""
    cause, order = change.cause, change.cause.order
    return {
        "change_id": change.change_id,
        "lot_id": change.lot_id,
        "seller_id": change.seller_id,
        "revision": change.revision,
        "type": change.type,
        "source": cause.source,
        "actor": cause.actor,
        "reason": cause.reason,
        "recorded_at": cause.at.isoformat(),
        "before": change.before,
        "after": change.after,
        "quantity_delta": change.quantity_delta,
        "reserved_delta": change.reserved_delta,
        "correlation_id": cause.correlation_id,
        "marketplace": order.marketplace if order else None,
        "order_id": order.order_id if order else None,
        "listing_id": order.listing_id if order else None,
        "import_id": cause.import_id,
        "bulk_edit_id": cause.bulk_edit_id,
    }


def change_of(row: RowMapping) -> Change:
    """A change from its row, with or without its undos."""
    order = None
    if row["marketplace"] is not None:
        order = OrderReference(marketplace=row["marketplace"], order_id=row["order_id"], listing_id=row["listing_id"])
    return Change(
        change_id=row["change_id"],
        lot_id=row["lot_id"],
        seller_id=row["seller_id"],
        revision=row["revision"],
        type=ChangeType(row["type"]),
        before=row["before"],
        after=row["after"],
        quantity_delta=row["quantity_delta"],
        reserved_delta=row["reserved_delta"],
        cause=Cause(
            source=ChangeSource(row["source"]),
            actor=row["actor"],
            reason=row["reason"],
            at=row["recorded_at"],
            correlation_id=row["correlation_id"],
            order=order,
            import_id=row["import_id"],
            bulk_edit_id=row["bulk_edit_id"],
        ),
        undone_by=row.get("undone_by"),
        undoes=row.get("undoes"),
    )
