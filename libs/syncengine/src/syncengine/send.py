"""Sending: the best waiting call, its intent durable before the first byte, its outcome booked after (rules L3, B2)."""

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from servicekit.logs import correlation_id
from syncengine.lane import Lane, PausedError, after_failure
from syncengine.listing import Item
from syncengine.marketplace import Applied, Create, Gone, Halted, Later, Outcome, Refused, Ticket, Unknown
from syncengine.plan import Plan, Send, Tier, plan
from syncengine.rows import ConnectionRow, Intent, IntentId, ListingRow, Trouble
from syncengine.settle import applied_too_often, park, settle
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
        chosen, put_off = await _choose(lane, tx, connection)
        await lane.save(tx, put_off)
        if chosen is None:
            return None
        row, send = chosen
        connection, granted = await lane.charge(tx, connection, write=True, deadline=deadline)
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
    tiers = [tier for tier in Tier if not (held and tier is Tier.CREATE)]
    put_off: list[ListingRow] = []
    chosen: tuple[ListingRow, Send] | None = None
    creating: set[Item] | None = None
    for row in await tx.next_listings(connection.seller_id, tiers=tiers, now=now, limit=_CANDIDATES):
        row, planned = _without_futile_groups(lane, row, may_increase=not held)
        if not isinstance(planned, Send):
            until = connection.hold_increases_until if held else None
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
            alike = await tx.unowned(connection.seller_id, row.desired.item)
            if alike:  # rule C2: first matched to unowned listings
                put_off.append(replace(row, trouble=Trouble.LOOK_ALIKE))
                continue
        chosen = row, planned
        break
    return chosen, put_off


def _without_futile_groups(lane: Lane, row: ListingRow, *, may_increase: bool) -> tuple[ListingRow, Plan]:
    """Plan, after parking what the shop took twice in this revision and still does not show (rule F3)."""
    planned = plan(row, lane.shop.facts, may_increase=may_increase)
    while isinstance(planned, Send):
        futile = [group for group in planned.groups if applied_too_often(row, group)]
        if not futile:
            break
        for group in futile:
            row = park(row, group, "APPLIED_TWICE", lane.shop.facts, row.revision)
        planned = plan(row, lane.shop.facts, may_increase=may_increase)
    return row, planned


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
        halts = isinstance(outcome, Halted) and not connection.halted and lane.has_keys_of(connection)
        if halts or isinstance(outcome, Later | Unknown):
            connection = after_failure(connection, outcome, lane.settings, lane.random, now)
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
