"""Connections, and when this database was found lost, in a transaction of PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.store.row_table import RowTable
from syncengine.store.tables import CONNECTIONS

CHANNEL: Final = "connections_due"
"""NOTIFY goes out on it with each commit that leaves a connection due, other than by its own worker."""

_ROWS: Final = RowTable(ConnectionRow, CONNECTIONS, derived={"pinned_key": lambda row: row.pinned_name.casefold()})
_FIND: Final = _ROWS.select.where(CONNECTIONS.c.seller_id == bindparam("seller_id"))
_LOCK: Final = _FIND.with_for_update()
_WAKE: Final = text("SELECT pg_notify(:channel, '')")
_LIST: Final = text("SELECT seller_id FROM connections ORDER BY seller_id")
_LOCK_NAME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:pinned_key, 0))")
_PINNED_BY: Final = text("""
    SELECT seller_id FROM connections
    WHERE enabled AND NOT pin_lapsed AND pinned_key = :pinned_key AND seller_id <> :besides ORDER BY seller_id LIMIT 1
""")
_PINGED: Final = text("""
    SELECT seller_id FROM connections WHERE enabled AND ping_token = :token AND ping_token <> ''
    UNION SELECT seller_id FROM connections WHERE enabled AND shop_number = :shop_number AND shop_number <> ''
    ORDER BY seller_id
""")
_NOTE_LOSS: Final = text("INSERT INTO losses (found_at) VALUES (:found_at)")
_FENCE_ALL: Final = text("UPDATE leases SET term = term + 1, expires_at = :found_at")
_LAST_LOSS: Final = text("SELECT max(found_at) FROM losses")


class Connections:
    """Connections in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection, *, wakes: bool) -> None:
        self._conn = conn
        self._wakes = wakes

    async def lock_connection(self, seller_id: SellerId) -> ConnectionRow:
        found = await _ROWS.find(self._conn, _LOCK, {"seller_id": seller_id})
        if not found:
            await _ROWS.add(self._conn, ConnectionRow(seller_id=seller_id))
            found = await _ROWS.find(self._conn, _LOCK, {"seller_id": seller_id})
        return found[0]

    async def find_connection(self, seller_id: SellerId) -> ConnectionRow | None:
        found = await _ROWS.find(self._conn, _FIND, {"seller_id": seller_id})
        return found[0] if found else None

    async def save_connection(self, row: ConnectionRow) -> None:
        await _ROWS.replace(self._conn, [row])
        if self._wakes and row.due_at is not None:
            await self._conn.execute(_WAKE, {"channel": CHANNEL})

    async def pinged(self, *, token: str, shop_number: str) -> Sequence[SellerId]:
        found = await self._conn.execute(_PINGED, {"token": token, "shop_number": shop_number})
        return [SellerId(seller_id) for seller_id in found.scalars()]

    async def shop_pinned_by(self, name: str, *, besides: SellerId) -> SellerId | None:
        # Two sellers who pin one shop at the same time take turns: the second then sees the first's (rule W1).
        await self._conn.execute(_LOCK_NAME, {"pinned_key": name.casefold()})
        wanted = {"pinned_key": name.casefold(), "besides": besides}
        found = (await self._conn.execute(_PINNED_BY, wanted)).scalar_one_or_none()
        return None if found is None else SellerId(found)

    async def connections(self) -> Sequence[SellerId]:
        return [SellerId(seller_id) for seller_id in (await self._conn.execute(_LIST)).scalars()]

    async def note_loss(self, at: datetime) -> None:
        await self._conn.execute(_NOTE_LOSS, {"found_at": at})
        await self._conn.execute(_FENCE_ALL, {"found_at": at})

    async def last_loss(self) -> datetime | None:
        found: datetime | None = (await self._conn.execute(_LAST_LOSS)).scalar_one()
        return found
