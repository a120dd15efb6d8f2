"""Listings that lots' events name and that no lot had: an import from the shop linked them (rules S7, C2, N5).

A lot that is new was made from what a list read showed of its listing: our books of that listing begin with that read,
as if a census had matched them then (rule Q1). So what was sold since explains itself, and what somebody changed since
is a conflict. A lot that was there before is linked as if a person had named the listing as its own; its fields are
compared with those of the last list, which the seller was shown. Either way a look reads it before anything is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncengine.alike import free_look_alikes
from syncengine.booking import in_ledger, tell_linked_lines
from syncengine.drift import shown_values
from syncengine.events import RECOUNT
from syncengine.held import hold_items
from syncengine.listing import Item, Listing, ListingId, LotId, SellerId, age
from syncengine.marketplace import Create, Facts
from syncengine.plan import is_retained
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.rows.shop import ShopListing
from syncengine.settings import Settings
from syncengine.settle import found, wants_look
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What events say of one lot."""

    item: Item
    listing_ids: Sequence[ListingId]
    before: ListingRow | None
    """The lot's row as it was; None: this is the first that is heard of it."""


@dataclass(slots=True)
class Named:
    """What becomes of lots by the listings that events name."""

    taken: dict[LotId, ListingId] = field(default_factory=dict)
    """New lots, and the listing that each was made from."""
    given: dict[LotId, ListingId] = field(default_factory=dict)
    """Lots without a listing that were there before, and the one that is theirs now."""
    bereft: set[LotId] = field(default_factory=set)
    """New lots whose listings are, or may be, other lots'."""


async def take_names(tx: Transaction, connection: ConnectionRow, told: Mapping[LotId, Naming]) -> Named:
    """Remember the listings that are named, and say which of them stand for lots from now on."""
    named = Named()
    if not (asked := {listing_id for naming in told.values() for listing_id in naming.listing_ids}):
        return named
    owners = dict(await tx.lots_of_listings(connection.seller_id, asked))
    # In a database that was lost every id is news; its census matches by them (rules C1, C2).
    is_news = connection.connected_at is not None and connection.census_reason is not CensusReason.DATABASE_LOST
    awaited = await _awaited(tx, connection.seller_id) if is_news and asked - owners.keys() else {}
    pairs: list[tuple[ListingId, LotId]] = []
    for lot_id, naming in told.items():
        before = naming.before
        if is_news and before is not None and (before.listing_id is not None or before.intent_id is not None):
            continue  # it has a listing, or gets one: with a second its pieces would be offered twice
        free = [
            listing_id
            for listing_id in naming.listing_ids
            if listing_id not in owners and age(listing_id)[0] <= awaited.get(naming.item, age(listing_id)[0])
        ]
        owners.update(dict.fromkeys(free, lot_id))
        pairs += [(listing_id, lot_id) for listing_id in free]
        if before is None and naming.listing_ids and lot_id not in map(owners.get, naming.listing_ids):
            named.bereft.add(lot_id)
        elif is_news and free:
            (named.taken if before is None else named.given)[lot_id] = max(free, key=age)
    await tx.add_listing_ids(connection.seller_id, pairs)
    return named


async def _awaited(tx: Transaction, seller_id: SellerId) -> Mapping[Item, int]:
    """By item: above which id a listing may be that of a create whose outcome is not known (rule N3)."""
    above: dict[Item, int] = {}
    for intent in await tx.open_intents(seller_id):
        if isinstance(intent.write, Create):
            item = intent.write.item
            above[item] = min(above.get(item, intent.above_listing_id), intent.above_listing_id)
    return above


async def link_named(
    tx: Transaction, named: Named, rows: Mapping[LotId, ListingRow], facts: Facts, settings: Settings, now: datetime
) -> dict[LotId, ListingRow]:
    """Link lots to the listings that events gave them; `rows` are all these lots as they are now.

    Returns the rows that changed, for the caller to save.
    """
    bereft = {lot_id: replace(rows[lot_id], trouble=Trouble.GONE_UNEXPLAINED) for lot_id in named.bereft}
    late = now + settings.lag_window
    linked = [taken_from(rows[lot_id], listing_id, facts, now) for lot_id, listing_id in named.taken.items()]
    seller_id = rows[next(iter(named.given))].seller_id if named.given else None
    listed = await tx.listed(seller_id, named.given.values()) if seller_id is not None else {}
    linked += [
        _as_listed(named_as_its(rows[lot_id], listing_id, late), listed.get(listing_id))
        for lot_id, listing_id in named.given.items()
    ]
    lots = {listing_id: lot_id for lot_id, listing_id in (named.taken | named.given).items()}
    told = await tell_linked_lines(tx, linked, lots, RECOUNT, facts, now)
    for line in await tx.lines_of_listings(linked[0].seller_id, list(lots)) if linked else ():
        lot_id = lots[line.listing_id]
        told[lot_id] = in_ledger(told[lot_id], line, line.total, facts, settings, now)
    looked_at = {lot_id: row if row.listing_id is None else wants_look(row, now) for lot_id, row in told.items()}
    return bereft | looked_at


def taken_from(row: ListingRow, listing_id: ListingId, facts: Facts, now: datetime) -> ListingRow:
    """Begin the books of a listing with the list read that its lot was made from (rule Q1)."""
    desired = row.desired
    shown = Listing(
        listing_id=listing_id,
        item=desired.item,
        quantity=desired.quantity,
        for_sale=desired.for_sale,
        retain=is_retained(desired, facts),
        fields=desired.fields,
    )
    return found(row, shown, row.counted_at or now, now)


def _as_listed(row: ListingRow, kept: ShopListing | None) -> ListingRow:
    """Remember what the seller was shown of a listing when it was linked: what somebody changed since is a conflict."""
    if kept is None:
        return row
    listing = kept.listing
    row = replace(row, sent=dict(listing.fields), shown=shown_values(listing), listed_item=listing.item)
    return replace(row, sent_for_sale=listing.for_sale, sent_retain=listing.retain)


def named_as_its(row: ListingRow, listing_id: ListingId, late: datetime) -> ListingRow:
    """Take a listing that a person named as the lot's own; the caller has it looked at.

    Should the look find it gone, it may have sold in an order that is not listed before `late` (rule K4).
    """
    strangers = tuple(stranger for stranger in row.strangers if stranger != listing_id)
    row = replace(row, listing_id=listing_id, trouble=None, theirs=None, observed=None, not_before=None)
    return replace(row, strangers=strangers, orders_after=None, list_after=None, raise_after=late)


async def let_go(
    tx: Transaction, seller_id: SellerId, linked: Collection[ListingRow], facts: Facts, now: datetime
) -> None:
    """Let go of what waited because the listings of these lots, and their orders, were nobody's."""
    await free_look_alikes(tx, seller_id, {row.desired.item for row in linked}, facts, now)
    await hold_items(tx, seller_id, facts, now)
