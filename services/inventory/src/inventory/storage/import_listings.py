"""An import from a shop (rule S7): which lots its listings may stand for, and which of them are some lot's by now.

All in statements over many rows, as in `import_verdicts.py`.
"""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.imports.operation import Import, Verdict
from inventory.storage.import_verdicts import MOST_CANDIDATES, count_verdicts

IS_ANOTHER_LOTS: Final = "stands for another lot of yours by now"

_ITEM: Final = "item_no, item_type, color_id, condition, completeness"

# The sync service said last whether a lot has a listing; where it has said nothing, only an import can have named any.
_IS_LISTED: Final = """COALESCE(
    (
        SELECT told.listing_id <> '' FROM lot_reports AS told
        WHERE told.lot_id = lots.lot_id AND told.marketplace = :marketplace
    ),
    jsonb_exists(lots.listing_ids, :marketplace)
)"""


def _says(row: str) -> str:
    """All that a shop can show of a lot, as one value; numbers in JSON are equal whatever zeros they end in."""
    names = ("quantity", "unit_price", "sale_percent", "bulk", "cost", "description", "remarks", "stockroom", "retain")
    return f"""jsonb_build_array(
        {", ".join(f"{row}.{name}" for name in names)},
        (
            SELECT jsonb_agg(jsonb_build_array(tier->'quantity', CAST(tier->>'unit_price' AS numeric)))
            FROM jsonb_array_elements({row}.tiers) AS tier
        )
    )"""  # noqa: S608 - the names are ours


# `listed` are the listings, `free` the seller's lots of the same items that have none in this shop. What is equal in
# every field pairs up in order, as in a census (rule C2); `left_over` are the lots that are still free then, by item.
_JUDGE: Final = text(f"""
    WITH owned AS MATERIALIZED (
        SELECT DISTINCT jsonb_array_elements_text(listing_ids->:marketplace) AS listing_id
        FROM lots WHERE seller_id = :seller_id
    ), listed AS MATERIALIZED (
        SELECT import_rows.number, owned.listing_id IS NOT NULL AS is_owned,
            said.item_no, said.item_type, said.color_id, said.condition,
            COALESCE(said.completeness, '') AS completeness, {_says("said")} AS says
        FROM import_rows CROSS JOIN LATERAL jsonb_populate_record(CAST(NULL AS lots), import_rows.lot) AS said
        LEFT JOIN owned ON owned.listing_id = import_rows.listing_id
        WHERE import_rows.import_id = :import_id AND import_rows.lot IS NOT NULL
    ), free AS MATERIALIZED (
        SELECT * FROM (
            SELECT lots.lot_id, lots.item_no, lots.item_type, lots.color_id, lots.condition,
                COALESCE(lots.completeness, '') AS completeness, {_says("lots")} AS says,
                jsonb_build_object(
                    'lot_id', lots.lot_id, 'quantity', lots.quantity, 'reserved', lots.reserved,
                    'remarks', lots.remarks, 'location', lots.location
                ) AS candidate
            FROM lots WHERE lots.seller_id = :seller_id AND NOT lots.archived AND NOT {_IS_LISTED}
        ) AS mine
        JOIN (SELECT DISTINCT {_ITEM} FROM listed) AS wanted USING ({_ITEM})
    ), matched AS MATERIALIZED (
        SELECT one.number, other.lot_id, other.candidate
        FROM (
            SELECT *, row_number() OVER (PARTITION BY {_ITEM}, says ORDER BY number) AS nth
            FROM listed WHERE NOT is_owned
        ) AS one
        JOIN (
            SELECT *, row_number() OVER (PARTITION BY {_ITEM}, says ORDER BY lot_id) AS nth FROM free
        ) AS other USING ({_ITEM}, says, nth)
    ), left_over AS (
        SELECT {_ITEM}, jsonb_agg(candidate ORDER BY lot_id) FILTER (WHERE nth <= {MOST_CANDIDATES}) AS candidates
        FROM (
            SELECT *, row_number() OVER (PARTITION BY {_ITEM} ORDER BY lot_id) AS nth
            FROM free WHERE NOT EXISTS (SELECT FROM matched WHERE matched.lot_id = free.lot_id)
        ) AS still_free
        GROUP BY {_ITEM}
    ), found AS (
        SELECT listed.number, listed.is_owned, matched.lot_id,
            CASE WHEN listed.is_owned THEN '[]' WHEN matched.lot_id IS NOT NULL THEN jsonb_build_array(candidate)
                ELSE COALESCE(left_over.candidates, '[]') END AS candidates
        FROM listed LEFT JOIN matched USING (number) LEFT JOIN left_over USING ({_ITEM})
    )
    UPDATE import_rows
    SET verdict = CASE
            WHEN found.is_owned THEN 'EXCLUDED'
            WHEN found.lot_id IS NOT NULL THEN 'MATCHED'
            WHEN found.candidates <> '[]' THEN 'AMBIGUOUS'
            ELSE 'NEW'
        END,
        lot = CASE WHEN found.is_owned THEN NULL ELSE import_rows.lot END,
        field = CASE WHEN found.is_owned THEN 'listing_id' ELSE '' END,
        reason = CASE WHEN found.is_owned THEN '{IS_ANOTHER_LOTS}' ELSE '' END,
        candidates = found.candidates,
        duplicate_of = found.lot_id
    FROM found
    WHERE import_rows.import_id = :import_id AND import_rows.number = found.number
    RETURNING import_rows.verdict
""")  # noqa: S608 - the names and the reason are ours


async def judge_listings(conn: AsyncConnection, operation: Import) -> Mapping[Verdict, int]:
    """Write down which lots each good row may stand for; how many rows have which verdict."""
    values = {"import_id": operation.import_id, "seller_id": operation.seller_id, "marketplace": operation.marketplace}
    return await count_verdicts(conn, _JUDGE, values)


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
