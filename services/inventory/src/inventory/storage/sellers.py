"""What is fixed for a seller: the currency, by the first price that was written."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.storage.tables import SELLERS


async def find_currency(conn: AsyncConnection, seller_id: str) -> str | None:
    """The seller's currency; None before the first price."""
    query = select(SELLERS.c.currency).where(SELLERS.c.seller_id == seller_id)
    return (await conn.execute(query)).scalar_one_or_none()


async def fix_currency(conn: AsyncConnection, seller_id: str, currency: str, now: datetime) -> str:
    """The seller's currency, which is this one unless another was fixed first."""
    new = insert(SELLERS).values(seller_id=seller_id, currency=currency, created_at=now)
    await conn.execute(new.on_conflict_do_nothing())
    fixed: str = (await conn.execute(select(SELLERS.c.currency).where(SELLERS.c.seller_id == seller_id))).scalar_one()
    return fixed
