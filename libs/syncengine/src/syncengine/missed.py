"""Listings of nobody that a list lacks: they count as there until they are proved gone (rules C2, N3)."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.listing import Item, ListRead, SellerId
from syncengine.rows.order import LineRow
from syncengine.rows.shop import ShopListing
from syncengine.settings import Settings
from syncengine.store.protocol import Transaction


async def missed_by(
    tx: Transaction,
    seller_id: SellerId,
    read: ListRead,
    *,
    listed_at: datetime,
    orders_read_at: datetime,
    settings: Settings,
) -> list[ShopListing]:
    """List what a list lacks of the listings that nobody owns, unless it is proved gone.

    One list may be short, but hardly two, a late window apart; and what sold since the first may be in orders that
    are late by a lag window after the second. A listing that known orders emptied is gone at once.
    """
    shown = {listing.listing_id for listing in read.listings}
    lacking = [known for known in await tx.unowned(seller_id) if known.listing.listing_id not in shown]
    lines = await tx.lines_of_listings(seller_id, [known.listing.listing_id for known in lacking])
    missed = []
    for known in lacking:
        if _is_emptied(known, lines):
            continue
        missed_at, again_at = known.missed_at or listed_at, known.missed_again_at
        if again_at is None and listed_at >= missed_at + settings.late_window:
            again_at = listed_at
        if again_at is None or orders_read_at < again_at + settings.lag_window:
            missed.append(replace(known, missed_at=missed_at, missed_again_at=again_at))
    return missed


def _is_emptied(known: ShopListing, lines: Sequence[LineRow]) -> bool:
    counted_at = known.read_at or known.seen_at
    own = [line for line in lines if line.listing_id == known.listing.listing_id and line.ordered_at > counted_at]
    return sum(line.total for line in own) >= known.listing.quantity


def list_again_at(missed: Sequence[ShopListing], wanted: Collection[Item], settings: Settings) -> datetime | None:
    """Say when another list may prove gone what lots of the items `wanted` may wait for; None: nothing of theirs."""
    moments = [
        kept.missed_at + settings.late_window
        if kept.missed_again_at is None
        else kept.missed_again_at + settings.lag_window
        for kept in missed
        if kept.missed_at is not None and kept.listing.item in wanted
    ]
    return min(moments, default=None)
