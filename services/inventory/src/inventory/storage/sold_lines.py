"""What was sold of lots lately, whether it is in their quantity or not: for a count of theirs (ADR 23)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.linking import SoldLine
from inventory.storage.tables import ORDER_LINES


async def sold_lines(
    conn: AsyncConnection, lot_ids: Sequence[str], *, since: datetime
) -> Mapping[str, Sequence[SoldLine]]:
    """By lot: its order lines that were ordered after `since` and hold pieces; lots without one are not there."""
    columns = ORDER_LINES.c
    query = select(columns.lot_id, columns.marketplace, columns.ordered_at, columns.total).where(
        columns.lot_id.in_(lot_ids), columns.ordered_at > since, columns.total > 0
    )
    found: dict[str, list[SoldLine]] = defaultdict(list)
    for row in await conn.execute(query):
        found[row.lot_id].append(SoldLine(row.marketplace, row.ordered_at, row.total))
    return found
