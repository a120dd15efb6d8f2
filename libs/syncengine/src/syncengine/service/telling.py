"""A connection as it is told: what it does, what waits, and what its calls are spent on. Reads rows, changes none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.budget import cap_of, writes_left
from syncengine.choose import free_tiers
from syncengine.listing import SellerId
from syncengine.marketplace import Facts
from syncengine.plan import Tier
from syncengine.recognise import ASKED
from syncengine.report import reason_words
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.service import words
from syncengine.service.status import status_of
from syncengine.settings import Settings
from syncengine.store.protocol import Transaction

_READ: Final = "READ"


async def connection_told(
    tx: Transaction,
    seller_id: SellerId,
    connection: ConnectionRow | None,
    *,
    facts: Facts,
    settings: Settings,
    now: datetime,
) -> pb.Connection:
    """Say what a connection does, or why it does nothing."""
    limit = facts.limit
    spent = await tx.calls_since(seller_id, limit.name, now - limit.window)
    status = status_of(connection, facts, settings, spent=spent, now=now)
    told = pb.Connection(
        marketplace=facts.marketplace, state=status.state, reason=status.reason, message=status.message
    )
    if connection is None or not connection.enabled:
        return told
    counts = await tx.count_listings(seller_id)
    writes = await tx.writes_since(seller_id, now - limit.window)
    told.key_version = connection.key_version
    told.calls_used, told.calls_limit = spent.calls, cap_of(connection, facts)
    told.waiting_lots, told.unknown_lots = counts.waiting, counts.unknown
    told.tiers.extend(_tiers(connection, facts, settings, spent, writes))
    for reason, lots in sorted((await tx.count_reasons(seller_id)).items()):
        told.reasons.add(reason=reason, message=reason_words(reason), lots=lots)
    for kind, used in sorted(connection.batches.items()):
        told.batches.add(kind=kind, used=used, message=words.BATCHES_USED if used else words.BATCHES_ENDED)
    moments = {
        "last_order_read_at": connection.orders_read_at,
        "last_census_at": connection.census_at,
        "last_ping_at": connection.pinged_at,
        "waiting_until": status.until,
        "paused_at": connection.paused_at,
        "oldest_waiting_at": await tx.oldest_waiting(seller_id, tiers=free_tiers(connection, now), now=now),
    }
    for name, moment in moments.items():
        if moment is not None:
            getattr(told, name).FromDatetime(moment)
    if connection.census_at is not None:
        told.match.CopyFrom(_match_of(connection))
    if connection.census_alarm:
        told.alarm.CopyFrom(_alarm_of(connection))
    if connection.halted in ASKED:
        pinned = connection.pinned_name or connection.shop_name
        told.other_shop.CopyFrom(pb.OtherShop(pinned_name=pinned, shown_name=connection.shown_name))
    is_matched = connection.census_reason is None and connection.baseline_at is not None
    if not is_matched or connection.hints_after is not None:
        told.progress.CopyFrom(_progress_of(connection, await tx.count_lots(seller_id)))
    return told


def _tiers(
    connection: ConnectionRow, facts: Facts, settings: Settings, spent: Spent, writes: Mapping[Tier, int]
) -> list[pb.TierBudget]:
    left = writes_left(connection, facts, settings, spent)
    told = [pb.TierBudget(tier=tier.name, used=writes.get(tier, 0), left=left) for tier in Tier]
    reads_left = max(0, cap_of(connection, facts) - spent.calls)
    return [*told, pb.TierBudget(tier=_READ, used=spent.calls - spent.writes, left=reads_left)]


def _progress_of(connection: ConnectionRow, lots: int) -> pb.MatchProgress:
    if connection.census_reason is None:
        step = "RECORDING" if connection.baseline_at is None else "LOOKING_UP_ITEMS"
    else:
        step = "WAITING_FOR_LOTS" if connection.answered_at is None else "READING_THE_SHOP"
    return pb.MatchProgress(step=step, lots=lots, answered_partitions=len(connection.answered_partitions))


def _alarm_of(connection: ConnectionRow) -> pb.CensusAlarm:
    alarm = connection.census_alarm
    told = pb.CensusAlarm(alarm=alarm, missing=connection.census_missing, message=words.ALARMS[alarm])
    if connection.census_at is not None:
        told.read_at.FromDatetime(connection.census_at)
    return told


def _match_of(connection: ConnectionRow) -> pb.Match:
    match = connection.match
    return pb.Match(
        linked=match.linked,
        to_create=match.to_create,
        ambiguous=match.ambiguous,
        unowned=match.unowned,
        different=match.different,
    )
