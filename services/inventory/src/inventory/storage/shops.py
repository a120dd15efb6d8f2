"""What sync services reported: connections heard of, their baselines, and how far each lot has come."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.lot import FieldGroup
from inventory.domain.sync_status import GroupReport, LotReport, SyncState
from inventory.storage.tables import CONNECTIONS, LOT_REPORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedReport:
    """A report and what orders it."""

    seller_id: str
    lot_id: str
    marketplace: str
    seq: int
    report: LotReport


async def connected_shops(conn: AsyncConnection, seller_id: str) -> set[str]:
    """The marketplaces at which the seller has or had a shop."""
    query = select(CONNECTIONS.c.marketplace).where(CONNECTIONS.c.seller_id == seller_id)
    return set((await conn.execute(query)).scalars())


async def note_connections(conn: AsyncConnection, shops: Sequence[tuple[str, str]], now: datetime) -> None:
    """Remember that these sellers have shops at these marketplaces."""
    new = insert(CONNECTIONS).values(
        [
            {"seller_id": seller_id, "marketplace": marketplace, "first_heard_at": now}
            for seller_id, marketplace in sorted(set(shops))
        ]
    )
    await conn.execute(new.on_conflict_do_nothing())


async def baselines(conn: AsyncConnection, seller_ids: Sequence[str]) -> dict[tuple[str, str], datetime]:
    """By seller and marketplace: the baselines that are known."""
    query = select(CONNECTIONS).where(CONNECTIONS.c.seller_id.in_(seller_ids), CONNECTIONS.c.baseline_at.is_not(None))
    return {(row.seller_id, row.marketplace): row.baseline_at for row in await conn.execute(query)}


async def fix_baseline(conn: AsyncConnection, seller_id: str, marketplace: str, at: datetime) -> datetime:
    """The connection's baseline, which is this one unless another was fixed first (rule C3)."""
    same = (CONNECTIONS.c.seller_id == seller_id, CONNECTIONS.c.marketplace == marketplace)
    await conn.execute(update(CONNECTIONS).where(*same, CONNECTIONS.c.baseline_at.is_(None)).values(baseline_at=at))
    fixed: datetime = (await conn.execute(select(CONNECTIONS.c.baseline_at).where(*same))).scalar_one()
    return fixed


async def reports(conn: AsyncConnection, lot_ids: Sequence[str]) -> dict[str, dict[str, LotReport]]:
    """By lot and marketplace: the last report."""
    found: dict[str, dict[str, LotReport]] = defaultdict(dict)
    for row in await conn.execute(select(LOT_REPORTS).where(LOT_REPORTS.c.lot_id.in_(lot_ids))):
        found[row.lot_id][row.marketplace] = LotReport(
            listing_id=row.listing_id,
            desired_revision=row.desired_revision,
            groups={FieldGroup(group): _group_of(told) for group, told in row.groups.items()},
            is_stale=row.is_stale,
            updated_at=row.updated_at,
        )
    return found


_SAVE: Final = text("""
    INSERT INTO lot_reports
        (lot_id, marketplace, seller_id, seq, listing_id, desired_revision, groups, is_stale, updated_at)
    SELECT lot_id, marketplace, seller_id, seq, listing_id, desired_revision, groups, is_stale, updated_at
    FROM jsonb_populate_recordset(CAST(NULL AS lot_reports), CAST(:reports AS jsonb))
    ORDER BY lot_id, marketplace
    ON CONFLICT (lot_id, marketplace) DO UPDATE
    SET seq = excluded.seq, listing_id = excluded.listing_id, desired_revision = excluded.desired_revision,
        groups = excluded.groups, is_stale = excluded.is_stale, updated_at = excluded.updated_at
    WHERE lot_reports.seq < excluded.seq
""")


async def save_reports(conn: AsyncConnection, numbered: Sequence[NumberedReport]) -> None:
    """Keep each report, unless a newer one is there. At most one per lot and marketplace."""
    rows = json.dumps([_json_of(one) for one in numbered])
    await conn.execute(_SAVE, {"reports": rows})


async def mark_stale(conn: AsyncConnection, lot_id: str, marketplace: str) -> None:
    """The last report on this lot could not be read (rule T5)."""
    same = (LOT_REPORTS.c.lot_id == lot_id, LOT_REPORTS.c.marketplace == marketplace)
    await conn.execute(update(LOT_REPORTS).where(*same).values(is_stale=True))


def _json_of(numbered: NumberedReport) -> dict[str, Any]:
    report = numbered.report
    return {
        "lot_id": numbered.lot_id,
        "marketplace": numbered.marketplace,
        "seller_id": numbered.seller_id,
        "seq": numbered.seq,
        "listing_id": report.listing_id,
        "desired_revision": report.desired_revision,
        "groups": {
            group: {"state": told.state, "settled_revision": told.settled_revision, "reason": told.reason}
            for group, told in report.groups.items()
        },
        "is_stale": report.is_stale,
        "updated_at": report.updated_at.isoformat(),
    }


def _group_of(told: Mapping[str, Any]) -> GroupReport:
    return GroupReport(state=SyncState(told["state"]), settled_revision=told["settled_revision"], reason=told["reason"])
