"""What a connection's worker does next: one job a turn, chosen from the rows alone, so that any worker can go on."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial

from syncengine.budget import affordable, poll_interval
from syncengine.catalog import look_up_next
from syncengine.census import take_census
from syncengine.choose import free_tiers
from syncengine.defaults import give_defaults
from syncengine.events import next_seq, state_wished
from syncengine.identity import ShopMismatchError, identify_shop
from syncengine.lane import Lane, NothingReadError, PausedError, may_write
from syncengine.look import take_looks
from syncengine.orders import read_orders
from syncengine.polls import ask_for_pings, keep_to_share
from syncengine.recognise import recognise_shop
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.rows.intent import Fate
from syncengine.send import send_next
from syncengine.store.protocol import Transaction
from syncengine.unread import tried_at

PROBED = frozenset({"WRONG_KEY", "ADDRESS_NOT_ALLOWED", "NO_PERMISSION", "NO_KEYS"})
"""Halts that may end by themselves; the others wait for new keys or a person (rules O2, W1)."""

TESTED_WITHIN = timedelta(seconds=20)
"""So long does somebody wait who asked for a test of the keys: later none is made."""
_CENSUS_CALLS = 5
"""Of a census: the list, and twice the pages of orders."""
ORDERS_A_POLL = 10
"""Whose lines one turn reads: after an outage hundreds are new, and changes must not wait for all of them."""


async def take_turn(lane: Lane) -> None:
    """Do the one thing that matters most for this connection, and note when it wants its next turn.

    Raises:
        FencedError: the lease is another worker's by now.
    """
    job, paused, unread, began_at = None, False, False, lane.clock.now()
    try:
        job = await _work(lane)
    except PausedError as pause:
        # What was to be done is still in the rows, and the pause in the connection's.
        paused, unread = True, isinstance(pause, NothingReadError)
    except ShopMismatchError:
        pass
    async with lane.transaction() as (tx, connection):
        now = lane.clock.now()
        if lane.let_in_at is not None and lane.has_keys_of(connection):
            connection = replace(connection, let_in_at=lane.let_in_at)
        due_at = await _next_due(lane, tx, connection, now) if job is None else now
        if unread or job in (_Job.POLL, _Job.LOOK):
            sends_until = max(now, connection.not_before or now) + (now - began_at)
            connection, polled = replace(connection, sends_until=sends_until), True
        else:
            polled = paused and connection.polled_last
        await tx.save_connection(replace(connection, due_at=due_at, last_served_at=now, polled_last=polled))


class _Job(Enum):
    """What a turn did."""

    LOOK = auto()
    POLL = auto()
    SEND = auto()
    CENSUS = auto()
    OTHER = auto()


async def _work(lane: Lane) -> _Job | None:
    """Do one job; None if none is due."""
    async with lane.transaction() as (tx, connection):
        now = lane.clock.now()
        connection = await keep_to_share(lane, tx, connection, now)
        await _find_orphans(lane, tx, connection)
        look_at = await tx.next_look_at(connection.seller_id, lane.settings, now)
    if not connection.enabled or _paused_until(connection, now) is not None:
        return None
    if not lane.has_keys_of(connection):
        return _Job.OTHER  # the next turn opens the shop with them
    if connection.halted:
        return await _probe(lane, connection)
    begins = connection.census_reason is not None and not connection.wish_id  # which reads cheaply by itself
    if _test_wanted(connection, now) and not begins:
        await _read_cheaply(lane)
        return _Job.OTHER
    if connection.defaults_since is not None:
        await give_defaults(lane)
        return _Job.OTHER
    if connection.census_reason is not None:
        return await _begin(lane, connection, now)
    if look_at is not None and look_at <= now:
        await take_looks(lane)
        return _Job.LOOK
    may_send = may_write(connection, lane.settings) and not _writes_pause(connection, now)
    # Orders come first, but a shop whose orders take longer to read than the interval, or that does not answer such a
    # read, must not keep writes waiting: each has half of the time.
    sends_first = connection.polled_last or (connection.sends_until is not None and now < connection.sends_until)
    if may_send and sends_first and await send_next(lane):
        return _Job.SEND
    if (pages := _pages_due(lane, connection, now)) is not None:
        await read_orders(lane, pages, at_most=ORDERS_A_POLL)
        return _Job.POLL
    if connection.list_wanted_at is not None and _census_due_at(lane, connection, now) <= now:
        await take_census(lane)
        return _Job.CENSUS
    if may_send and await send_next(lane):
        return _Job.SEND
    if await look_up_next(lane):
        return _Job.OTHER
    if await ask_for_pings(lane, connection):
        return _Job.OTHER
    if _census_due_at(lane, connection, now) <= now:
        await take_census(lane)
        return _Job.CENSUS
    return None


async def _find_orphans(lane: Lane, tx: Transaction, connection: ConnectionRow) -> None:
    """A worker died between an intent and its outcome: nobody can say whether it was done (design, Outcomes)."""
    orphans = {intent.lot_id: intent for intent in await tx.open_intents(connection.seller_id, fate=Fate.OPEN)}
    if not orphans:
        return
    rows = await tx.find_listings(orphans.keys())
    await tx.save_intents([replace(intent, fate=Fate.UNKNOWN, reason="NO_OUTCOME") for intent in orphans.values()])
    await lane.save(tx, [replace(row, unknown=True) for row in rows.values()])


async def _probe(lane: Lane, connection: ConnectionRow) -> _Job | None:
    """Try a halted connection with one cheap read (rule O2)."""
    if connection.halted not in PROBED:
        return None
    await _read_cheaply(lane)
    async with lane.transaction() as (tx, current):
        await tx.save_connection(replace(current, halted="", halted_at=None, not_before=None, waiting_for=""))
    return _Job.OTHER


async def _read_cheaply(lane: Lane) -> None:
    """See whether the shop lets us in at all."""
    first_page = lane.shop.facts.order_pages[0]
    await lane.read(lane.settings.list_deadline, partial(lane.shop.list_orders, first_page))


def _test_wanted(connection: ConnectionRow, now: datetime) -> bool:
    """Tell whether somebody waits to hear if the keys open the shop."""
    asked_at, let_in_at = connection.test_asked_at, connection.let_in_at
    if asked_at is None or now >= asked_at + TESTED_WITHIN:
        return False
    return let_in_at is None or let_in_at < asked_at


async def _begin(lane: Lane, connection: ConnectionRow, now: datetime) -> _Job | None:
    """Get the seller's lots from inventory, then match them with the shop (rules T4, C1)."""
    if not connection.wish_id:
        if lane.shop.facts.tells_shop and not connection.claimed_name:
            await identify_shop(lane)
        async with lane.transaction() as (tx, current):
            lane.check_keys(current)  # newer ones that came meanwhile may open another shop
            wish_id = lane.new_id()
            seq = next_seq(0, now)
            await tx.publish(
                [state_wished(lane.shop.facts.marketplace, seller_id=current.seller_id, request_id=wish_id, seq=seq)]
            )
            await tx.save_connection(replace(current, wish_id=wish_id, wished_at=now))
        if not lane.shop.facts.tells_shop or connection.claimed_name:
            await _read_cheaply(lane)  # a wrong key shows at once, however many lots are on their way
        return None
    if connection.answered_at is None or now < _census_due_at(lane, connection, now):
        return None
    if connection.claimed_name:
        await recognise_shop(lane)
        return _Job.OTHER
    if await look_up_next(lane):  # listings are matched with lots by what they are of (rule C2)
        return _Job.OTHER
    await take_census(lane)
    return _Job.CENSUS


def _census_due_at(lane: Lane, connection: ConnectionRow, now: datetime) -> datetime:
    """When the next census may begin: not while an order is left out of what is read (rule C3)."""
    return tried_at(connection, _census_wanted_at(lane, connection, now))


def _census_wanted_at(lane: Lane, connection: ConnectionRow, now: datetime) -> datetime:
    """When it is wanted: at once where C1 asks for it, and what was sent before a loss has landed."""
    settings = lane.settings
    if connection.census_alarm and connection.census_at is not None:
        return connection.census_at + affordable(
            lane.shop.facts, settings, settings.halt_probe_interval, calls=_CENSUS_CALLS
        )
    if connection.census_reason is CensusReason.DATABASE_LOST and connection.wished_at is not None:
        return connection.wished_at + settings.call_deadline + settings.late_window
    if connection.census_reason is not None or connection.census_at is None:
        return now
    if connection.list_wanted_at is not None:
        return connection.list_wanted_at
    due_at = connection.census_at + settings.census_interval
    return due_at if connection.list_again_at is None else min(due_at, connection.list_again_at)


def _pages_due(lane: Lane, connection: ConnectionRow, now: datetime) -> tuple[str, ...] | None:
    """Pick the pages of orders to read now, if any: every page where something waits for one, or it is long ago."""
    settings, pages, due_at = lane.settings, lane.shop.facts.order_pages, _poll_due_at(lane, connection)
    if due_at is not None and now < due_at:
        return None
    held_until = connection.hold_increases_until
    whole_at = connection.all_orders_read_at
    awaited_from = min(filter(None, (held_until, connection.poll_at)), default=None)
    if (awaited_from is not None and now >= awaited_from) or whole_at is None:
        return pages  # an order may be filed as soon as it is placed
    return pages if now >= whole_at + settings.full_order_interval else pages[:1]


def _poll_due_at(lane: Lane, connection: ConnectionRow) -> datetime | None:
    """When orders are read next; None: they never were."""
    if connection.orders_read_at is None:
        return None
    due_at = connection.orders_due_at
    if due_at is None:  # read by code that planned none
        due_at = connection.orders_read_at + poll_interval(connection, lane.shop.facts, lane.settings)
    if connection.ping_due_at is not None:
        due_at = min(due_at, connection.ping_due_at)
    held_until = connection.hold_increases_until
    if held_until is not None and held_until > connection.orders_read_at:
        due_at = min(due_at, held_until)  # the read that rule C4 waits for
    return due_at if connection.poll_at is None else min(due_at, tried_at(connection, connection.poll_at))


def _paused_until(connection: ConnectionRow, now: datetime) -> datetime | None:
    if connection.not_before is not None and connection.not_before > now:
        return connection.not_before
    return None


def _writes_pause(connection: ConnectionRow, now: datetime) -> bool:
    return connection.writes_not_before is not None and connection.writes_not_before > now


async def _next_due(lane: Lane, tx: Transaction, connection: ConnectionRow, now: datetime) -> datetime | None:
    """Tell when there is something to do next, if nobody wakes the connection before."""
    if not connection.enabled:
        return None
    if connection.halted:
        return connection.not_before if connection.halted in PROBED else None
    moments = [now] if _test_wanted(connection, now) else []
    if connection.census_reason is not None:
        if not connection.wish_id:
            moments.append(now)  # it begins anew since this turn began
        elif connection.answered_at is not None:
            moments.append(_census_due_at(lane, connection, now))
    else:
        look_at = await tx.next_look_at(connection.seller_id, lane.settings, now)
        moments += [look_at] if look_at is not None else []
        moments.append(_poll_due_at(lane, connection) or now)
        moments.append(_census_due_at(lane, connection, now))
        if connection.trial_until is not None and connection.trial_until > now:
            moments.append(connection.trial_until)
        if may_write(connection, lane.settings):
            row_at = await tx.next_listing_at(connection.seller_id, tiers=free_tiers(connection, now), now=now)
            if row_at is not None:
                moments.append(max(row_at, connection.writes_not_before or row_at))
    if not moments:
        return None
    due_at = min(moments)
    paused = _paused_until(connection, now)
    return due_at if paused is None else max(due_at, paused)
