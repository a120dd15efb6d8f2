"""The audit_keys table: the wrapped key of each seller's chain."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.crypto.envelope import WrappedKey
from credentials.storage.tables import AUDIT_KEYS


class AuditKeys:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, seller_id: str) -> WrappedKey | None:
        """The key of this seller's chain; None if there is no chain yet."""
        row = (await self._conn.execute(select(AUDIT_KEYS).where(AUDIT_KEYS.c.seller_id == seller_id))).one_or_none()
        return None if row is None else WrappedKey(key_id=row.kek_id, wrapped=row.wrapped_key)

    async def record(self, seller_id: str, key: WrappedKey) -> None:
        """Keeps the key of a new chain."""
        await self._conn.execute(
            insert(AUDIT_KEYS).values(seller_id=seller_id, kek_id=key.key_id, wrapped_key=key.wrapped)
        )
