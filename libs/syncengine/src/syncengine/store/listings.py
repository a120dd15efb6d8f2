"""Lots as listings, and which listing ever stood for which lot, in a transaction of PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, SmallInteger, Text, bindparam, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import ListingId, LotId, SellerId
from syncengine.plan import Tier
from syncengine.rows.listing import CHANGED_IN_SHOP, ListingRow, Trouble
from syncengine.settings import Settings
from syncengine.store.intents import LOOKED_AT_FROM, look_windows
from syncengine.store.protocol import Difference, ListingCounts
from syncengine.store.row_table import RowTable
from syncengine.store.tables import LISTINGS

ROWS: Final = RowTable(
    ListingRow,
    LISTINGS,
    derived={
        "entry_name": lambda row: None if row.desired.entry is None else row.desired.entry.name,
        "unmapped": lambda row: not row.desired.is_mapped,
        "shows_sold": lambda row: row.shows_sold,
    },
    beside=frozenset({"tier"}),
)
_OF_SELLER: Final = LISTINGS.c.seller_id == bindparam("seller_id")
_CALLABLE: Final = (
    _OF_SELLER,
    LISTINGS.c.tier == func.any(bindparam("tiers", type_=ARRAY(SmallInteger))),
    LISTINGS.c.intent_id.is_(None),
    LISTINGS.c.look_since.is_(None),
)
_NOW: Final = bindparam("now", type_=LISTINGS.c.not_before.type)

_FIND: Final = ROWS.select.where(LISTINGS.c.lot_id == func.any(bindparam("lot_ids", type_=ARRAY(Text))))
_LIST: Final = ROWS.select.where(_OF_SELLER).order_by(LISTINGS.c.lot_id)
_NEXT: Final = (
    ROWS.select.where(*_CALLABLE, or_(LISTINGS.c.not_before.is_(None), LISTINGS.c.not_before <= _NOW))
    .order_by(LISTINGS.c.tier, LISTINGS.c.shows_sold.desc(), LISTINGS.c.lot_id)
    .limit(bindparam("limit"))
)
_NEXT_AT: Final = (
    select(func.greatest(LISTINGS.c.not_before, _NOW))
    .where(*_CALLABLE)
    .order_by(LISTINGS.c.not_before.nulls_first())
    .limit(1)
)
_WANTS_LOOK: Final = "(unknown OR ((look_since IS NOT NULL OR probation IS NOT NULL) AND listings.intent_id IS NULL))"
_LOOKS_WANTED: Final = ROWS.select.where(_OF_SELLER, text(_WANTS_LOOK)).order_by(LISTINGS.c.lot_id)
_NEXT_LOOK_AT: Final = text(f"""
    SELECT min(CASE
        WHEN intents.intent_id IS NOT NULL THEN greatest({LOOKED_AT_FROM}, not_before)
        WHEN look_since IS NULL AND probation IS NOT NULL THEN CAST(probation ->> 'due_at' AS timestamptz)
        ELSE coalesce(greatest(look_since, not_before), :now)
    END)
    FROM listings LEFT JOIN intents ON intents.intent_id = listings.intent_id AND settled_at IS NULL
    WHERE listings.seller_id = :seller_id AND {_WANTS_LOOK}
""")  # noqa: S608 - a constant
_COUNT: Final = text("""
    SELECT count(*) FILTER (WHERE tier IS NOT NULL AND intent_id IS NULL AND look_since IS NULL) AS waiting,
        count(*) FILTER (WHERE unknown) AS unknown
    FROM listings WHERE seller_id = :seller_id AND (tier IS NOT NULL OR unknown)
""")
_COUNT_CALLS: Final = select(func.count()).where(*_CALLABLE)
_COUNT_LISTED: Final = text("SELECT count(*) FROM listings WHERE seller_id = :seller_id AND listing_id IS NOT NULL")
_DIFFERENCES: Final = text("""
    SELECT lot_id, listing_id, ours, theirs
    FROM (
        SELECT lot_id, listing_id, coalesce(theirs, ledger) AS theirs,
            CASE WHEN CAST(desired ->> 'is_archived' AS boolean) THEN 0
                ELSE greatest(0, CAST(desired ->> 'quantity' AS bigint) - uncounted) END AS ours
        FROM listings WHERE seller_id = :seller_id AND lot_id > :after AND listing_id IS NOT NULL
    ) AS compared
    WHERE ours <> theirs ORDER BY lot_id LIMIT :limit
""")
_IN_TROUBLE: Final = ROWS.select.where(_OF_SELLER, LISTINGS.c.trouble == bindparam("trouble")).order_by(
    LISTINGS.c.lot_id
)
_WITH_PIECES: Final = text("""
    SELECT listing_id FROM listings WHERE seller_id = :seller_id AND listing_id IS NOT NULL AND ledger <> 0
""")
_COUNT_LOTS: Final = select(func.count()).where(_OF_SELLER)
_OLDEST: Final = select(func.min(LISTINGS.c.waiting_since)).where(
    *_CALLABLE, or_(LISTINGS.c.not_before.is_(None), LISTINGS.c.not_before <= _NOW)
)
_HAS_REASON: Final = """(
    CAST(:reason AS text) = '' OR trouble = :reason OR (:reason = :changed AND conflicts <> '{}')
    OR EXISTS (SELECT FROM jsonb_each(parked) WHERE value ->> 'reason' = :reason)
)"""
_FOR_A_PERSON: Final = (
    ROWS.select.where(
        _OF_SELLER,
        LISTINGS.c.lot_id > bindparam("after"),
        text("(trouble IS NOT NULL OR parked <> '{}' OR conflicts <> '{}')"),
        text(_HAS_REASON),
    )
    .order_by(LISTINGS.c.lot_id)
    .limit(bindparam("limit"))
)
_COUNT_REASONS: Final = text("""
    SELECT reason, count(DISTINCT lot_id) AS lots
    FROM listings CROSS JOIN LATERAL (
        SELECT trouble AS reason WHERE trouble IS NOT NULL
        UNION ALL SELECT :changed WHERE conflicts <> '{}'
        UNION ALL SELECT value ->> 'reason' FROM jsonb_each(parked)
    ) AS reasons
    WHERE seller_id = :seller_id AND (trouble IS NOT NULL OR parked <> '{}' OR conflicts <> '{}')
    GROUP BY reason
""")

_ADD_IDS: Final = text("""
    INSERT INTO listing_ids (seller_id, listing_id, lot_id, created)
    SELECT :seller_id, listing_id, lot_id, :created
    FROM unnest(CAST(:listing_ids AS text[]), CAST(:lot_ids AS text[])) AS given (listing_id, lot_id)
    ON CONFLICT (seller_id, listing_id) DO UPDATE SET created = true WHERE excluded.created AND NOT listing_ids.created
""")
_LOTS_OF: Final = text("""
    SELECT listing_id, lot_id FROM listing_ids WHERE seller_id = :seller_id AND listing_id = ANY(:listing_ids)
""")
_CREATED_AMONG: Final = text("""
    SELECT listing_id FROM listing_ids
    WHERE seller_id = :seller_id AND listing_id = ANY(:listing_ids) AND created
""")
_IDS_OF: Final = text("""
    SELECT lot_id, listing_id, created FROM listing_ids WHERE lot_id = ANY(:lot_ids) ORDER BY lot_id, listing_id
""")


class Listings:
    """Lots as listings in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find_listing(self, lot_id: LotId) -> ListingRow | None:
        return (await self.find_listings([lot_id])).get(lot_id)

    async def find_listings(self, lot_ids: Collection[LotId]) -> Mapping[LotId, ListingRow]:
        if not lot_ids:
            return {}
        rows = await ROWS.find(self._conn, _FIND, {"lot_ids": list(lot_ids)})
        return {row.lot_id: row for row in rows}

    async def listings_of(self, seller_id: SellerId) -> Sequence[ListingRow]:
        return await ROWS.find(self._conn, _LIST, {"seller_id": seller_id})

    async def save_listings(self, rows: Sequence[ListingRow], tiers: Sequence[Tier | None]) -> None:
        await ROWS.replace(self._conn, rows, beside=[{"tier": tier} for tier in tiers])

    async def next_listings(
        self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime, limit: int
    ) -> Sequence[ListingRow]:
        parameters = {"seller_id": seller_id, "tiers": _numbers(tiers), "now": now, "limit": limit}
        return await ROWS.find(self._conn, _NEXT, parameters)

    async def next_listing_at(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        parameters = {"seller_id": seller_id, "tiers": _numbers(tiers), "now": now}
        found: datetime | None = (await self._conn.execute(_NEXT_AT, parameters)).scalar_one_or_none()
        return found

    async def next_look_at(self, seller_id: SellerId, settings: Settings, now: datetime) -> datetime | None:
        parameters = {"seller_id": seller_id, "now": now, **look_windows(settings)}
        found: datetime | None = (await self._conn.execute(_NEXT_LOOK_AT, parameters)).scalar_one()
        return found

    async def looks_wanted(self, seller_id: SellerId) -> Sequence[ListingRow]:
        return await ROWS.find(self._conn, _LOOKS_WANTED, {"seller_id": seller_id})

    async def count_listings(self, seller_id: SellerId) -> ListingCounts:
        counted = (await self._conn.execute(_COUNT, {"seller_id": seller_id})).one()
        return ListingCounts(waiting=counted.waiting, unknown=counted.unknown)

    async def count_calls(self, seller_id: SellerId, tier: Tier) -> int:
        counted: int = (
            await self._conn.execute(_COUNT_CALLS, {"seller_id": seller_id, "tiers": _numbers([tier])})
        ).scalar_one()
        return counted

    async def count_listed(self, seller_id: SellerId) -> int:
        counted: int = (await self._conn.execute(_COUNT_LISTED, {"seller_id": seller_id})).scalar_one()
        return counted

    async def differences(self, seller_id: SellerId, *, after: LotId | None, limit: int) -> Sequence[Difference]:
        found = await self._conn.execute(_DIFFERENCES, {"seller_id": seller_id, "after": after or "", "limit": limit})
        return [
            Difference(lot_id=LotId(row.lot_id), listing_id=ListingId(row.listing_id), ours=row.ours, theirs=row.theirs)
            for row in found
        ]

    async def rows_in_trouble(self, seller_id: SellerId, trouble: Trouble) -> Sequence[ListingRow]:
        return await ROWS.find(self._conn, _IN_TROUBLE, {"seller_id": seller_id, "trouble": trouble})

    async def listings_with_pieces(self, seller_id: SellerId) -> Collection[ListingId]:
        return {
            ListingId(found) for found in (await self._conn.execute(_WITH_PIECES, {"seller_id": seller_id})).scalars()
        }

    async def count_lots(self, seller_id: SellerId) -> int:
        counted: int = (await self._conn.execute(_COUNT_LOTS, {"seller_id": seller_id})).scalar_one()
        return counted

    async def oldest_waiting(self, seller_id: SellerId, *, tiers: Collection[Tier], now: datetime) -> datetime | None:
        parameters = {"seller_id": seller_id, "tiers": _numbers(tiers), "now": now}
        found: datetime | None = (await self._conn.execute(_OLDEST, parameters)).scalar_one()
        return found

    async def listings_for_a_person(
        self, seller_id: SellerId, *, reason: str = "", after: LotId | None = None, limit: int
    ) -> Sequence[ListingRow]:
        named = {"seller_id": seller_id, "after": after or "", "limit": limit}
        return await ROWS.find(self._conn, _FOR_A_PERSON, {"reason": reason, "changed": CHANGED_IN_SHOP, **named})

    async def count_reasons(self, seller_id: SellerId) -> Mapping[str, int]:
        counted = await self._conn.execute(_COUNT_REASONS, {"seller_id": seller_id, "changed": CHANGED_IN_SHOP})
        return {row.reason: row.lots for row in counted}

    async def add_listing_ids(
        self, seller_id: SellerId, pairs: Collection[tuple[ListingId, LotId]], *, created: bool = False
    ) -> None:
        lots: dict[ListingId, LotId] = {}
        for listing_id, lot_id in pairs:
            lots.setdefault(listing_id, lot_id)
        if lots:
            given = {"listing_ids": list(lots), "lot_ids": list(lots.values()), "created": created}
            await self._conn.execute(_ADD_IDS, {"seller_id": seller_id, **given})

    async def created_among(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Collection[ListingId]:
        if not listing_ids:
            return frozenset()
        parameters = {"seller_id": seller_id, "listing_ids": list(listing_ids)}
        return {ListingId(found) for found in (await self._conn.execute(_CREATED_AMONG, parameters)).scalars()}

    async def lots_of_listings(
        self, seller_id: SellerId, listing_ids: Collection[ListingId]
    ) -> Mapping[ListingId, LotId]:
        if not listing_ids:
            return {}
        found = await self._conn.execute(_LOTS_OF, {"seller_id": seller_id, "listing_ids": list(listing_ids)})
        return {ListingId(row.listing_id): LotId(row.lot_id) for row in found}

    async def listing_ids_of(self, lot_ids: Collection[LotId]) -> Mapping[LotId, Mapping[ListingId, bool]]:
        if not lot_ids:
            return {}
        found: dict[LotId, dict[ListingId, bool]] = {}
        for row in await self._conn.execute(_IDS_OF, {"lot_ids": list(lot_ids)}):
            found.setdefault(LotId(row.lot_id), {})[ListingId(row.listing_id)] = row.created
        return found


def _numbers(tiers: Collection[Tier]) -> list[int]:
    return sorted(int(tier) for tier in tiers)
