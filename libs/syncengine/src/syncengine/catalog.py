"""What items are in a marketplace's own catalogue: asked for once, kept, and put into every lot of them.

The engine compares lots and listings by their item, so an item must be in the marketplace's terms before anything is
matched or made. A lot whose item is not known there yet waits with no listing, and is no error of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from syncengine.lane import Lane
from syncengine.listing import CatalogEntry, Listing, ListingId, Lot, SellerId
from syncengine.marketplace import Facts
from syncengine.reads import read_several, reads_together
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.shop import Counterpart
from syncengine.saving import save_rows
from syncengine.store.protocol import Transaction

_FOUND_LATER = timedelta(days=30)
"""After which the marketplace may have what it had not."""
_NOT_LEARNT = timedelta(hours=1)
"""After which an entry is asked for again of which the answer said nothing."""
_LISTINGS_AT_ONCE = 200
"""Of no lot, whose hints are looked at in one go."""


async def look_up_next(lane: Lane) -> bool:
    """Ask the marketplace for entries that lots wait for, by one call; False if there are none to ask for.

    Raises:
        PausedError: the call could not be made, or brought nothing.
    """
    facts = lane.shop.facts
    if not facts.looks_up_at_once:
        return False
    async with lane.transaction() as (tx, connection):
        now = lane.clock.now()
        wanted = await tx.entries_to_ask(connection.seller_id, now=now, limit=facts.looks_up_at_once)
        wanted = wanted or await _hinted(tx, connection, now, limit=facts.looks_up_at_once)
    if not wanted:
        return False
    asked = [entry for entry in wanted if entry.color_id is None]  # a colour that it does not know, no call finds
    found: Mapping[CatalogEntry, Sequence[CatalogEntry]] = {}
    if asked and await reads_together(lane):
        calls = max(facts.batch_costs if len(asked) > 1 else 1, len(asked) * facts.look_up_costs)
        answer = await read_several(lane, partial(lane.shop.look_up, asked), things=len(asked), calls=calls)
        if answer is None:
            return True  # the next turn asks for one
        found = answer
    elif asked:
        wanted = asked[:1]
        found = await lane.read(lane.settings.call_deadline, partial(lane.shop.look_up, wanted, alone=True))
    async with lane.transaction() as (tx, connection):
        now = lane.clock.now()
        known = await tx.find_counterparts(connection.seller_id, wanted)
        learnt = [
            Counterpart(
                seller_id=connection.seller_id,
                entry=entry,
                found=_only(found.get(entry, ())),
                candidates=tuple(found.get(entry, ())) if len(found.get(entry, ())) > 1 else (),
                since=known[entry].since if entry in known else now,
                ask_again_at=_ask_again_at(entry, found, now),
            )
            for entry in wanted
            if entry not in known or known[entry].ask_again_at is not None  # else a person was quicker
        ]
        await keep(tx, connection.seller_id, learnt, facts, now)
    return True


async def _hinted(tx: Transaction, connection: ConnectionRow, now: datetime, *, limit: int) -> Sequence[CatalogEntry]:
    """List entries that listings of no lot may be of and that are yet to be asked for: some listings at a time (S7)."""
    while connection.hints_after is not None:
        page = await tx.page_of_unowned(connection.seller_id, after=connection.hints_after, limit=_LISTINGS_AT_ONCE)
        entries = {entry: None for kept in page for entry in kept.listing.hints}
        known = await tx.find_counterparts(connection.seller_id, entries.keys())
        if wanted := [entry for entry in entries if entry not in known or _is_due(known[entry], now)]:
            return wanted[:limit]
        last = page[-1].listing.listing_id if len(page) == _LISTINGS_AT_ONCE else None
        connection = replace(connection, hints_after=last)
        await tx.save_connection(connection)
    return ()


def _is_due(known: Counterpart, now: datetime) -> bool:
    return known.found is None and known.ask_again_at is not None and known.ask_again_at <= now


async def origins_of(
    tx: Transaction, seller_id: SellerId, listings: Collection[Listing]
) -> Mapping[ListingId, CatalogEntry]:
    """Find what listings are of in inventory's catalogue: the first hint whose counterpart is just their item (S7)."""
    entries = {entry for listing in listings for entry in listing.hints}
    known = await tx.find_counterparts(seller_id, entries) if entries else {}
    origins: dict[ListingId, CatalogEntry] = {}
    for listing in listings:
        for entry in listing.hints:
            there = known[entry].found if entry in known else None
            if there is not None and (there.item_type, there.number) == (listing.item.item_type, listing.item.number):
                origins.setdefault(listing.listing_id, entry)
    return origins


def _only(found: Sequence[CatalogEntry]) -> CatalogEntry | None:
    return found[0] if len(found) == 1 else None


def _ask_again_at(
    entry: CatalogEntry, found: Mapping[CatalogEntry, Sequence[CatalogEntry]], now: datetime
) -> datetime | None:
    if _only(found.get(entry, ())) is not None:
        return None
    return now + (_NOT_LEARNT if entry.color_id is None and entry not in found else _FOUND_LATER)


async def keep(
    tx: Transaction, seller_id: SellerId, counterparts: Sequence[Counterpart], facts: Facts, now: datetime
) -> int:
    """Remember counterparts, and put them into the seller's lots; returns how many lots changed."""
    await tx.save_counterparts(counterparts)
    found = {each.entry: each.found for each in counterparts if each.found is not None}
    rows = [] if not found else await tx.listings_of_entries(seller_id, found.keys())
    mapped = [(row, in_terms(row.desired, found)) for row in rows]
    changed = [replace(row, desired=lot, not_before=None) for row, lot in mapped if lot != row.desired]
    await save_rows(tx, await tx.lock_connection(seller_id), changed, facts, now)
    return len(changed)


def in_terms(lot: Lot, found: Mapping[CatalogEntry, CatalogEntry | None]) -> Lot:
    """Put a lot's item into the marketplace's terms, where its entry's counterpart is known."""
    there = found.get(lot.entry) if lot.entry is not None else None
    if there is None:
        return lot
    color_id = lot.item.color_id if there.color_id is None else there.color_id
    item = replace(lot.item, item_type=there.item_type, number=there.number, color_id=color_id)
    return replace(lot, item=item, is_mapped=True)


async def known_terms(
    tx: Transaction, seller_id: SellerId, lots: Collection[Lot]
) -> Mapping[CatalogEntry, CatalogEntry | None]:
    """Find the counterparts of the items of these lots, as far as they are known."""
    entries = {lot.entry for lot in lots if lot.entry is not None}
    known = await tx.find_counterparts(seller_id, entries) if entries else {}
    return {entry: each.found for entry, each in known.items()}
