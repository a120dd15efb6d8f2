"""Moments, sellers and rows that the tests of stores share."""

# ruff: noqa: S101 - these are tests
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncengine.listing import CatalogEntry, Item, Listing, ListingId, Lot, LotId, OrderId, SellerId
from syncengine.rows.connection import Lease
from syncengine.rows.listing import ListingRow
from syncengine.rows.order import LineRow
from syncengine.rows.shop import ShopListing
from syncengine.store.protocol import Store, Transaction
from syncengine.testing.samples import sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BUCKET = timedelta(minutes=10)
A, B = SellerId("seller-a"), SellerId("seller-b")
BRICK = Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness="")
PLATE = replace(BRICK, number="3020")

Published = Callable[[], Awaitable[Sequence[tuple[str, str, bytes, str]]]]
"""Tells topic, key, value and correlation id of all that was published, in order."""


def lot_row(lot_id: str, seller_id: SellerId = A, *, quantity: int = 10) -> ListingRow:
    """Make a row as a lot's first event leaves it."""
    lot = Lot(item=BRICK, quantity=quantity, for_sale=True, retain=False, fields={"price": "0.1000", "cost": None})
    return ListingRow(lot_id=LotId(lot_id), seller_id=seller_id, desired=lot, revision=1)


def shop_listing(listing_id: str, seller_id: SellerId = A, item: Item = BRICK) -> ShopListing:
    """Make a listing as a census saw it."""
    listing = Listing(
        listing_id=ListingId(listing_id), item=item, quantity=3, for_sale=True, retain=False, fields={"note": "é\n'"}
    )
    return ShopListing(seller_id=seller_id, listing=listing, seen_at=NOW)


def order_line(order_id: str, listing_id: str, seller_id: SellerId = A) -> LineRow:
    """Make an order line as it is first read."""
    line = sample(LineRow)
    order, listing = OrderId(order_id), ListingId(listing_id)
    return replace(line, seller_id=seller_id, order_id=order, listing_id=listing, lot_id=None)


async def taken(store: Store, seller_id: SellerId, owner: str, now: datetime = NOW) -> Lease:
    """Take a lease for ten seconds."""
    lease = await store.take_lease(seller_id, owner, now, now + 10 * SECOND)
    assert lease is not None
    return lease


async def fail_after(store: Store, write: Callable[[Transaction], Awaitable[None]]) -> None:
    """Write something in a transaction that then fails."""
    async with store.transaction() as tx:
        await write(tx)
        raise ZeroDivisionError


def owl_row(lot_id: str, number: str, seller_id: SellerId = A, *, quantity: int = 10) -> ListingRow:
    """Make a row whose item the marketplace's own catalogue may have, or not."""
    row = lot_row(lot_id, seller_id, quantity=quantity)
    entry = CatalogEntry(item_type="PART", number=number)
    return replace(row, desired=replace(row.desired, entry=entry, is_mapped=False))
