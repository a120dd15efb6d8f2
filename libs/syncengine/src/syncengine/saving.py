"""Saving lots: each with the rank of the call that is due next, and with what inventory is told of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.marketplace import Facts
from syncengine.plan import Send, Tier, plan
from syncengine.report import reported
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.store.protocol import Transaction

_ROWS_AT_ONCE = 500
"""Saved in one go; between two of them other lanes have their turn, however large a shop is (rule L4)."""


def tier_of(row: ListingRow, facts: Facts) -> Tier | None:
    """Rank the next call of a row, as if increases were free to go."""
    planned = plan(row, facts, may_increase=True)
    return planned.tier if isinstance(planned, Send) else None


def ranked(row: ListingRow, facts: Facts, now: datetime) -> tuple[ListingRow, Tier | None]:
    """Rank a row, and remember since when it has had something to send: a call under way does not end that.

    Nor does it end that sold pieces are offered: what is being created may have been sold meanwhile.
    """
    if row.intent_id is None and not row.is_to_shrink:
        row = replace(row, sold_there=row.desired.sold)
    tier = tier_of(row, facts)
    if tier is not None:
        return replace(row, waiting_since=row.waiting_since or now), tier
    if row.intent_id is None and row.look_since is None:
        row = replace(row, waiting_since=None)
    return row, tier


async def save_rows(
    tx: Transaction, connection: ConnectionRow, rows: Sequence[ListingRow], facts: Facts, now: datetime
) -> None:
    """Save rows of one connection, whose row is locked, and tell inventory what is news."""
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        ids = await tx.listing_ids_of([row.lot_id for row in part])
        saved, tiers, events = [], [], []
        for row in part:
            row, event = reported(row, connection, facts, ids.get(row.lot_id, {}), now)
            row, tier = ranked(row, facts, now)
            saved.append(row)
            tiers.append(tier)
            events += [event] if event is not None else []
        await tx.save_listings(saved, tiers)
        await tx.publish(events)
