"""The change log: appended to by the recorder, read here."""

from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.changes import Cause, Change, ChangeSource, ChangeType, OrderReference
from inventory.domain.errors import ChangeNotFound
from inventory.ids import is_id
from inventory.storage.tables import CHANGES


async def find_change(conn: AsyncConnection, seller_id: str, change_id: str) -> Change:
    """The change. Raises ChangeNotFound, also where it is another seller's."""
    if not is_id(change_id):
        raise ChangeNotFound
    query = select(CHANGES).where(CHANGES.c.change_id == change_id, CHANGES.c.seller_id == seller_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        raise ChangeNotFound
    return _change_of(row)


async def page_of_changes(
    conn: AsyncConnection, seller_id: str, *, lot_id: str | None, import_id: str | None, before: str | None, limit: int
) -> list[Change]:
    """The seller's changes, newest first, from the one before `before` on."""
    query = select(CHANGES).where(CHANGES.c.seller_id == seller_id).order_by(CHANGES.c.change_id.desc()).limit(limit)
    if lot_id is not None:
        query = query.where(CHANGES.c.lot_id == lot_id)
    if import_id is not None:
        query = query.where(CHANGES.c.import_id == import_id)
    if before is not None:
        query = query.where(CHANGES.c.change_id < before)
    return [_change_of(row) for row in (await conn.execute(query)).mappings()]


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
    }


def _change_of(row: RowMapping) -> Change:
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
        ),
    )
