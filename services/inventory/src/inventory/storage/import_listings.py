"""An import from a shop (rule S7): which lots its listings may stand for, and which of them are some lot's by now."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.linking import FIRST_DAY, Aspect, aspect_of
from inventory.domain.pairing import Candidate, Free, Listed, Pairing, pair
from inventory.domain.shown import shown
from inventory.imports.operation import Import, Verdict
from inventory.storage.import_rows import shown_of
from inventory.storage.import_verdicts import PLAN_FOR_MANY
from inventory.storage.lots import lot_of
from inventory.storage.sold_lines import sold_lines
from inventory.storage.tables import IMPORT_ROWS, LOTS

IS_ANOTHER_LOTS: Final = "stands for another lot of yours by now"

# The sync service said last whether a lot has a listing; where it has said nothing, only an import can have named any.
_IS_LISTED: Final = """COALESCE(
    (
        SELECT told.listing_id <> '' FROM lot_reports AS told
        WHERE told.lot_id = lots.lot_id AND told.marketplace = :marketplace
    ),
    jsonb_exists(lots.listing_ids, :marketplace)
)"""


@dataclass(frozen=True, slots=True)
class JudgedListings:
    """What the listings of a shop were found to be."""

    verdicts: Mapping[Verdict, int]
    """How many rows have which verdict."""
    differing: Mapping[Aspect, int]
    """How many of the different ones differ in what."""
    unmatched_lots: int
    """Lots with pieces that are not in the shop, and that no row may stand for."""


_EXCLUDE_OWNED: Final = text(f"""
    WITH owned AS MATERIALIZED (
        SELECT DISTINCT jsonb_array_elements_text(listing_ids->:marketplace) AS listing_id
        FROM lots WHERE seller_id = :seller_id
    )
    UPDATE import_rows SET verdict = 'EXCLUDED', lot = NULL, field = 'listing_id', reason = '{IS_ANOTHER_LOTS}'
    FROM owned
    WHERE import_rows.import_id = :import_id AND import_rows.lot IS NOT NULL
        AND import_rows.listing_id = owned.listing_id
""")  # noqa: S608 - the reason is ours
_IS_FREE: Final = f"lots.seller_id = :seller_id AND NOT lots.archived AND NOT {_IS_LISTED}"
_FREE: Final = (
    select(LOTS)
    .where(
        text(_IS_FREE),
        text("""(item_no, item_type, color_id, condition, COALESCE(completeness, '')) IN (
            SELECT lot->>'item_no', lot->>'item_type', CAST(lot->>'color_id' AS integer), lot->>'condition',
                COALESCE(lot->>'completeness', '')
            FROM import_rows WHERE import_id = :import_id AND lot IS NOT NULL
        )"""),
    )
    .order_by(LOTS.c.lot_id)
)
_COUNT_FREE: Final = text(f"SELECT count(*) FROM lots WHERE {_IS_FREE} AND lots.quantity > 0")  # noqa: S608 - ours
_KEEP_PAIRED: Final = text("""
    UPDATE import_rows
    SET verdict = judged.verdict, candidates = judged.candidates, duplicate_of = judged.meant,
        differing = ARRAY(SELECT jsonb_array_elements_text(judged.differing))
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS judged (number integer, verdict text, meant uuid, candidates jsonb, differing jsonb)
    WHERE import_rows.import_id = :import_id AND import_rows.number = judged.number
""")
_KEPT_AT_ONCE: Final = 2_000


async def judge_listings(conn: AsyncConnection, operation: Import) -> JudgedListings:
    """Write down which lots each good row may stand for, and in what they differ."""
    values = {"import_id": operation.import_id, "seller_id": operation.seller_id, "marketplace": operation.marketplace}
    await conn.execute(PLAN_FOR_MANY)
    excluded = (await conn.execute(_EXCLUDE_OWNED, values)).rowcount
    good = select(IMPORT_ROWS.c.number, IMPORT_ROWS.c.lot).where(
        IMPORT_ROWS.c.import_id == operation.import_id, IMPORT_ROWS.c.lot.is_not(None)
    )
    rows = (await conn.execute(good.order_by(IMPORT_ROWS.c.number))).all()
    free_rows = (await conn.execute(_FREE, values)).mappings().all()
    listed = await asyncio.to_thread(lambda: [_listed(operation.marketplace, row.number, row.lot) for row in rows])
    lots = await asyncio.to_thread(lambda: [lot_of(row) for row in free_rows])
    since = min((one.shown.read_at for one in listed), default=operation.created_at) - FIRST_DAY
    lines = await sold_lines(conn, [lot.lot_id for lot in lots], since=since)
    free = [Free(lot=lot, lines=lines.get(lot.lot_id, ())) for lot in lots]
    found = await asyncio.to_thread(pair, listed, free)
    told = [_told(number, pairing) for number, pairing in found.items()]
    for first in range(0, len(told), _KEPT_AT_ONCE):
        part = json.dumps(told[first : first + _KEPT_AT_ONCE])
        await conn.execute(_KEEP_PAIRED, {"import_id": operation.import_id, "rows": part})
    named = {one.lot.lot_id for pairing in found.values() for one in pairing.candidates if one.lot.quantity > 0}
    verdicts = Counter(one["verdict"] for one in told)
    different = Counter(aspect for one in told if one["verdict"] == Verdict.DIFFERENT for aspect in one["differing"])
    return JudgedListings(
        verdicts={verdict: verdicts[verdict.value] for verdict in Verdict} | {Verdict.EXCLUDED: excluded},
        differing={aspect: different[aspect.value] for aspect in Aspect},
        unmatched_lots=(await conn.execute(_COUNT_FREE, values)).scalar_one() - len(named),
    )


def _listed(marketplace: str, number: int, lot: Mapping[str, Any]) -> Listed:
    there = shown_of(marketplace, lot)
    if there is None:
        raise TypeError("a good row of a shop says when it was read")
    return Listed(number=number, external_id=lot.get("known_as", ""), shown=there)


def _told(number: int, pairing: Pairing) -> dict[str, Any]:
    """A judged row as JSON values."""
    candidates = [_candidate(one) for one in pairing.candidates]
    meant = next((one for one in candidates if one["lot_id"] == pairing.meant), None)
    if meant is not None:
        verdict = Verdict.DIFFERENT if meant["differences"] else Verdict.MATCHED
    else:
        verdict = Verdict.AMBIGUOUS if candidates else Verdict.NEW
    return {
        "number": number,
        "verdict": verdict.value,
        "meant": pairing.meant,
        "candidates": candidates,
        "differing": meant["differing"] if meant is not None else [],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    lot = one.lot
    return {
        "lot_id": lot.lot_id,
        "quantity": lot.quantity,
        "reserved": lot.reserved,
        "remarks": lot.remarks,
        "location": lot.location,
        "stock": lot.quantity + lot.sold,
        "differing": sorted({aspect_of(each.name).value for each in one.differences}),
        "differences": [
            {"field": each.name}
            | {"ours": shown({each.name: each.ours})[each.name], "theirs": shown({each.name: each.theirs})[each.name]}
            for each in one.differences
        ],
    }


# A listing has one owner or few: OFFSET keeps the planner from looking through all lots of the seller for each instead.
_OWNED: Final = text("""
    SELECT DISTINCT named.listing_id
    FROM unnest(CAST(:listing_ids AS text[])) AS named (listing_id)
    CROSS JOIN LATERAL (
        SELECT lots.seller_id FROM lots
        WHERE lots.listing_ids @> jsonb_build_object(CAST(:marketplace AS text), jsonb_build_array(named.listing_id))
        OFFSET 0
    ) AS owner
    WHERE owner.seller_id = :seller_id
""")
_LISTED: Final = text(
    f"SELECT lots.lot_id FROM lots WHERE lots.lot_id = ANY(CAST(:lot_ids AS uuid[])) AND {_IS_LISTED}"  # noqa: S608 - ours
)


_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def lock_listings(conn: AsyncConnection, seller_id: str) -> None:
    """Let no other import give this seller's lots listings before this transaction ends: none shall get two lots."""
    await conn.execute(_LOCK, {"name": f"listings of {seller_id}"})


async def owned_listings(
    conn: AsyncConnection, seller_id: str, marketplace: str, listing_ids: Collection[str]
) -> frozenset[str]:
    """Those of the listings that a lot of the seller has or had."""
    values = {"seller_id": seller_id, "marketplace": marketplace, "listing_ids": list(listing_ids)}
    return frozenset((await conn.execute(_OWNED, values)).scalars())


async def listed_lots(conn: AsyncConnection, marketplace: str, lot_ids: Collection[str]) -> frozenset[str]:
    """Those of the lots that have a listing in this shop."""
    found = await conn.execute(_LISTED, {"marketplace": marketplace, "lot_ids": list(lot_ids)})
    return frozenset(str(lot_id) for lot_id in found.scalars())
