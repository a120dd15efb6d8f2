"""Intents and the account of calls, in a transaction of PostgreSQL."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import Group, SellerId
from syncengine.plan import Tier, tier_of_write
from syncengine.rows import Intent, IntentId
from syncengine.store.row_table import RowTable
from syncengine.store.tables import INTENTS

_ROWS: Final = RowTable(Intent, INTENTS)
_GET: Final = _ROWS.select.where(INTENTS.c.intent_id == bindparam("intent_id"))
_OPEN: Final = _ROWS.select.where(
    INTENTS.c.seller_id == bindparam("seller_id"), INTENTS.c.settled_at.is_(None)
).order_by(INTENTS.c.sent_at, INTENTS.c.intent_id)
_WRITES: Final = text("""
    SELECT write ->> 'kind' AS kind, CAST(write ->> 'delta' AS bigint) AS delta,
        CAST(write ->> 'for_sale' AS boolean) AS for_sale, groups[1] AS first_group, count(DISTINCT stamp) AS writes
    FROM intents WHERE seller_id = :seller_id AND sent_at > :since GROUP BY 1, 2, 3, 4
""")

_COUNT_CALLS: Final = text("""
    SELECT CAST(coalesce(sum(calls), 0) AS bigint) FROM calls
    WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at > :since
""")
_CHARGED: Final = text("""
    SELECT bucket_at, calls FROM calls
    WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at > :since ORDER BY bucket_at
""")
# What no window reaches any more goes with the call that is charged.
_CHARGE: Final = text("""
    WITH past AS (
        DELETE FROM calls WHERE seller_id = :seller_id AND limit_name = :limit_name AND bucket_at < :past
    )
    INSERT INTO calls (seller_id, limit_name, bucket_at, calls) VALUES (:seller_id, :limit_name, :bucket_at, 1)
    ON CONFLICT (seller_id, limit_name, bucket_at) DO UPDATE SET calls = calls.calls + 1
""")
_BUCKETS_KEPT: Final = 2 * 144
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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

    async def open_intents(self, seller_id: SellerId) -> Sequence[Intent]:
        return await _ROWS.find(self._conn, _OPEN, {"seller_id": seller_id})

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

    async def calls_since(self, seller_id: SellerId, limit: str, since: datetime) -> int:
        # A bucket counts whole as long as its last call may be later than `since`.
        parameters = {"seller_id": seller_id, "limit_name": limit, "since": since - self._bucket}
        return int((await self._conn.execute(_COUNT_CALLS, parameters)).scalar_one())

    async def charged(self, seller_id: SellerId, limit: str, since: datetime) -> Sequence[tuple[datetime, int]]:
        parameters = {"seller_id": seller_id, "limit_name": limit, "since": since - self._bucket}
        # A bucket leaves the window with the last call that may be in it.
        found = (await self._conn.execute(_CHARGED, parameters)).all()
        return [(bucket_at + self._bucket, calls) for bucket_at, calls in found]

    async def charge(self, seller_id: SellerId, limit: str, at: datetime) -> None:
        bucket_at = at - (at - _EPOCH) % self._bucket
        past = bucket_at - _BUCKETS_KEPT * self._bucket
        await self._conn.execute(
            _CHARGE, {"seller_id": seller_id, "limit_name": limit, "bucket_at": bucket_at, "past": past}
        )
