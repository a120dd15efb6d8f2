"""Sending: the best waiting call, its intent durable before the first byte, its outcome booked after (rules L3, B2)."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from servicekit.logs import correlation_id
from syncengine.batches import as_one_of_several, ended_by, kinds_of, put_on_trial, without_doubles
from syncengine.budget import cost_of
from syncengine.choose import Choice
from syncengine.guard import count_removal
from syncengine.lane import Lane, PausedError, may_write, patience
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    Halted,
    Later,
    Outcome,
    Refused,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.marks import mark_of
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.rows.listing import ListingRow
from syncengine.settle import closed, not_applied, settle
from syncengine.store.protocol import FencedError, Transaction

_log = logging.getLogger(__name__)

_SHRINKS_BY = 10
"""How much smaller a call is than one of several writes that was not done: what was wrong with it is found so."""
_TRIAL_LASTS = 4
"""Times the wait before the look at it: by then it was seen, or something else is the matter."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call that is intended and charged: a write, or several creates or updates (rule N2).

    The ticket says how long its reply is waited for; what the intents say, how long it may take (rule K1).
    """

    intents: Sequence[Intent]
    ticket: Ticket

    async def make(self, lane: Lane, time_left: timedelta) -> Sequence[Outcome]:
        ticket = replace(self.ticket, deadline=min(self.ticket.deadline, time_left))
        if len(self.intents) == 1:
            return [await lane.shop.send(self.intents[0].write, ticket)]
        updates = [intent.write for intent in self.intents if isinstance(intent.write, Update)]
        if updates:
            return await lane.shop.update_all(updates, ticket)
        creates = [intent.write for intent in self.intents if isinstance(intent.write, Create)]
        return without_doubles(await lane.shop.create_all(creates, ticket))


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
    first = intended.intents[0]
    following = correlation_id.set(first.correlation_id)
    try:
        time_left, began_at = lane.time_left(first.sent_at, deadline), lane.clock.now()
        outcomes = await intended.make(lane, time_left)
        took = lane.clock.now() - began_at
        _log.info("sent", extra={**_facts(first, outcomes[0]), "lots": len(outcomes)})
        if (halted := next((outcome for outcome in outcomes if isinstance(outcome, Halted)), None)) is not None:
            confirmed = await _probed(lane, halted)
            outcomes = [confirmed if isinstance(outcome, Halted) else outcome for outcome in outcomes]
        await _book(lane, intended.intents, outcomes, took)
    finally:
        correlation_id.reset(following)
    return True


def _facts(intent: Intent, outcome: Outcome) -> dict[str, str]:
    """What the log says of a call: whose, which lot (or the first of several), what, and what came of it."""
    return {
        "seller_id": intent.seller_id,
        "lot_id": intent.lot_id,
        "write": type(intent.write).__name__.lower(),
        "outcome": type(outcome).__name__.lower(),
    }


async def _intend(lane: Lane, deadline: timedelta) -> _Call | None:
    """Make the intents durable and charge their call, in one transaction (rule L3)."""
    async with lane.transaction() as (tx, connection):
        if not may_write(connection, lane.settings) or not lane.has_keys_of(connection):
            return None  # since this turn began, other keys came, or what asks for a census
        choice = Choice(lane=lane, tx=tx, connection=connection)
        await choice.make()
        await lane.save(tx, choice.put_off)
        if not choice.chosen:
            return None
        connection, now = await tx.lock_connection(connection.seller_id), lane.clock.now()
        changes_one = len(choice.chosen) == 1 and isinstance(choice.chosen[0][1].write, Update)
        connection, granted = await lane.charge(
            tx,
            connection,
            write=True,
            deadline=min(deadline, patience(connection, lane.settings, now, in_vain=connection.in_vain))
            if changes_one
            else deadline,
            calls=cost_of(lane.shop.facts, len(choice.chosen)),
        )
        if choice.chosen[0][1].tier is Tier.REMOVAL:
            connection = count_removal(connection, now)
            await tx.save_connection(connection)
        intents = [
            Intent(
                intent_id=IntentId(lane.new_id()),
                seller_id=row.seller_id,
                lot_id=row.lot_id,
                term=lane.lease.term,
                write=_marked(
                    row,
                    as_one_of_several(row, send.write) if len(choice.chosen) > 1 else send.write,
                    granted,
                    lane.shop.facts,
                ),
                groups=send.groups,
                revision=row.revision,
                correlation_id=row.correlation_id,
                sent_at=now,
                deadline=deadline,
                stamp=granted.stamp,
                above_listing_id=connection.highest_listing_id,
            )
            for row, send in choice.chosen
        ]
        await tx.add_intents(intents)
        rows = [row for row, _ in choice.chosen]
        await lane.save(
            tx, [replace(row, intent_id=intent.intent_id) for row, intent in zip(rows, intents, strict=True)]
        )
    return _Call(intents, granted)


def _marked(row: ListingRow, write: Write, granted: Ticket, facts: Facts) -> Write:
    """Give a create the mark by which this attempt is known from every other of the lot, also after a loss (N2, B4)."""
    if not isinstance(write, Create) or not facts.marks_listings:
        return write
    return replace(write, external_id=mark_of(row.lot_id, granted.stamp))


async def _probed(lane: Lane, outcome: Halted) -> Outcome:
    """Believe that the connection cannot go on only if one cheap read fails too (rule O2)."""
    first_page = lane.shop.facts.order_pages[0]
    try:
        await lane.read(lane.settings.list_deadline, partial(lane.shop.list_orders, first_page))
    except PausedError:
        return outcome
    return Refused(reason=outcome.reason)


async def _book(lane: Lane, intents: Sequence[Intent], outcomes: Sequence[Outcome], took: timedelta) -> None:
    async with lane.transaction() as (tx, connection):
        rows = await tx.find_listings([intent.lot_id for intent in intents])
        saved: list[ListingRow] = []
        settled: list[Intent] = []
        several: set[str] = set()
        for intent, outcome in zip(intents, outcomes, strict=True):
            row = rows.get(intent.lot_id)
            if row is None or row.intent_id != intent.intent_id:
                raise FencedError  # this database is not the one that the intent was written to
            if len(intents) == 1:
                row, after = _settled(lane, row, intent, outcome)
            else:
                kinds = kinds_of(row, intent.write, connection, lane.settings) or frozenset()
                row, after = _settled_among(lane, row, intent, outcome, kinds, connection, len(intents))
                several |= kinds
            saved.append(row)
            settled.append(after)
        await tx.save_intents(settled)
        connection = await _connection_after(lane, tx, connection, intents, outcomes, saved)
        connection = _after_waiting(lane, connection, outcomes, took)
        ended = ended_by(outcomes, several, connection, lane.shop.facts)
        if ended:
            _log.warning("calls of several are not used any more", extra={"seller_id": connection.seller_id})
            connection = replace(connection, batches={**connection.batches, **ended})
        if any(row.on_trial for row in saved):
            lasts = lane.settings.answered_look_after * _TRIAL_LASTS
            connection = replace(connection, trial_until=lane.clock.now() + lasts)
        await tx.save_connection(connection)
        await lane.save(tx, saved)


def _after_waiting(
    lane: Lane, connection: ConnectionRow, outcomes: Sequence[Outcome], took: timedelta
) -> ConnectionRow:
    """Remember how long replies take that come, and how many in a row were waited for in vain."""
    if all(isinstance(outcome, Unknown) for outcome in outcomes):
        # One that is lost at once says nothing; and clocks may differ a little.
        return replace(connection, in_vain=connection.in_vain + (took > lane.settings.reply_patience / 2))
    if took > lane.settings.reply_patience:
        connection = replace(connection, slow_at=lane.clock.now())
    return replace(connection, in_vain=0)


def _settled_among(
    lane: Lane,
    row: ListingRow,
    intent: Intent,
    outcome: Outcome,
    kinds: Collection[str],
    connection: ConnectionRow,
    writes: int,
) -> tuple[ListingRow, Intent]:
    """Book what became of one write of a call of so many."""
    now = lane.clock.now()
    if isinstance(outcome, Refused):
        # Perhaps only because of the others: what the shop says to it alone is believed.
        row, intent = not_applied(row), closed(intent, Fate.NOT_APPLIED, now, outcome.reason)
        return replace(row, create_with=1), intent
    row, intent = _settled(lane, row, intent, outcome)
    if isinstance(outcome, Unknown):
        row = replace(row, create_with=max(1, writes // _SHRINKS_BY))
    if isinstance(outcome, Applied) and row.intent_id is None and row.listing_id is not None:
        look_at = now + lane.settings.answered_look_after
        row = put_on_trial(row, kinds, connection, lane.shop.facts, now=now, look_at=look_at)
    return row, intent


def _settled(lane: Lane, row: ListingRow, intent: Intent, outcome: Outcome) -> tuple[ListingRow, Intent]:
    now = lane.clock.now()
    row, settled = settle(row, intent, outcome, lane.shop.facts, now)
    if isinstance(outcome, Refused | Gone):
        row = replace(row, not_before=now + lane.settings.backoff_base)
    if isinstance(outcome, Refused) and isinstance(intent.write, Create) and row.orders_after is not None:
        # Rule N4: the seller has one listing less until they act.
        _log.error("a listing was taken away, and its successor was refused", extra=_facts(intent, outcome))
    return row, settled


async def _connection_after(
    lane: Lane,
    tx: Transaction,
    connection: ConnectionRow,
    intents: Sequence[Intent],
    outcomes: Sequence[Outcome],
    rows: Sequence[ListingRow],
) -> ConnectionRow:
    """Work out how the connection goes on: by the first outcome that speaks of the shop and not of one lot."""
    outcome = next((each for each in outcomes if isinstance(each, Halted | Later | Unknown)), outcomes[0])
    halts = isinstance(outcome, Halted) and not connection.halted and lane.has_keys_of(connection)
    answered = isinstance(outcome, Unknown) and outcome.answered
    if halts or (isinstance(outcome, Later | Unknown) and not answered):
        connection = await lane.after_failure(tx, connection, outcome)
    elif not isinstance(outcome, Halted):
        connection = replace(connection, failures=0)
    made = [
        (row.listing_id, row.lot_id)
        for row, intent, outcome in zip(rows, intents, outcomes, strict=True)
        if isinstance(outcome, Applied) and isinstance(intent.write, Create) and row.listing_id is not None
    ]
    await tx.add_listing_ids(connection.seller_id, made, created=True)
    return with_highest(connection, *(listing_id for listing_id, _ in made))


def with_highest(connection: ConnectionRow, *listing_ids: str) -> ConnectionRow:
    """Remember the highest listing id seen in this shop (rule N3)."""
    numbers = [int(listing_id) for listing_id in listing_ids if listing_id.isdigit()]
    return replace(connection, highest_listing_id=max([connection.highest_listing_id, *numbers]))
