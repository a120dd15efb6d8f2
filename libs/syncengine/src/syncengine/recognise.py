"""A shop that shows another name than the connection's, of which a person said that it is the same (rule W1).

People rename their shops. But their word alone must not let us write: what we know of one shop, sent to another, would
take its listings for ours. Ids of listings and orders are unique in a marketplace, so one that was ever ours there
proves it. Until then no line of an order is read and nothing is booked; a shop that shows nothing of ours halts again.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from syncengine.absorb import begun_anew
from syncengine.identity import ANOTHER_SHOP, pin_claimed_shop
from syncengine.lane import Lane
from syncengine.listing import ListingId, OrderId
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.store.protocol import Transaction

NOTHING_OF_OURS = "NOTHING_OF_OURS"
"""A person said that it is our shop, but nothing that we know was found in it."""

ASKED = frozenset({ANOTHER_SHOP, NOTHING_OF_OURS})
"""Halts at which a person may say whose shop it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a shop shows that tells whose it is."""

    names: Collection[str]
    order_ids: Collection[OrderId]
    listing_ids: Collection[ListingId]


def asked_again(connection: ConnectionRow, now: datetime, *, claims: bool) -> ConnectionRow:
    """Have the shop asked again whose it is, before anything is sent; `claims`: a person said that it is ours."""
    return replace(
        begun_anew(connection),
        census_reason=connection.census_reason or CensusReason.KEYS_REPLACED,
        claimed_name=connection.shown_name if claims else "",
        due_at=now,
    )


async def recognise_shop(lane: Lane) -> None:
    """Find out whether the shop is ours under the name that a person claimed; inventory has told our lots before.

    Raises:
        PausedError: a call could not be made; it begins anew.
    """
    seen = await _look(lane)
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        if connection.claimed_name:
            await tx.save_connection(await _judged(tx, connection, seen, lane.clock.now()))


async def _look(lane: Lane) -> _Seen:
    settings, shop = lane.settings, lane.shop
    names: set[str] = set()
    if shop.facts.tells_shop:
        names.add((await lane.read(settings.call_deadline, shop.identify)).name)
    order_ids: set[OrderId] = set()
    for page in shop.facts.order_pages:
        for order in (await lane.read(settings.list_deadline, partial(shop.list_orders, page))).orders:
            order_ids.add(order.order_id)
            names.add(order.shop_name)
    listed = await lane.read(settings.list_deadline, shop.read_all, whole=True)
    listing_ids = [listing.listing_id for listing in listed.listings]
    return _Seen(names=names - {""}, order_ids=order_ids, listing_ids=listing_ids)


async def _judged(tx: Transaction, connection: ConnectionRow, seen: _Seen, now: datetime) -> ConnectionRow:
    claimed = connection.claimed_name
    halted = replace(connection, claimed_name="", shown_name=claimed, halted_at=now)
    strange = sorted(name for name in seen.names if name.casefold() != claimed.casefold())
    if strange:
        return replace(halted, halted=ANOTHER_SHOP, shown_name=strange[0])
    if not await _is_ours(tx, connection, seen):
        return replace(halted, halted=NOTHING_OF_OURS)
    return await pin_claimed_shop(tx, connection, now, proven=bool(seen.names))


async def _is_ours(tx: Transaction, connection: ConnectionRow, seen: _Seen) -> bool:
    seller_id = connection.seller_id
    if await tx.lots_of_listings(seller_id, seen.listing_ids):
        return True
    ours = {line.order_id for line in await tx.lines_of_seller(seller_id) if line.lot_id is not None}
    if not ours.isdisjoint(seen.order_ids):
        return True
    if connection.baseline_at is not None or connection.baseline_taken_at is not None:
        return False
    # Nothing was ever matched here, nor sent: then it is the first shop of this connection.
    rows = await tx.listings_of(seller_id)
    known = await tx.listing_ids_of([row.lot_id for row in rows])
    return not any(known.values()) and all(row.listing_id is None for row in rows)
