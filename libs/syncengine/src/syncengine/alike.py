"""Lots that wait because a listing of the shop looks like them (rules C2, N3)."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.held import since_connected
from syncengine.listing import Item, ListingId, SellerId
from syncengine.marketplace import Facts
from syncengine.matching import may_be_its
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.rows.order import LineRow
from syncengine.saving import save_rows
from syncengine.store.protocol import Transaction


async def look_alikes(tx: Transaction, row: ListingRow, facts: Facts) -> Sequence[ListingId]:
    """List the shop's unowned listings that may be this lot's: not those that a person said are none of its."""
    unowned = await tx.unowned(row.seller_id, row.desired.item)
    return [kept.listing.listing_id for kept in unowned if may_be_its(row, kept.listing, facts)]


async def lines_alike(tx: Transaction, row: ListingRow) -> Sequence[LineRow]:
    """List order lines that no lot owns, of listings that may have been this lot's: one that sold out shows no more."""
    return _alike(await tx.ownerless_lines(row.seller_id), row)


def _alike(ownerless: Sequence[LineRow], row: ListingRow) -> Sequence[LineRow]:
    return [line for line in ownerless if line.item == row.desired.item and line.listing_id not in row.strangers]


async def free_look_alikes(
    tx: Transaction, seller_id: SellerId, items: Collection[Item], facts: Facts, now: datetime
) -> None:
    """Listings that lots' own siblings resembled are known now to be theirs: they wait for nobody any more.

    But one that sold out may still have been the lot's.
    """
    waiting = [row for row in await tx.rows_in_trouble(seller_id, Trouble.LOOK_ALIKE) if row.desired.item in items]
    connection = await tx.lock_connection(seller_id)
    ownerless = since_connected(await tx.ownerless_lines(seller_id), connection) if waiting else []
    sure = [row for row in waiting if not _alike(ownerless, row) and not await look_alikes(tx, row, facts)]
    freed = [replace(row, trouble=None) for row in sure]
    await save_rows(tx, connection, freed, facts, now)
