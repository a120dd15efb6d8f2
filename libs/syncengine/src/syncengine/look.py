"""Looks: an unknown outcome, or a number that does not fit, is settled by reading, never by sending (K1-K5, N3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.booking import tell_restocked
from syncengine.drift import noticed, written_fields
from syncengine.explain import explain, explain_in_hindsight, observation
from syncengine.hindsight import dated_by_order, sold_after
from syncengine.lane import Lane
from syncengine.look_create import settle_creates
from syncengine.marketplace import Update
from syncengine.rows import ConnectionRow, Fate, Intent, ListingRow
from syncengine.send import with_highest
from syncengine.settle import closed, found
from syncengine.sight import Sight, Suspect, see, suspects
from syncengine.store.protocol import Transaction

_OBSERVED_FOR = 4
"""Lag windows after which what can still be explained in two ways is asked."""
_CREATES_AT_ONCE = 500
"""Settled in one transaction; between two of them other lanes have their turn, however many were made (rule L4)."""


async def take_looks(lane: Lane) -> None:
    """Read the lots that are due for a look, between two reads of all orders, and settle what they prove.

    Raises:
        PausedError: a call could not be made; nothing is settled but booked orders.
    """
    async with lane.transaction() as (tx, connection):
        known = await suspects(tx, connection)
    now = lane.clock.now()
    due = [suspect for suspect in known if suspect.due_at(lane) <= now]
    if not due:
        return
    due += [suspect for suspect in known if suspect.comes_along and suspect.due_at(lane) > now]
    sight = await see(lane, due)
    async with lane.transaction() as (tx, connection):
        shown = [listing_id for listing_id, listing in sight.listings.items() if listing is not None]
        await tx.save_connection(with_highest(connection, *shown))
        for suspect in await _as_they_are(tx, connection, [suspect for suspect in due if not suspect.is_create]):
            await _settle_known(lane, tx, suspect.row, suspect.intent, sight)
    creates = [suspect for suspect in due if suspect.is_create]
    for first in range(0, len(creates), _CREATES_AT_ONCE):
        async with lane.transaction() as (tx, connection):
            current = await _as_they_are(tx, connection, creates[first : first + _CREATES_AT_ONCE])
            await settle_creates(lane, tx, current, sight)


async def _as_they_are(tx: Transaction, connection: ConnectionRow, due: Sequence[Suspect]) -> list[Suspect]:
    """Get these suspects as they are by now; what nobody suspects any more is left out."""
    if not due:
        return []
    fresh = {suspect.row.lot_id: suspect for suspect in await suspects(tx, connection)}
    current = [(suspect, fresh.get(suspect.row.lot_id)) for suspect in due]
    return [now for then, now in current if now is not None and now.is_create == then.is_create]


async def _settle_known(lane: Lane, tx: Transaction, row: ListingRow, intent: Intent | None, sight: Sight) -> None:
    now = lane.clock.now()
    if row.listing_id is None:  # sold out while we looked: nothing is left to compare
        if intent is not None:
            await tx.save_intents([closed(intent, Fate.NOT_APPLIED, now)])
        calm = replace(row, intent_id=None, unknown=False, look_since=None, observed=None, probation=None)
        await lane.save(tx, [calm])
        return
    if row.listing_id in sight.after.touched:
        await lane.save(tx, [_again(row, now + lane.settings.backoff_base, now)])  # the two reads disagree (rule K1)
        return
    listing = sight.listings.get(row.listing_id)
    if row.ledger is None and listing is not None:  # it was not known to be there (rule N3)
        # An order before this read may still show up: no increase repairs what it explains (rule K4).
        late = sight.at + lane.settings.lag_window
        there = replace(found(row, listing, sight.read_at), look_since=None, not_before=None, raise_after=late)
        await lane.save(tx, [there])
        return
    seen = observation(intent, sight.listings.get(row.listing_id), sight.read_at, sight.at)
    lines = await tx.lines_of_listings(row.seller_id, [row.listing_id])
    returned = sum(line.returned for line in lines)
    known = explain(row, intent, seen, lane.settings, now, returned=returned)
    if known is None and row.observed is None:
        row = replace(row, observed=seen)
    complete_at = (row.observed or seen).at + lane.settings.lag_window
    if known is None and sight.before.began_at >= complete_at:
        early = dated_by_order(lines, await tx.find_orders(row.seller_id, {line.order_id for line in lines}))
        since = sold_after(early, row.observed.read_at, lane.settings.anchor_doubt) if row.observed else frozenset({0})
        last = row.look_since is not None and now >= row.look_since + _OBSERVED_FOR * lane.settings.lag_window
        known = explain_in_hindsight(row, intent, sold_since=since, now=now, last=last, returned=returned)
        if known is None:
            row, complete_at = replace(row, observed=seen), seen.at + lane.settings.lag_window
    if known is None:
        await lane.save(tx, [_again(row, max(complete_at, now + lane.settings.backoff_base), now)])
        return
    row = known.row
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
        other = {name: value for name, value in listing.fields.items() if name in written and row.sent[name] != value}
        row = replace(row, sent={**row.sent, **other})
    # A decrease that the shop refuses is no nearer to being explained when it is sent again at once.
    again_at = now + lane.settings.halt_probe_interval if row.trouble is not None else None
    await lane.save(tx, [replace(row, not_before=again_at)])


def _again(row: ListingRow, at: datetime, now: datetime) -> ListingRow:
    """Look again at this moment; what was only on probation is now in doubt."""
    return replace(row, not_before=at, look_since=row.look_since or now)
