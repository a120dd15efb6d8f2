"""Order lines that were counted, their open returns, sales that wait for their lot, and oversells."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, delete, exists, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.changes import OrderReference
from inventory.domain.errors import ReturnNotFound
from inventory.domain.sales import KeptLine, LineKey, ReturnAnswer, SaleKind
from inventory.ids import is_id, new_id
from inventory.storage.tables import LOTS, ORDER_LINES, OVERSELLS, RETURNS, WAITING_SALES

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


class OversoldOrder(NamedTuple):
    """An order of an oversold lot."""

    order: OrderReference
    total: int
    ordered_at: datetime


class Incident(NamedTuple):
    """An oversell as it was noted, with the lot's last orders then, newest first."""

    oversell: Oversell
    orders: Sequence[OversoldOrder]
    recorded_at: datetime


class Return(NamedTuple):
    """Pieces of an order line that left the order and are not in the lot's quantity (rules S4, C3)."""

    return_id: str
    lot_id: str
    order: OrderReference
    pieces: int
    """How many they are, or were when it was closed."""
    opened_at: datetime
    closed_at: datetime | None
    """None while nobody has said where they are."""
    answer: ReturnAnswer | None = None
    """What a person said; None if the shop put them back, or nobody has said anything."""


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
            told_returned=row.told_returned,
            sold=row.sold,
            put_back=row.put_back,
            written_off=row.written_off,
            seq=row.seq,
            kind=SaleKind(row.kind),
            ordered_at=row.ordered_at,
        )
        for row in found
    ]
    return {line.key: line for line in lines}


_LINE_COLUMNS: Final = tuple(ORDER_LINES.columns.keys())
_LINE_KEY: Final = tuple(column.name for column in ORDER_LINES.primary_key)
_SAVE_LINES: Final = text(f"""
    INSERT INTO order_lines ({", ".join(_LINE_COLUMNS)})
    SELECT {", ".join(_LINE_COLUMNS)} FROM jsonb_populate_recordset(CAST(NULL AS order_lines), CAST(:lines AS jsonb))
    ON CONFLICT ({", ".join(_LINE_KEY)}) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _LINE_COLUMNS if name not in _LINE_KEY)}
""")  # noqa: S608 - the columns' names are ours


async def save_lines(conn: AsyncConnection, lines: Sequence[KeptLine]) -> None:
    """Keep order lines as they are now."""
    if lines:
        await conn.execute(_SAVE_LINES, {"lines": json.dumps([_json_of(line) for line in lines])})


_CLOSE_RETURNS: Final = text("""
    UPDATE returns SET closed_at = :now
    FROM unnest(
        CAST(:seller_ids AS text[]), CAST(:marketplaces AS text[]), CAST(:order_ids AS text[]),
        CAST(:listing_ids AS text[])
    ) AS line (seller_id, marketplace, order_id, listing_id)
    WHERE returns.closed_at IS NULL
        AND (returns.seller_id, returns.marketplace, returns.order_id, returns.listing_id)
            = (line.seller_id, line.marketplace, line.order_id, line.listing_id)
""")


async def open_returns(conn: AsyncConnection, lines: Sequence[KeptLine], now: datetime) -> None:
    """Open a return for each of these lines, or note how many pieces the one that is open has come to."""
    if not lines:
        return
    rows = [
        line.key._asdict()
        | {"return_id": new_id(), "lot_id": line.lot_id, "pieces": line.open_return, "opened_at": now}
        for line in lines
    ]
    new = upsert(RETURNS).values(rows)
    again = new.on_conflict_do_update(
        index_elements=list(LineKey._fields),
        index_where=RETURNS.c.closed_at.is_(None),
        set_={"lot_id": new.excluded.lot_id, "pieces": new.excluded.pieces},
    )
    await conn.execute(again)


async def close_returns(conn: AsyncConnection, keys: Sequence[LineKey], now: datetime) -> None:
    """Close what is open of these lines: where their pieces are was said."""
    if keys:
        columns = [list(column) for column in zip(*keys, strict=True)]
        names = ("seller_ids", "marketplaces", "order_ids", "listing_ids")
        await conn.execute(_CLOSE_RETURNS, dict(zip(names, columns, strict=True)) | {"now": now})


async def page_of_returns(
    conn: AsyncConnection, seller_id: str, *, lot_id: str | None, include_closed: bool, before: str | None, limit: int
) -> list[Return]:
    """The seller's returns, newest first, from the one before `before` on."""
    query = select(RETURNS).where(RETURNS.c.seller_id == seller_id).order_by(RETURNS.c.return_id.desc()).limit(limit)
    if lot_id is not None:
        query = query.where(RETURNS.c.lot_id == lot_id)
    if not include_closed:
        query = query.where(RETURNS.c.closed_at.is_(None))
    if before is not None:
        query = query.where(RETURNS.c.return_id < before)
    return [_return(row) for row in await conn.execute(query)]


async def get_return(conn: AsyncConnection, seller_id: str, return_id: str) -> Return:
    """One of the seller's returns. Raises ReturnNotFound."""
    query = select(RETURNS).where(RETURNS.c.seller_id == seller_id, RETURNS.c.return_id == return_id)
    row = (await conn.execute(query)).one_or_none() if is_id(return_id) else None
    if row is None:
        raise ReturnNotFound
    return _return(row)


async def note_answer(conn: AsyncConnection, return_id: str, answer: ReturnAnswer, now: datetime) -> None:
    """Close a return as a person said."""
    closed = update(RETURNS).where(RETURNS.c.return_id == return_id).values(closed_at=now, answer=answer)
    await conn.execute(closed)


def _return(row: Row[Any]) -> Return:
    return Return(
        return_id=row.return_id,
        lot_id=row.lot_id,
        order=OrderReference(marketplace=row.marketplace, order_id=row.order_id, listing_id=row.listing_id),
        pieces=row.pieces,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        answer=ReturnAnswer(row.answer) if row.answer else None,
    )


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


async def page_of_oversells(
    conn: AsyncConnection, seller_id: str, *, lot_id: str | None, before: str | None, limit: int
) -> list[Incident]:
    """The seller's oversells, newest first, from the one before `before` on."""
    columns = OVERSELLS.c
    query = select(OVERSELLS).where(columns.seller_id == seller_id).order_by(columns.change_id.desc()).limit(limit)
    if lot_id is not None:
        query = query.where(columns.lot_id == lot_id)
    if before is not None:
        query = query.where(columns.change_id < before)
    return [
        Incident(
            oversell=Oversell(row.change_id, row.seller_id, row.lot_id, row.missing),
            orders=[_oversold_order(order) for order in row.orders],
            recorded_at=row.recorded_at,
        )
        for row in await conn.execute(query)
    ]


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


def _oversold_order(order: Mapping[str, Any]) -> OversoldOrder:
    """One of `_last_orders`."""
    reference = OrderReference(**{name: order[name] for name in OrderReference.__dataclass_fields__})
    return OversoldOrder(reference, order["total"], datetime.fromisoformat(order["ordered_at"]))


def _json_of(line: KeptLine) -> dict[str, Any]:
    return line.key._asdict() | {
        "lot_id": line.lot_id,
        "total": line.total,
        "told_total": line.told_total,
        "told_returned": line.told_returned,
        "sold": line.sold,
        "put_back": line.put_back,
        "written_off": line.written_off,
        "seq": line.seq,
        "kind": line.kind,
        "ordered_at": line.ordered_at.isoformat(),
    }
