"""The check: each row judged by its dialect, hundreds in one transaction; then, in a preview, what each is equal to.

What was judged is kept with how far the check has come, so a process that dies loses a chunk that nobody saw.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.linking import Aspect
from inventory.imports import shop_rows
from inventory.imports.dialect import Dialect
from inventory.imports.operation import CheckedRow, Import, ImportStage, Row, Verdict
from inventory.imports.reading import DIALECTS
from inventory.storage.import_listings import JudgedListings, judge_listings
from inventory.storage.import_rows import keep_judged, refuse_good_rows, rows_to_judge
from inventory.storage.import_verdicts import judge_duplicates
from inventory.storage.imports import move_import
from inventory.storage.sellers import fix_currency

CHECKED_AT_ONCE: Final = 500
"""Rows of one chunk: a tenth of a second of work. Files that have no more are judged before they are accepted."""
PREVIEW_KEPT: Final = timedelta(days=1)

_DIALECTS: Final[dict[str, Dialect]] = {**DIALECTS, shop_rows.DIALECT.format: shop_rows.DIALECT}


async def check_rows(
    conn: AsyncConnection, operation: Import, now: datetime, *, limit: int = CHECKED_AT_ONCE
) -> Import:
    """Judges the next rows of an import that is locked, and moves it on once they were the last."""
    rows = await rows_to_judge(conn, operation, limit=limit)
    judged = await asyncio.to_thread(_judge, operation, rows)
    await keep_judged(conn, operation.import_id, judged)
    refused = sum(1 for row in judged if row.lot is None)
    checked = replace(
        operation,
        judged_rows=operation.judged_rows + len(rows),
        refused_rows=operation.refused_rows + refused,
    )
    values: dict[str, Any] = {"judged_rows": checked.judged_rows, "refused_rows": checked.refused_rows}
    if checked.judged_rows == checked.total_rows:
        values |= await _after_the_last(conn, checked, now)
    return await move_import(conn, operation.import_id, now, **values)


def _judge(operation: Import, rows: list[tuple[int, Row]]) -> list[CheckedRow]:
    dialect = _DIALECTS[operation.format]
    return [dialect.judge(row, number, operation.currency) for number, row in rows]


async def _after_the_last(conn: AsyncConnection, operation: Import, now: datetime) -> dict[str, Any]:
    if operation.refused_rows == operation.total_rows:
        return {"stage": ImportStage.RUNNING, "finished_at": now}
    if not operation.preview:
        return await let_run(conn, operation, now)
    judged = await judge_listings(conn, operation) if operation.marketplace else None
    counts = await judge_duplicates(conn, operation) if judged is None else judged.verdicts
    refused = operation.refused_rows + counts[Verdict.EXCLUDED]
    if refused == operation.total_rows:
        return {"stage": ImportStage.RUNNING, "refused_rows": refused, "finished_at": now}
    return {
        "stage": ImportStage.PREVIEW,
        "refused_rows": refused,
        "matched_rows": counts[Verdict.MATCHED],
        "duplicate_rows": counts[Verdict.DUPLICATE],
        "ambiguous_rows": counts[Verdict.AMBIGUOUS],
        "repeated_rows": counts[Verdict.REPEATED],
        "expires_at": now + PREVIEW_KEPT,
    } | ({} if judged is None else _compared(judged))


def _compared(judged: JudgedListings) -> dict[str, int]:
    """What an import tells of a shop beside the seller's lots."""
    rows = {f"different_{aspect.lower()}_rows": judged.differing[aspect] for aspect in Aspect}
    return rows | {"different_rows": judged.verdicts[Verdict.DIFFERENT], "unmatched_lots": judged.unmatched_lots}


async def let_run(conn: AsyncConnection, operation: Import, now: datetime) -> dict[str, Any]:
    """What is to be written of an import whose good rows may now become lots.

    They will be the first prices of a new seller, so the currency is fixed now: they must still be good when their turn
    comes. If it was fixed meanwhile, to another one, they all are refused.
    """
    stage = ImportStage.LINKING if operation.marketplace else ImportStage.RUNNING
    values: dict[str, Any] = {"stage": stage, "last_row": 0, "expires_at": None}
    fixed = await fix_currency(conn, operation.seller_id, operation.currency, now)
    if fixed == operation.currency:
        return values
    await refuse_good_rows(
        conn, operation.import_id, f"is in {operation.currency}, not in {fixed}, the seller's by now"
    )
    return values | {"refused_rows": operation.total_rows, "finished_at": now}
