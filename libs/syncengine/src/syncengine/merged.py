"""What orders leave behind that went into others: no piece moves, so no ledger does, and no total is lost (rule S2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncengine.listing import ListingId, OrderLine, OrderSummary
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.order import LineRow
from syncengine.store.protocol import Transaction


async def lines_of_merged(tx: Transaction, connection: ConnectionRow, merged: Sequence[OrderSummary]) -> list[LineRow]:
    """List the lines, as far as they are known, with which orders go into another."""
    lines: list[LineRow] = []
    for summary in merged:
        lines += [line for line in await tx.lines_of_order(connection.seller_id, summary.order_id) if line.total]
    return lines


def moved(read: OrderLine, known: LineRow | None, came: Sequence[LineRow]) -> int:
    """Count the pieces of a line that came with orders which went into its own: none of them left the shop anew.

    `known`: the line before; `came`: lines of its listing in those orders.
    """
    return min(sum(line.seen for line in came), max(0, read.quantity - _seen(known)))


def left_of_merged(
    lines: Sequence[OrderLine], before: Mapping[ListingId, LineRow], came: Sequence[LineRow]
) -> list[tuple[LineRow, LineRow]]:
    """Pair each line that came with what is left of it where it was: what the root does not show more is a return.

    `lines`: the root's, as read; `before`: as they were known.
    """
    more = {line.listing_id: line.quantity - _seen(before.get(line.listing_id)) for line in lines}
    left: list[tuple[LineRow, LineRow]] = []
    for line in came:
        part = min(line.seen, max(0, more.get(line.listing_id, 0)))
        more[line.listing_id] = more.get(line.listing_id, 0) - part
        left.append((line, replace(line, total=line.total - part, seen=0)))
    return left


def _seen(line: LineRow | None) -> int:
    return line.seen if line is not None else 0
