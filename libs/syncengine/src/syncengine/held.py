"""Items held back because an order has pieces of them from a listing that nobody knows (rule C4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.listing import Item, SellerId
from syncengine.marketplace import Facts
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import Trouble
from syncengine.rows.order import LineRow
from syncengine.saving import save_rows
from syncengine.store.protocol import Transaction


async def hold_items(tx: Transaction, seller_id: SellerId, facts: Facts, now: datetime) -> None:
    """Find anew which items are held back, and let go of lots whose item no longer is."""
    connection = await tx.lock_connection(seller_id)
    lines = await _marked(tx, connection, await tx.ownerless_lines(connection.seller_id))
    held = _held(lines, connection)
    if held == connection.held_items:
        return
    await tx.save_connection(replace(connection, held_items=held))
    freed = [
        replace(row, trouble=None, not_before=None)
        for row in await tx.rows_in_trouble(connection.seller_id, Trouble.ORDER_UNASSIGNED)
        if row.desired.item not in held
    ]
    await save_rows(tx, await tx.lock_connection(seller_id), freed, facts, now)


async def _marked(tx: Transaction, connection: ConnectionRow, lines: Sequence[LineRow]) -> Sequence[LineRow]:
    """Remember of lines whether their listing was seen in the shop without an owner (rule C2): those hold nothing."""
    strange = [line for line in lines if not line.unowned]
    if not strange:
        return lines
    seen = {kept.listing.listing_id for kept in await tx.unowned(connection.seller_id)}
    marked = {
        (line.order_id, line.listing_id): replace(line, unowned=True) for line in strange if line.listing_id in seen
    }
    await tx.save_lines(list(marked.values()))
    return [marked.get((line.order_id, line.listing_id), line) for line in lines]


def holding_lines(lines: Sequence[LineRow], connection: ConnectionRow) -> list[LineRow]:
    """List those that hold their item: ordered since the connection began, of a listing that was never seen."""
    return [line for line in since_connected(lines, connection) if not line.unowned]


def since_connected(lines: Sequence[LineRow], connection: ConnectionRow) -> list[LineRow]:
    """List those ordered since the connection began: pieces of older ones are in no lot's count (rule C3)."""
    begun_at = connection.baseline_at or connection.baseline_taken_at
    return [line for line in lines if begun_at is not None and line.ordered_at > begun_at]


def _held(lines: Sequence[LineRow], connection: ConnectionRow) -> tuple[Item, ...]:
    """List the items that ownerless lines hold."""
    return tuple(sorted({line.item for line in holding_lines(lines, connection)}, key=str))
