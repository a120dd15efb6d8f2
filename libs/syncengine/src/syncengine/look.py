"""Looks: an unknown outcome, or a number that does not fit, is settled by reading, never by sending (K1-K5, N3)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncengine.batches import learnt, seen
from syncengine.booking import tell_restocked
from syncengine.drift import noticed, written_fields
from syncengine.explain import explain, explain_in_hindsight, observation
from syncengine.hindsight import dated_by_order, sold_after
from syncengine.lane import Lane, NothingReadError
from syncengine.listing import ListingId
from syncengine.look_create import settle_creates
from syncengine.marketplace import Update
from syncengine.rows.intent import Fate, Intent
from syncengine.rows.listing import ListingRow
from syncengine.rows.order import LineRow
from syncengine.send import with_highest
from syncengine.settle import closed, found, found_undone
from syncengine.sight import Sight, Suspect, see, still_suspect, suspects
from syncengine.store.protocol import Transaction
from syncengine.unread import OrdersUnreadError

_OBSERVED_AT_MOST = 4
"""Observations in a row, a lag window apart, after which what can still be explained in two ways is asked. Counted, not
timed: looks may be put off for hours, and after that the first one would be the last, whatever is there by now."""
_TRIED_AT_ONCE = 2
"""So many looks in a row may bring nothing before the next is put off."""
_LATE_WINDOWS = 10
"""So many of them a look is put off at the most where orders, or the whole list, could not be read: of the lot itself
that says nothing, and in a shop where a tenth of the calls fails every other look is broken off so."""
_AT_ONCE = 500
"""Settled in one transaction; between two of them others have their turn, however many lots are looked at (rule L4)."""


async def take_looks(lane: Lane) -> None:
    """Read the lots that are due for a look, between two reads of all orders, and settle what they prove.

    Raises:
        PausedError: a call could not be made, or brought nothing; nothing is settled but booked orders.
    """
    async with lane.transaction() as (tx, connection):
        known = await suspects(tx, connection)
    now = lane.clock.now()
    due = [suspect for suspect in known if suspect.due_at(lane.settings, now) <= now]
    if not due:
        return
    due += [suspect for suspect in known if suspect.comes_along and suspect.due_at(lane.settings, now) > now]
    answers = lane.answers
    try:
        sight = await see(lane, due)
    except NothingReadError as failure:
        unread = [each for each in due if failure.listing_id in (None, each.row.listing_id)]
        if lane.answers > answers:  # else the shop is down, and the connection waits as a whole
            settings, is_its_own = lane.settings, failure.listing_id is not None
            longest = settings.halt_probe_interval if is_its_own else _LATE_WINDOWS * settings.late_window
            await _put_off(lane, unread, longest)
        raise
    except OrdersUnreadError as pause:
        await _put_off_until(lane, due, pause.at)
        raise
    async with lane.transaction() as (tx, connection):
        shown = [listing_id for listing_id, listing in sight.listings.items() if listing is not None]
        await tx.save_connection(with_highest(connection, *shown))
    for settle_them, some in (
        (_settle_all_known, [suspect for suspect in due if not suspect.is_create]),
        (settle_creates, [suspect for suspect in due if suspect.is_create]),
    ):
        for first in range(0, len(some), _AT_ONCE):
            async with lane.transaction() as (tx, connection):
                current = await still_suspect(tx, connection, some[first : first + _AT_ONCE])
                current = [replace(suspect, row=replace(suspect.row, unseen=0)) for suspect in current]
                await settle_them(lane, tx, current, sight)


async def _put_off(lane: Lane, unread: Sequence[Suspect], longest: timedelta) -> None:
    """Look ever less often at what cannot be read: its own read fails, or an order's. What was read before is thrown
    away, of calls that all lots share (rule B2).

    Only from the third failure in a row on: where one call in ten fails, half of the looks do, and nothing is sick.
    """
    settings = lane.settings
    async with lane.transaction() as (tx, connection):
        now, rows = lane.clock.now(), []
        for suspect in await still_suspect(tx, connection, unread):
            row = suspect.row
            row = replace(row, unseen=row.unseen + 1)
            if row.unseen <= _TRIED_AT_ONCE:
                rows.append(row)
                continue
            pause = settings.backoff_base * 2 ** min(row.unseen - _TRIED_AT_ONCE - 1, 20)
            rows.append(_later(suspect, row, now + min(longest, pause)))
        await lane.save(tx, rows)


async def _put_off_until(lane: Lane, due: Sequence[Suspect], at: datetime) -> None:
    async with lane.transaction() as (tx, connection):
        current = await still_suspect(tx, connection, due)
        await lane.save(tx, [_later(suspect, suspect.row, at) for suspect in current])


def _later(suspect: Suspect, row: ListingRow, at: datetime) -> ListingRow:
    if suspect.intent is None and row.look_since is None and row.probation is not None:
        return replace(row, probation=replace(row.probation, due_at=at))  # its writes need not wait
    return replace(row, not_before=at)


async def _settle_all_known(lane: Lane, tx: Transaction, known: Sequence[Suspect], sight: Sight) -> None:
    listed = {suspect.row.listing_id for suspect in known if suspect.row.listing_id is not None}
    lines: dict[ListingId, list[LineRow]] = defaultdict(list)
    for line in await tx.lines_of_listings(lane.lease.seller_id, listed):
        lines[line.listing_id].append(line)
    rows, verdicts = [], []
    for suspect in known:
        row, listing_id = suspect.row, suspect.row.listing_id or ListingId("")
        if row.on_trial and listing_id not in sight.after.touched:
            row, verdict = seen(row, sight.listings.get(listing_id), lane.shop.facts)
            verdicts.append(verdict)
        rows.append(await _settled(lane, tx, row, suspect.intent, sight, lines.get(listing_id, ())))
    if verdicts:
        await tx.save_connection(learnt(await tx.lock_connection(lane.lease.seller_id), verdicts))
    await lane.save(tx, rows)


async def _settled(
    lane: Lane, tx: Transaction, row: ListingRow, intent: Intent | None, sight: Sight, lines: Sequence[LineRow]
) -> ListingRow:
    """Book what a look proves about one lot whose listing is known; `lines` are those of the listing."""
    now = lane.clock.now()
    by_the_way = intent is None and row.look_since is None  # on probation: what its writes wait for is another matter
    if row.listing_id is None:  # sold out while we looked: nothing is left to compare
        if intent is not None:
            await tx.save_intents([closed(intent, Fate.NOT_APPLIED, now)])
        return replace(row, intent_id=None, unknown=False, look_since=None, observed=None, probation=None)
    if row.listing_id in sight.after.touched:
        return _again(row, now + lane.settings.backoff_base, now)  # the two reads disagree (rule K1)
    listing, read_at = sight.listings.get(row.listing_id), sight.read_at(row.listing_id)
    if row.ledger is None and listing is not None:  # it was not known to be there (rule N3)
        # An order before this read may still show up: no increase repairs what it explains (rule K4).
        late = sight.at + lane.settings.lag_window
        linked = replace(found(row, listing, read_at, now), look_since=None, not_before=None, raise_after=late)
        if not row.shown:
            return linked
        compared = noticed(row, listing, lane.shop.facts)  # linked as a list showed it (ADR 23)
        return replace(linked, sent=compared.sent, conflicts=compared.conflicts)
    seen = observation(intent, listing, read_at, sight.at, ledger=row.ledger)
    returned = sum(line.returned for line in lines)
    known = explain(row, intent, seen, lane.settings, now, returned=returned)
    if known is None and row.observed is None and intent is not None:
        # A list may be a moment old (brickowl.md#3, open): what landed as late as can be is in one read later (K1).
        surely_shown_from = intent.looked_at_from(lane.settings) + lane.settings.late_window
        if sight.at < surely_shown_from:
            return _again(row, surely_shown_from, now)
    observed = row.observed or seen
    complete_at = observed.at + lane.settings.lag_window
    if known is None:
        row = replace(row, observed=observed)
    if known is None and sight.before.began_at >= complete_at:
        early = dated_by_order(lines, await tx.find_orders(row.seller_id, {line.order_id for line in lines}))
        booked = None if observed.ledger is None or row.ledger is None else observed.ledger - row.ledger
        since = sold_after(early, observed.read_at, lane.settings.anchor_doubt, booked=booked)
        last = observed.times >= _OBSERVED_AT_MOST
        known = explain_in_hindsight(row, intent, sold_since=since, now=now, last=last, returned=returned)
        if known is None:
            row = replace(row, observed=replace(seen, times=observed.times + 1))
            complete_at = seen.at + lane.settings.lag_window
    if known is None:
        return _again(row, max(complete_at, now + lane.settings.backoff_base), now)
    oversold, row = (row.ledger or 0) < 0, known.row
    if row.listing_id is None and oversold:  # a decrease found fewer pieces than it took: who knows how many less (K4)
        row = replace(row, raise_after=now + lane.settings.lag_window)
    if known.intent is not None:
        await tx.save_intents([known.intent])
    if known.restocked:
        row = await tell_restocked(tx, row, lines, known.restocked, lane.shop.facts, now)
    listing = sight.listings.get(row.listing_id) if row.listing_id is not None else None
    if listing is not None:
        write = intent.write if intent is not None else None
        written = written_fields(write) if isinstance(write, Update) else frozenset()
        row = noticed(row, listing, lane.shop.facts, but=written)
        # What was written and shows otherwise is due again, once (rule F3).
        # What was never sent is as it was made, or else as written, though not all of that write is there (rule F4).
        as_sent = {**lane.shop.facts.created_with, **row.sent}
        shown = {name: value for name, value in listing.fields.items() if name in written}
        other = {name: value for name, value in shown.items() if as_sent.get(name) != value}
        row = replace(row, sent={**row.sent, **other})
    # A decrease that the shop refuses is no nearer to being explained when it is sent again at once.
    if row.trouble is not None:
        return replace(row, not_before=now + lane.settings.halt_probe_interval)
    if known.intent is not None and known.intent.fate is Fate.NOT_APPLIED:
        return found_undone(row, lane.settings, now)
    return row if by_the_way else replace(row, not_before=None)


def _again(row: ListingRow, at: datetime, now: datetime) -> ListingRow:
    """Look again at this moment; what was only on probation is now in doubt."""
    return replace(row, not_before=at, look_since=row.look_since or now)
