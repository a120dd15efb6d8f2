"""Intents and the account of calls, in a transaction of PostgreSQL."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import Group, Item, SellerId
from syncengine.plan import Tier, tier_of_write
from syncengine.rows.connection import Spent
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.settings import Settings
from syncengine.store.codec import decoder
from syncengine.store.row_table import RowTable
from syncengine.store.tables import INTENTS

_ROWS: Final = RowTable(Intent, INTENTS)
_ITEM: Final = decoder(Item)
_GET: Final = _ROWS.select.where(INTENTS.c.intent_id == bindparam("intent_id"))
_OPEN: Final = _ROWS.select.where(
    INTENTS.c.seller_id == bindparam("seller_id"), INTENTS.c.settled_at.is_(None)
).order_by(INTENTS.c.sent_at, INTENTS.c.intent_id)
_OF_FATE: Final = _OPEN.where(INTENTS.c.fate == bindparam("fate"))
LOOKED_AT_FROM: Final = """
    coalesce(intents.answered_at + :answered_look_after, intents.sent_at + intents.deadline + :late_window)
"""
"""As `Intent.looked_at_from` says."""
_CREATES: Final = text(f"""
    SELECT write -> 'item' AS item, {LOOKED_AT_FROM} AS open_until FROM intents
    WHERE seller_id = :seller_id AND settled_at IS NULL AND write ->> 'kind' = 'Create'
""")  # noqa: S608 - a constant
_WRITES: Final = text("""
    SELECT write ->> 'kind' AS kind, CAST(write ->> 'delta' AS bigint) AS delta,
        CAST(write ->> 'for_sale' AS boolean) AS for_sale, groups[1] AS first_group, count(DISTINCT stamp) AS writes
    FROM intents WHERE seller_id = :seller_id AND sent_at > :since GROUP BY 1, 2, 3, 4
""")

_COUNT_CALLS: Final = text("""
    SELECT CAST(coalesce(sum(calls), 0) AS bigint) AS calls, CAST(coalesce(sum(writes), 0) AS bigint) AS writes
    FROM calls
    WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at > :since
""")
_CHARGED: Final = text("""
    SELECT bucket_at, calls, writes FROM calls
    WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at > :since ORDER BY bucket_at
""")
# What no window reaches any more goes with the call that is charged.
_CHARGE: Final = text("""
    WITH past AS (
        DELETE FROM calls WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at < :past
    )
    INSERT INTO calls (seller_id, limit_name, bucket_at, calls, writes)
    VALUES (:seller_id, :limit_name, :bucket_at, :calls, :writes)
    ON CONFLICT (seller_id, limit_name, bucket_at)
        DO UPDATE SET calls = calls.calls + excluded.calls, writes = calls.writes + excluded.writes
""")
_BUCKETS_KEPT: Final = 2 * 144
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def look_windows(settings: Settings) -> dict[str, timedelta]:
    """Give what LOOKED_AT_FROM is computed with."""
    return {"answered_look_after": settings.answered_look_after, "late_window": settings.late_window}


class Intents:
    """Intents in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        await _ROWS.insert(self._conn, intents)

    async def save_intents(self, intents: Sequence[Intent]) -> None:
        await _ROWS.replace(self._conn, intents)

    async def get_intent(self, intent_id: IntentId) -> Intent:
        (intent,) = await _ROWS.find(self._conn, _GET, {"intent_id": intent_id})
        return intent

    async def open_intents(self, seller_id: SellerId, *, fate: Fate | None = None) -> Sequence[Intent]:
        if fate is None:
            return await _ROWS.find(self._conn, _OPEN, {"seller_id": seller_id})
        return await _ROWS.find(self._conn, _OF_FATE, {"seller_id": seller_id, "fate": fate})

    async def creates_under_way(self, seller_id: SellerId, settings: Settings) -> Mapping[Item, datetime]:
        found = await self._conn.execute(_CREATES, {"seller_id": seller_id, **look_windows(settings)})
        return {_ITEM(row.item): row.open_until for row in found}

    async def writes_since(self, seller_id: SellerId, since: datetime) -> Mapping[Tier, int]:
        counted: Counter[Tier] = Counter()
        for row in await self._conn.execute(_WRITES, {"seller_id": seller_id, "since": since}):
            tier = tier_of_write(row.kind, row.delta or 0, for_sale=row.for_sale, first_group=Group(row.first_group))
            counted[tier] += row.writes
        return counted


class Calls:
    """The account of calls in the transaction of `conn` (rule B1), summed in buckets of one length."""

    def __init__(self, conn: AsyncConnection, *, bucket: timedelta) -> None:
        self._conn = conn
        self._bucket = bucket

    async def calls_since(self, seller_id: SellerId, limit: str, since: datetime) -> Spent:
        # A bucket counts whole as long as its last call may be later than `since`.
        parameters = {"seller_id": seller_id, "limit_name": limit, "since": since - self._bucket}
        found = (await self._conn.execute(_COUNT_CALLS, parameters)).one()
        return Spent(found.calls, found.writes)

    async def charged(self, seller_id: SellerId, limit: str, since: datetime) -> Sequence[tuple[datetime, Spent]]:
        parameters = {"seller_id": seller_id, "limit_name": limit, "since": since - self._bucket}
        # A bucket leaves the window with the last call that may be in it.
        found = (await self._conn.execute(_CHARGED, parameters)).all()
        return [(bucket_at + self._bucket, Spent(calls, writes)) for bucket_at, calls, writes in found]

    async def charge(self, seller_id: SellerId, limit: str, at: datetime, *, write: bool, calls: int = 1) -> None:
        bucket_at = at - (at - _EPOCH) % self._bucket
        past = bucket_at - _BUCKETS_KEPT * self._bucket
        bucket = {"seller_id": seller_id, "limit_name": limit, "bucket_at": bucket_at}
        await self._conn.execute(_CHARGE, {**bucket, "past": past, "calls": calls, "writes": calls * write})
