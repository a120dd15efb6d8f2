"""Sending: the best waiting call, its intent durable before the first byte, its outcome booked after (rules L3, B2)."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from servicekit.logs import correlation_id
from syncengine.alike import look_alikes
from syncengine.guard import count_removal, held_removals
from syncengine.lane import Lane, PausedError, may_write
from syncengine.listing import Item
from syncengine.marketplace import Applied, Create, Gone, Halted, Later, Outcome, Refused, Ticket, Unknown
from syncengine.plan import Send, Tier
from syncengine.rows import ConnectionRow, Intent, IntentId, ListingRow, Settings, Trouble
from syncengine.sendable import sendable
from syncengine.settle import perhaps_listed, settle
from syncengine.store.protocol import FencedError, Transaction

_log = logging.getLogger(__name__)

_CANDIDATES = 20


async def send_next(lane: Lane) -> bool:
    """Make the one call that ranks first; False if nothing waits.

    Raises:
        PausedError: there is one, but it may not be made yet; the connection remembers until when to wait.
    """
    deadline = lane.settings.call_deadline
    await lane.hold_lease_for(deadline)
    try:
        intended = await _intend(lane, deadline)
    except PausedError as pause:
        async with lane.transaction() as (tx, connection):
            await tx.save_connection(replace(connection, writes_not_before=pause.at, waiting_for=pause.reason))
        raise
    if intended is None:
        return False
    intent, granted = intended
    following = correlation_id.set(intent.correlation_id)
    try:
        lane.check_lease_outlives(deadline)
        outcome = await lane.shop.send(intent.write, granted)
        _log.info("sent", extra=_facts(intent, outcome))
        if isinstance(outcome, Halted):
            outcome = await _probed(lane, outcome)
        await _book(lane, intent, outcome)
    finally:
        correlation_id.reset(following)
    return True


def _facts(intent: Intent, outcome: Outcome) -> dict[str, str]:
    """What the log says of a call: whose, which lot, what, and what came of it."""
    return {
        "seller_id": intent.seller_id,
        "lot_id": intent.lot_id,
        "write": type(intent.write).__name__.lower(),
        "outcome": type(outcome).__name__.lower(),
    }


async def _intend(lane: Lane, deadline: timedelta) -> tuple[Intent, Ticket] | None:
    """Make the intent durable and charge its call, in one transaction (rule L3)."""
    async with lane.transaction() as (tx, connection):
        if not may_write(connection, lane.settings) or not lane.has_keys_of(connection):
            return None  # since this turn began, other keys came, or what asks for a census
        chosen, put_off = await _choose(lane, tx, connection)
        await lane.save(tx, put_off)
        if chosen is None:
            return None
        row, send = chosen
        connection, granted = await lane.charge(
            tx, await tx.lock_connection(row.seller_id), write=True, deadline=deadline
        )
        if send.tier is Tier.REMOVAL:
            connection = count_removal(connection, lane.clock.now())
            await tx.save_connection(connection)
        intent = Intent(
            intent_id=IntentId(lane.new_id()),
            seller_id=row.seller_id,
            lot_id=row.lot_id,
            term=lane.lease.term,
            write=send.write,
            groups=send.groups,
            revision=row.revision,
            correlation_id=row.correlation_id,
            sent_at=lane.clock.now(),
            deadline=deadline,
            stamp=granted.stamp,
            above_listing_id=connection.highest_listing_id,
        )
        await tx.add_intent(intent)
        await lane.save(tx, [replace(row, intent_id=intent.intent_id)])
    return intent, granted


async def _choose(
    lane: Lane, tx: Transaction, connection: ConnectionRow
) -> tuple[tuple[ListingRow, Send] | None, list[ListingRow]]:
    """Pick the best row whose call may be made, and put off those before it that cannot go yet."""
    now, held = lane.clock.now(), connection.hold_increases_until is not None
    connection = await _guarded(lane, tx, connection)
    tiers = free_tiers(connection)
    put_off: list[ListingRow] = []
    chosen: tuple[ListingRow, Send] | None = None
    creating: set[Item] | None = None
    for row in await tx.next_listings(connection.seller_id, tiers=tiers, now=now, limit=_CANDIDATES):
        late = _late_orders_until(row, connection, lane.settings)
        row, planned = sendable(row, connection, lane.shop.facts, may_increase=not held and late is None)
        if not isinstance(planned, Send):
            until = late or connection.hold_increases_until
            if late is not None and late <= now:
                connection = replace(connection, poll_at=now)
                await tx.save_connection(connection)
            put_off.append(replace(row, not_before=max(until or now, now + lane.settings.backoff_base)))
            continue
        if planned.tier in (Tier.CREATE, Tier.INCREASE):
            if creating is None:
                creating = await _items_being_created(tx, connection)
            if row.desired.item in creating and isinstance(planned.write, Create):  # rule N1
                put_off.append(replace(row, not_before=now + lane.settings.backoff_base))
                continue
            if row.desired.item in connection.held_items and row.desired.item not in creating:  # rule C4
                put_off.append(replace(row, trouble=Trouble.ORDER_UNASSIGNED))
                continue
        if isinstance(planned.write, Create):
            if await look_alikes(tx, row):  # rule C2: first matched to unowned listings
                put_off.append(replace(row, trouble=Trouble.LOOK_ALIKE))
                continue
            known = (await tx.listing_ids_of([row.lot_id])).get(row.lot_id, {})
            if (suspect := perhaps_listed(row, known, now)) is not None:
                put_off.append(suspect)
                continue
            if (reading := _reading_for(row, connection, lane.settings, now)) is not None:
                await lane.check_write_is_free(tx, connection, after=len(lane.shop.facts.order_pages))
                connection = reading
                await tx.save_connection(connection)
                put_off.append(replace(row, not_before=now + lane.settings.backoff_base))
                continue
        chosen = row, planned
        break
    return chosen, put_off


def free_tiers(connection: ConnectionRow) -> list[Tier]:
    """List what may be sent at all: late orders may hold creates, a person's missing consent removals (C4, B5)."""
    held = {Tier.CREATE} if connection.hold_increases_until is not None else set()
    if connection.removals_held:
        held.add(Tier.REMOVAL)
    return [tier for tier in Tier if tier not in held]


async def _guarded(lane: Lane, tx: Transaction, connection: ConnectionRow) -> ConnectionRow:
    """Hold removals that no sale caused, or let them go, as many as wait now (rule B5)."""
    waiting = await tx.count_calls(connection.seller_id, Tier.REMOVAL)
    if not waiting and not connection.removals_held:
        return connection
    listed = await tx.count_listed(connection.seller_id)
    held = held_removals(connection, lane.settings, waiting=waiting, listed=listed, now=lane.clock.now())
    if held != connection.removals_held:
        connection = replace(connection, removals_held=held)
        await tx.save_connection(connection)
    return connection


def _late_orders_until(row: ListingRow, connection: ConnectionRow, settings: Settings) -> datetime | None:
    """Say later than when orders must be read before anything is increased, as late ones may change it (rule K4).

    Its number is new and may be explained by them, or a decrease of ours emptied it: a shop that clamps below zero
    answers the same whether pieces had just been sold or not.
    """
    emptied_at = row.orders_after if row.listing_id is not None else None
    moments = [row.raise_after, None if emptied_at is None else emptied_at + settings.lag_window]
    until, read_at = max(filter(None, moments), default=None), connection.all_orders_read_at
    return None if until is None or (read_at is not None and read_at > until) else until


def _reading_for(row: ListingRow, connection: ConnectionRow, settings: Settings, now: datetime) -> ConnectionRow | None:
    """Ask for what a create must wait for, a fresh order read or a whole list (rules N4, Q4); None: for nothing."""
    read_at, listed_at = connection.all_orders_read_at, None if connection.census_alarm else connection.census_at
    if row.orders_after is not None and (
        read_at is None or read_at <= max(row.orders_after, now - settings.call_deadline)
    ):
        return replace(connection, poll_at=now)
    if row.list_after is not None and (listed_at is None or listed_at <= row.list_after):
        return replace(connection, list_wanted_at=now)
    return None


async def _items_being_created(tx: Transaction, connection: ConnectionRow) -> set[Item]:
    open_intents = await tx.open_intents(connection.seller_id)
    return {intent.write.item for intent in open_intents if isinstance(intent.write, Create)}


async def _probed(lane: Lane, outcome: Halted) -> Outcome:
    """Believe that the connection cannot go on only if one cheap read fails too (rule O2)."""
    first_page = lane.shop.facts.order_pages[0]
    try:
        await lane.read(lane.settings.list_deadline, partial(lane.shop.list_orders, first_page))
    except PausedError:
        return outcome
    return Refused(reason=outcome.reason)


async def _book(lane: Lane, intent: Intent, outcome: Outcome) -> None:
    async with lane.transaction() as (tx, connection):
        now = lane.clock.now()
        row = await tx.find_listing(intent.lot_id)
        if row is None or row.intent_id != intent.intent_id:
            raise FencedError  # this database is not the one that the intent was written to
        row, settled = settle(row, intent, outcome, lane.shop.facts, now)
        await tx.save_intent(settled)
        if isinstance(outcome, Refused | Gone):
            row = replace(row, not_before=now + lane.settings.backoff_base)
        if isinstance(outcome, Refused) and isinstance(intent.write, Create) and row.orders_after is not None:
            # Rule N4: the seller has one listing less until they act.
            _log.error("a listing was taken away, and its successor was refused", extra=_facts(intent, outcome))
        halts = isinstance(outcome, Halted) and not connection.halted and lane.has_keys_of(connection)
        if halts or isinstance(outcome, Later | Unknown):
            connection = await lane.after_failure(tx, connection, outcome)
        elif not isinstance(outcome, Halted):
            connection = replace(connection, failures=0)
        if isinstance(outcome, Applied) and isinstance(intent.write, Create) and row.listing_id is not None:
            await tx.add_listing_ids(row.seller_id, [(row.listing_id, row.lot_id)], created=True)
            connection = with_highest(connection, row.listing_id)
        await tx.save_connection(connection)
        await lane.save(tx, [row])


def with_highest(connection: ConnectionRow, *listing_ids: str) -> ConnectionRow:
    """Remember the highest listing id seen in this shop (rule N3)."""
    numbers = [int(listing_id) for listing_id in listing_ids if listing_id.isdigit()]
    return replace(connection, highest_listing_id=max([connection.highest_listing_id, *numbers]))
