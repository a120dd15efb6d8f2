"""Which lots, and which other rows, the rows of a preview are equal to; and what a person chose for them.

All in statements over the whole file: a row at a time, 20,000 rows would take minutes.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.linking import Aspect
from inventory.exports.operation import BRICKLINK
from inventory.imports.operation import Choice, Import, Verdict

MOST_CANDIDATES: Final = 20
"""How many equal lots a row shows."""

_ITEM: Final = "item_no, item_type, color_id, condition, completeness"

# `good` are the rows, `equal` their lots, one line for each item and lot, and `items` one line for each item: so no row
# meets each of its lots, and a thousand equal rows with a thousand equal lots are two thousand lines. `named` are the
# lots by our ids and by those of their listings, as files may call them.
_JUDGE: Final = text(f"""
    WITH good AS MATERIALIZED (
        SELECT number, lot->>'item_no' AS item_no, lot->>'item_type' AS item_type,
            CAST(lot->>'color_id' AS integer) AS color_id, lot->>'condition' AS condition,
            COALESCE(lot->>'completeness', '') AS completeness,
            lot->>'remarks' AS remarks, lot->>'location' AS location, COALESCE(lot->>'known_as', '') AS known_as
        FROM import_rows WHERE import_id = :import_id AND lot IS NOT NULL
    ), equal AS MATERIALIZED (
        SELECT {_ITEM}, lot_id, quantity, reserved, remarks, location, listing_ids,
            row_number() OVER (PARTITION BY {_ITEM} ORDER BY lot_id) AS nth,
            count(*) OVER (PARTITION BY {_ITEM}, remarks) AS with_remarks,
            count(*) OVER (PARTITION BY {_ITEM}, location) AS with_location
        FROM (
            SELECT lots.item_no, lots.item_type, lots.color_id, lots.condition,
                COALESCE(lots.completeness, '') AS completeness,
                lots.lot_id, lots.quantity, lots.reserved, lots.remarks, lots.location, lots.listing_ids
            FROM lots WHERE lots.seller_id = :seller_id AND NOT lots.archived
        ) AS mine
        JOIN (SELECT DISTINCT {_ITEM} FROM good) AS wanted USING ({_ITEM})
    ), items AS (
        SELECT {_ITEM}, count(*) AS lots, (array_agg(lot_id))[1] AS only_lot,
            jsonb_agg(
                jsonb_build_object(
                    'lot_id', lot_id, 'quantity', quantity, 'reserved', reserved,
                    'remarks', remarks, 'location', location
                ) ORDER BY lot_id
            ) FILTER (WHERE nth <= {MOST_CANDIDATES}) AS candidates
        FROM equal GROUP BY {_ITEM}
    ), named AS (
        SELECT {_ITEM}, names.known_as, (array_agg(lot_id))[1] AS lot_id
        FROM equal
        CROSS JOIN LATERAL (
            SELECT CAST(lot_id AS text) AS known_as
            UNION ALL SELECT jsonb_array_elements_text(listing_ids->'{BRICKLINK}')
        ) AS names
        GROUP BY {_ITEM}, names.known_as HAVING count(*) = 1
    ), decided AS (
        SELECT good.*, items.lots, items.candidates, named.lot_id IS NOT NULL AS is_named,
            CASE WHEN items.lots = 1 THEN items.only_lot
                ELSE COALESCE(named.lot_id, by_remarks.lot_id, by_location.lot_id) END AS lot_id
        FROM good
        LEFT JOIN items USING ({_ITEM})
        LEFT JOIN named USING ({_ITEM}, known_as)
        LEFT JOIN (SELECT {_ITEM}, remarks, lot_id FROM equal WHERE with_remarks = 1 AND remarks <> '') AS by_remarks
            USING ({_ITEM}, remarks)
        LEFT JOIN (SELECT {_ITEM}, location, lot_id FROM equal WHERE with_location = 1 AND location <> '')
            AS by_location USING ({_ITEM}, location)
    ), ranked AS (
        SELECT decided.*, equal.quantity, equal.reserved,
            decided.lots > 1 AND decided.lot_id IS NULL AS is_ambiguous,
            first_value(decided.number) OVER (
                PARTITION BY {", ".join(f"decided.{name}" for name in _ITEM.split(", "))}, decided.lot_id
                ORDER BY decided.is_named DESC, decided.remarks IS NOT DISTINCT FROM equal.remarks DESC, decided.number
            ) AS stands
        FROM decided LEFT JOIN equal ON equal.lot_id = decided.lot_id
    ), found AS (
        SELECT *, stands <> number AND is_ambiguous IS NOT TRUE AS is_repeated FROM ranked
    )
    UPDATE import_rows
    SET verdict = CASE
            WHEN found.is_ambiguous THEN 'AMBIGUOUS'
            WHEN found.is_repeated THEN 'REPEATED'
            WHEN found.lot_id IS NULL THEN 'NEW'
            ELSE 'DUPLICATE'
        END,
        candidates = COALESCE(found.candidates, '[]'),
        duplicate_of = found.lot_id,
        quantity_then = found.quantity,
        reserved_then = found.reserved,
        repeats = CASE WHEN found.is_repeated THEN found.stands END,
        place = CASE WHEN found.is_repeated THEN :total_rows + found.number END
    FROM found
    WHERE import_rows.import_id = :import_id AND import_rows.number = found.number
    RETURNING import_rows.verdict
""")  # noqa: S608 - the columns' names are ours


# For this transaction. The planner knows nothing yet of rows that it wrote, and would compare each with each; what it
# cannot do otherwise it then finds so dear that it would compile the statement, which takes longer than running it.
PLAN_FOR_MANY: Final = text("SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)")


async def judge_duplicates(conn: AsyncConnection, operation: Import) -> Mapping[Verdict, int]:
    """Write down what each good row is equal to; how many rows have which verdict."""
    values = {
        "import_id": operation.import_id,
        "seller_id": operation.seller_id,
        "total_rows": operation.total_rows,
    }
    return await count_verdicts(conn, _JUDGE, values)


async def count_verdicts(conn: AsyncConnection, judge: TextClause, values: Mapping[str, Any]) -> Mapping[Verdict, int]:
    """Run a statement that judges all good rows and returns their verdicts; how many have which."""
    await conn.execute(PLAN_FOR_MANY)
    counts = dict.fromkeys(Verdict, 0)
    for verdict in (await conn.execute(judge, values)).scalars():
        counts[Verdict(verdict)] += 1
    return counts


@dataclass(frozen=True, slots=True)
class Found:
    """What a person who chooses for a row must have known of it."""

    verdict: Verdict
    is_good: bool
    duplicate_of: str | None
    candidates: frozenset[str]
    differing: frozenset[str] = frozenset()
    """Aspects in which it differs from the lot that is meant."""


_FOUND: Final = text("""
    SELECT number, verdict, reason, duplicate_of, candidates, differing FROM import_rows
    WHERE import_id = :import_id AND number = ANY(CAST(:numbers AS integer[]))
""")


async def found_rows(conn: AsyncConnection, import_id: str, numbers: Sequence[int]) -> dict[int, Found]:
    """By number: these rows, as the preview found them."""
    rows = await conn.execute(_FOUND, {"import_id": import_id, "numbers": list(numbers)})
    return {
        row.number: Found(
            Verdict(row.verdict),
            row.reason == "",
            None if row.duplicate_of is None else str(row.duplicate_of),
            frozenset(candidate["lot_id"] for candidate in row.candidates),
            frozenset(row.differing),
        )
        for row in rows
    }


_CHOOSE_ALL: Final = text("""
    UPDATE import_rows
    SET choice = CASE verdict
        WHEN 'DUPLICATE' THEN :duplicates WHEN 'AMBIGUOUS' THEN :ambiguous WHEN 'REPEATED' THEN :repeated
        WHEN 'MATCHED' THEN 'LINK' WHEN 'DIFFERENT' THEN 'LINK'
        ELSE 'NEW_LOT'
    END
    WHERE import_id = :import_id AND reason = ''
""")
_CHOOSE: Final = text("""
    UPDATE import_rows
    SET choice = chosen.choice,
        (duplicate_of, quantity_then, reserved_then, differing) = (
            SELECT CAST(candidate->>'lot_id' AS uuid), CAST(candidate->>'quantity' AS bigint),
                CAST(candidate->>'reserved' AS bigint),
                ARRAY(SELECT jsonb_array_elements_text(COALESCE(candidate->'differing', '[]')))
            FROM jsonb_array_elements(candidates) AS candidate
            WHERE CAST(candidate->>'lot_id' AS uuid) = chosen.lot_id
            UNION ALL SELECT duplicate_of, quantity_then, reserved_then, differing WHERE chosen.lot_id IS NULL
        )
    FROM unnest(CAST(:numbers AS integer[]), CAST(:choices AS text[]), CAST(:lot_ids AS uuid[]))
        AS chosen (number, choice, lot_id)
    WHERE import_rows.import_id = :import_id AND import_rows.number = chosen.number
""")


async def keep_choices(
    conn: AsyncConnection, import_id: str, defaults: Mapping[str, Choice | None], exceptions: Mapping[int, Any]
) -> None:
    """Write down what each good row becomes; `exceptions` have a choice and a lot_id or None, by number."""
    told = {name: choice.value if choice else "" for name, choice in defaults.items()}
    await conn.execute(_CHOOSE_ALL, told | {"import_id": import_id})
    if exceptions:
        values: dict[str, Any] = {
            "numbers": list(exceptions),
            "choices": [one.choice.value for one in exceptions.values()],
            "lot_ids": [one.lot_id for one in exceptions.values()],
        }
        await conn.execute(_CHOOSE, values | {"import_id": import_id})


_TAKE: Final = text("""
    UPDATE import_rows SET takes = ARRAY(SELECT unnest(differing) INTERSECT SELECT unnest(CAST(:theirs AS text[])))
    WHERE import_id = :import_id AND reason = '' AND choice = 'LINK' AND number <> ALL(CAST(:but AS integer[]))
""")
_TAKE_OTHERWISE: Final = text("""
    UPDATE import_rows SET takes = ARRAY(
        SELECT unnest(differing)
        INTERSECT SELECT jsonb_array_elements_text(CAST(:theirs AS jsonb)->CAST(number AS text))
    )
    WHERE import_id = :import_id AND reason = '' AND choice = 'LINK' AND number = ANY(CAST(:numbers AS integer[]))
""")


async def keep_takes(
    conn: AsyncConnection, import_id: str, theirs: Set[Aspect], exceptions: Mapping[int, Set[Aspect]]
) -> None:
    """Write down of which aspects theirs is taken where rows that are linked differ; `exceptions`: by number."""
    numbers = list(exceptions)
    await conn.execute(_TAKE, {"import_id": import_id, "theirs": sorted(theirs), "but": numbers})
    if numbers:
        told = json.dumps({number: sorted(aspects) for number, aspects in exceptions.items()})
        await conn.execute(_TAKE_OTHERWISE, {"import_id": import_id, "theirs": told, "numbers": numbers})


_UNTAKEN: Final = text("""
    SELECT count(*) FROM import_rows
    WHERE import_id = :import_id AND verdict = 'DIFFERENT' AND choice = 'LINK' AND :aspect = ANY(differing)
        AND number <> ALL(CAST(:but AS integer[]))
""")


async def count_different(conn: AsyncConnection, import_id: str, aspect: Aspect, *, but: Sequence[int]) -> int:
    """How many different rows that are linked differ in this aspect, besides those with these numbers."""
    values = {"import_id": import_id, "aspect": aspect.value, "but": list(but)}
    return int((await conn.execute(_UNTAKEN, values)).scalar_one())


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of the choices."""

    skipped: int
    undecided: int
    """Duplicates for which nothing was chosen."""
    replaced_twice: Sequence[int]
    """Numbers of rows that would replace, or be linked with, the same lot; empty if there are none."""


_CHOSEN: Final = text("""
    SELECT count(*) FILTER (WHERE choice = 'SKIP') AS skipped,
        count(*) FILTER (WHERE choice = '') AS undecided
    FROM import_rows WHERE import_id = :import_id AND reason = ''
""")
_TWICE: Final = text("""
    SELECT array_agg(number ORDER BY number) FROM import_rows
    WHERE import_id = :import_id AND reason = '' AND choice IN ('REPLACE', 'LINK')
    GROUP BY duplicate_of HAVING count(*) > 1 ORDER BY min(number) LIMIT 1
""")


async def chosen_rows(conn: AsyncConnection, import_id: str) -> Chosen:
    """What the choices that were kept come to."""
    counts = (await conn.execute(_CHOSEN, {"import_id": import_id})).one()
    twice = (await conn.execute(_TWICE, {"import_id": import_id})).scalar_one_or_none()
    return Chosen(counts.skipped, counts.undecided, twice or [])
