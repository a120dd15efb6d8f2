"""Polls: reads of the fresh orders that nothing waits for but sales; and the pings that may bring them forward."""

import logging
from dataclasses import replace
from datetime import datetime
from functools import partial

from syncengine.budget import for_reads, pace_of
from syncengine.lane import Lane
from syncengine.marketplace import Halted, Marketplace, ReadFailedError, Refused, Ticket
from syncengine.polling import Account, free_at, next_poll_at
from syncengine.rhythm import RECENTLY, REMEMBERED, Rhythm
from syncengine.rows.connection import ConnectionRow
from syncengine.store.protocol import Transaction

_log = logging.getLogger(__name__)


async def poll_planned(lane: Lane, tx: Transaction, connection: ConnectionRow) -> ConnectionRow:
    """Plan the next poll, now that orders have been read."""
    now, seller_id = lane.clock.now(), connection.seller_id
    habit = Rhythm.of(await tx.orders_by_hour(seller_id, now - REMEMBERED), now)
    rhythm = habit.after(await tx.orders_since(seller_id, now - RECENTLY), now)
    account = await _account(lane, tx, connection, now)
    pace, last = pace_of(lane.shop.facts, lane.settings), connection.orders_read_at or now
    due_at = next_poll_at(last=last, rhythm=rhythm, account=account, pace=pace)
    return replace(connection, orders_due_at=_asking(lane, connection, due_at))


async def keep_to_share(lane: Lane, tx: Transaction, connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Put a poll off that is due, while other reads have used the share that it was planned with (rule B2).

    What is due by a clock that was set back since is due now.
    """
    planned, ping_at = connection.orders_due_at, connection.ping_due_at
    if planned is None or connection.orders_read_at is None:
        return connection
    due_at = planned if connection.orders_read_at <= now else min(planned, now)
    if min(due_at, ping_at or due_at) > now:
        return connection
    free = free_at(now, await _account(lane, tx, connection, now), pace_of(lane.shop.facts, lane.settings))
    if free > now:
        free = _asking(lane, connection, free)
        due_at, ping_at = max(due_at, free), None if ping_at is None else max(ping_at, free)
    if (due_at, ping_at) != (planned, connection.ping_due_at):
        connection = replace(connection, orders_due_at=due_at, ping_due_at=ping_at)
        await tx.save_connection(connection)
    return connection


async def ask_for_pings(lane: Lane, connection: ConnectionRow) -> bool:
    """Ask the marketplace to send its pings to us, where that is a call and it was not asked yet.

    A shop that refuses is not asked again: polls see what pings would have told.

    Raises:
        PausedError: the call could not be made, or newer keys came meanwhile; a repeat is harmless.
    """
    address = lane.shop.facts.pings_to
    if not address or connection.pings_to == address:
        return False
    taken = await lane.read(lane.settings.call_deadline, partial(_send_pings, lane.shop, address))
    async with lane.transaction() as (tx, current):
        lane.check_keys(current)  # newer ones that came meanwhile may open another shop, which was not asked
        await tx.save_connection(replace(current, pings_to=address))
    if not taken:
        _log.warning("the shop refuses to send pings", extra={"seller_id": connection.seller_id})
    return True


async def _send_pings(shop: Marketplace, address: str, granted: Ticket) -> bool:
    try:
        await shop.send_pings(address, granted)
    except ReadFailedError as failure:
        if isinstance(failure.outcome, Refused | Halted):  # whether the keys open the shop at all, the next read finds
            return False
        raise
    return True


def _asking(lane: Lane, connection: ConnectionRow, due_at: datetime) -> datetime:
    """Poll no later than a read is to ask whether a lowered limit is over (rule B3)."""
    if connection.capped_at is None:
        return due_at
    return min(due_at, connection.capped_at + lane.settings.halt_probe_interval)


async def _account(lane: Lane, tx: Transaction, connection: ConnectionRow, now: datetime) -> Account:
    facts = lane.shop.facts
    charged = await tx.charged(connection.seller_id, facts.limit.name, now - facts.limit.window)
    for_polls, reserved = for_reads(connection, facts, lane.settings)
    return Account(
        window=facts.limit.window,
        reads=[(at, spent.calls - spent.writes) for at, spent in charged],
        for_polls=for_polls,
        reserved=reserved,
    )
