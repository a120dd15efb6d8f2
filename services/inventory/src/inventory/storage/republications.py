"""Wishes for state, and how far each is fulfilled (rule T4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.storage.tables import REPUBLICATIONS, SELLERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Send every lot of this seller again to this marketplace, then the answer."""

    seller_id: str
    marketplace: str
    request_id: str
    seq: int
    correlation_id: str
    last_lot_id: str | None = None
    """The last lot that was sent again."""


async def add_wish(conn: AsyncConnection, wish: Wish, now: datetime) -> None:
    """Remember a wish. One that is repeated while it is being fulfilled, or by a redelivery, changes nothing."""
    new = insert(REPUBLICATIONS).values(
        seller_id=wish.seller_id,
        marketplace=wish.marketplace,
        request_id=wish.request_id,
        seq=wish.seq,
        correlation_id=wish.correlation_id,
        asked_at=now,
        moved_at=now,
    )
    again = new.on_conflict_do_update(
        index_elements=["seller_id", "marketplace", "request_id"],
        set_={"seq": wish.seq, "last_lot_id": None, "asked_at": now, "moved_at": now, "answered_at": None},
        where=(REPUBLICATIONS.c.answered_at.is_not(None)) & (REPUBLICATIONS.c.seq < wish.seq),
    )
    await conn.execute(again)


async def lock_wish(conn: AsyncConnection) -> Wish | None:
    """The unanswered wish that waits longest and that no other process is at; None if there is none."""
    query = (
        select(REPUBLICATIONS)
        .where(REPUBLICATIONS.c.answered_at.is_(None))
        .order_by(REPUBLICATIONS.c.moved_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return None
    return Wish(
        seller_id=row.seller_id,
        marketplace=row.marketplace,
        request_id=row.request_id,
        seq=row.seq,
        correlation_id=row.correlation_id,
        last_lot_id=row.last_lot_id,
    )


async def move_wish(
    conn: AsyncConnection, wish: Wish, *, last_lot_id: str | None, now: datetime, is_answered: bool
) -> None:
    """Write down how far a wish is fulfilled."""
    same = (
        REPUBLICATIONS.c.seller_id == wish.seller_id,
        REPUBLICATIONS.c.marketplace == wish.marketplace,
        REPUBLICATIONS.c.request_id == wish.request_id,
    )
    values = {"last_lot_id": last_lot_id, "moved_at": now, "answered_at": now if is_answered else None}
    await conn.execute(update(REPUBLICATIONS).where(*same).values(**values))


async def lock_all_wishes(conn: AsyncConnection) -> None:
    """Let no other process fulfil a wish before this transaction ends."""
    await conn.execute(
        select(REPUBLICATIONS.c.seller_id).where(REPUBLICATIONS.c.answered_at.is_(None)).with_for_update()
    )


async def begin_wishes_anew(conn: AsyncConnection, unsent: Collection[tuple[str, str]], now: datetime) -> None:
    """Fulfil from the first lot on: what is not answered, and wishes (seller, request id) whose answer is unsent."""
    key = tuple_(REPUBLICATIONS.c.seller_id, REPUBLICATIONS.c.request_id)
    is_unsent = REPUBLICATIONS.c.answered_at.is_(None) | key.in_(list(unsent))
    values = {"last_lot_id": None, "answered_at": None, "moved_at": now}
    await conn.execute(update(REPUBLICATIONS).where(is_unsent).values(**values))


async def sellers_with_lots(conn: AsyncConnection, seller_id: str | None) -> Sequence[str]:
    """All sellers who have, or had, a price; or only this one, if they have."""
    query = select(SELLERS.c.seller_id).order_by(SELLERS.c.seller_id)
    if seller_id is not None:
        query = query.where(SELLERS.c.seller_id == seller_id)
    return list((await conn.execute(query)).scalars())
