"""Order lines that were counted, sales that wait for their lot, and oversells."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, exists, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.sales import KeptLine, LineKey, SaleKind
from inventory.storage.tables import LOTS, ORDER_LINES, OVERSELLS, WAITING_SALES

_NAMED_ORDERS: Final = 10
_HAS_COME_BACK: Final = exists().where(
    LOTS.c.lot_id == WAITING_SALES.c.lot_id, LOTS.c.seller_id == WAITING_SALES.c.seller_id
)


class WaitingSale(NamedTuple):
    """A sales message about a lot that is not there (rule T6)."""

    lot_id: str
    marketplace: str
    seq: int
    seller_id: str
    value: bytes
    """As it came."""
    correlation_id: str


class Oversell(NamedTuple):
    """A sale that found too few pieces (rule S3)."""

    change_id: str
    seller_id: str
    lot_id: str
    missing: int


async def kept_lines(conn: AsyncConnection, keys: Sequence[LineKey]) -> dict[LineKey, KeptLine]:
    """Those of the order lines that are known."""
    columns = ORDER_LINES.c
    key = tuple_(columns.seller_id, columns.marketplace, columns.order_id, columns.listing_id)
    found = (await conn.execute(select(ORDER_LINES).where(key.in_(keys)))).all()
    lines = [
        KeptLine(
            key=LineKey(row.seller_id, row.marketplace, row.order_id, row.listing_id),
            lot_id=row.lot_id,
            total=row.total,
            told_total=row.told_total,
            seq=row.seq,
            kind=SaleKind(row.kind),
            ordered_at=row.ordered_at,
            cut=row.cut,
        )
        for row in found
    ]
    return {line.key: line for line in lines}


_SAVE_LINES: Final = text("""
    INSERT INTO order_lines
        (seller_id, marketplace, order_id, listing_id, lot_id, total, told_total, seq, kind, ordered_at, cut)
    SELECT seller_id, marketplace, order_id, listing_id, lot_id, total, told_total, seq, kind, ordered_at, cut
    FROM jsonb_populate_recordset(CAST(NULL AS order_lines), CAST(:lines AS jsonb))
    ON CONFLICT (seller_id, marketplace, order_id, listing_id) DO UPDATE
    SET lot_id = excluded.lot_id, total = excluded.total, told_total = excluded.told_total, seq = excluded.seq,
        kind = excluded.kind, ordered_at = excluded.ordered_at, cut = excluded.cut
""")


async def save_lines(conn: AsyncConnection, lines: Sequence[KeptLine]) -> None:
    """Keep order lines as they are now."""
    if lines:
        await conn.execute(_SAVE_LINES, {"lines": json.dumps([_json_of(line) for line in lines])})


async def keep_waiting(conn: AsyncConnection, sales: Sequence[WaitingSale], now: datetime) -> None:
    """Keep sales until their lots come back."""
    if sales:
        rows = [sale._asdict() | {"received_at": now} for sale in sales]
        await conn.execute(upsert(WAITING_SALES).values(rows).on_conflict_do_nothing())


async def take_waiting(conn: AsyncConnection, lot_ids: Sequence[str]) -> list[WaitingSale]:
    """Take out what waited for these lots, oldest first."""
    if not lot_ids:
        return []
    taken = delete(WAITING_SALES).where(WAITING_SALES.c.lot_id.in_(lot_ids), _HAS_COME_BACK).returning(WAITING_SALES)
    sales = [
        WaitingSale(row.lot_id, row.marketplace, row.seq, row.seller_id, bytes(row.value), row.correlation_id)
        for row in await conn.execute(taken)
    ]
    return sorted(sales, key=lambda sale: sale.seq)


async def awaited_lots(conn: AsyncConnection, *, limit: int) -> list[str]:
    """Lots that are there and that sales have waited for."""
    query = select(WAITING_SALES.c.lot_id).where(_HAS_COME_BACK).distinct().limit(limit)
    return list((await conn.execute(query)).scalars())


async def add_oversells(conn: AsyncConnection, oversells: Sequence[Oversell], now: datetime) -> None:
    """Open an incident for each, naming the lot's last orders, newest first: among them the seller must choose."""
    for oversell in oversells:
        orders = await _last_orders(conn, oversell.lot_id)
        await conn.execute(insert(OVERSELLS).values(**oversell._asdict(), orders=orders, recorded_at=now))


async def newest_seqs(conn: AsyncConnection, lot_id: str) -> Mapping[str, int]:
    """By marketplace: the newest message that an order line of this lot holds."""
    query = text("SELECT marketplace, max(seq) AS seq FROM order_lines WHERE lot_id = :lot_id GROUP BY marketplace")
    return {row.marketplace: row.seq for row in await conn.execute(query, {"lot_id": lot_id})}


async def _last_orders(conn: AsyncConnection, lot_id: str) -> list[dict[str, Any]]:
    columns = ORDER_LINES.c
    query = (
        select(columns.marketplace, columns.order_id, columns.listing_id, columns.total, columns.ordered_at)
        .where(columns.lot_id == lot_id)
        .order_by(columns.ordered_at.desc())
        .limit(_NAMED_ORDERS)
    )
    return [row._asdict() | {"ordered_at": row.ordered_at.isoformat()} for row in await conn.execute(query)]


def _json_of(line: KeptLine) -> dict[str, Any]:
    return line.key._asdict() | {
        "lot_id": line.lot_id,
        "total": line.total,
        "told_total": line.told_total,
        "seq": line.seq,
        "kind": line.kind,
        "ordered_at": line.ordered_at.isoformat(),
        "cut": line.cut,
    }
