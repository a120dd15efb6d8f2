"""Orders into the books: what an order's lines do to ledgers, and what is told to inventory (rules Q1, Q2, S1-S4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncengine.events import BASELINE, RECOUNT, RETURN, SALE, Event, SaleKind, line_totalled, next_seq
from syncengine.listing import ListingId, LotId, OrderLine, OrderSummary
from syncengine.marketplace import Facts
from syncengine.merged import left_of_merged, lines_of_merged, moved
from syncengine.rows.connection import ConnectionRow, list_wanted
from syncengine.rows.listing import ListingRow
from syncengine.rows.order import Booking, LineRow, OrderRow
from syncengine.settings import Settings
from syncengine.settle import unlisted, wants_look
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsRead:
    """An order whose lines were read because its fingerprint is new."""

    summary: OrderSummary
    lines: tuple[OrderLine, ...]
    merged: tuple[OrderSummary, ...] = ()
    """Orders that went into it: what their lines were is in these now (rule S2)."""


async def book_order(
    tx: Transaction, connection: ConnectionRow, order: OrderAsRead, facts: Facts, settings: Settings, now: datetime
) -> list[ListingRow]:
    """Store an order and its lines, move ledgers, tell inventory: all in this transaction (rule S2).

    Returns the rows that changed, for the caller to save. A line of an unknown listing is kept, and told when its
    listing is linked (rule S1). Pieces that an order no longer holds open a return: what the shop did with them, a look
    tells (rule S4).
    """
    summary = order.summary
    before = {line.listing_id: line for line in await tx.lines_of_order(connection.seller_id, summary.order_id)}
    is_known = bool(before)
    gone = await lines_of_merged(tx, connection, order.merged)
    listing_ids = [*before, *(line.listing_id for line in order.lines), *(line.listing_id for line in gone)]
    owners = await tx.lots_of_listings(connection.seller_id, listing_ids)
    ours = await tx.created_among(connection.seller_id, listing_ids)
    of_listings = await tx.lines_of_listings(connection.seller_id, listing_ids)
    have_returns = {line.listing_id for line in of_listings if line.returned}
    rows = dict(await tx.find_listings(set(owners.values())))
    lines: list[LineRow] = []
    bookings: list[Booking] = []
    events: list[Event] = []
    for read in [*order.lines, *_vanished(order, before)]:
        known, came = before.get(read.listing_id), [line for line in gone if line.listing_id == read.listing_id]
        line = _line_now(connection, summary, read, known, came, order_is_known=is_known)
        more = line.total - (known.total if known is not None else 0)
        new_pieces = more - moved(read, known, came)
        lot_id = owners.get(read.listing_id)
        row = rows.get(lot_id) if lot_id is not None else None
        newly_returned = line.returned - (known.returned if known is not None else 0)
        if row is not None and (more > 0 or newly_returned or (known is not None and known.lot_id is None)):
            line = replace(line, lot_id=row.lot_id)
            # A line that waited for its listing is told as a recount, whole; else only the new pieces are news.
            kind = SALE if known is None or known.lot_id is not None else RECOUNT
            # What came with another order inventory counts here from now on, and no more there.
            told = replace(line, ordered_at=summary.changed_at) if came and known is None else line
            row, event, booking = tell(row, told, kind, more, facts, now, ours=line.listing_id in ours)
            # A line that was added to its order may be older than the change that dates it.
            left = line if known is not None else replace(line, ordered_at=summary.ordered_at)
            row = in_ledger(row, left, new_pieces, facts, settings, now, has_return=line.listing_id in have_returns)
            rows[row.lot_id] = _looked_for(row, line, now) if newly_returned > 0 else row
            events.append(event)
            bookings += [booking] if booking is not None else []
        lines.append(line)
    for line, left_there in left_of_merged(order.lines, before, gone):
        lines.append(left_there)
        if line.lot_id is not None:
            row, pieces, is_ours = rows[line.lot_id], left_there.total - line.total, line.listing_id in ours
            row, event, booking = tell(row, left_there, RETURN, pieces, facts, now, ours=is_ours)
            rows[row.lot_id] = _looked_for(row, left_there, now) if left_there.returned > line.returned else row
            events.append(event)
            bookings += [booking] if booking is not None else []
    if any(row.list_after == now for row in rows.values()):
        await tx.save_connection(list_wanted(await tx.lock_connection(connection.seller_id), now))
    await _save_orders(tx, connection, order)
    await tx.save_lines(lines)
    await tx.add_bookings(bookings)
    await tx.publish(events)
    return list(rows.values())


async def _save_orders(tx: Transaction, connection: ConnectionRow, order: OrderAsRead) -> None:
    for summary in (order.summary, *order.merged):
        await tx.save_order(_order_row(connection, summary))


def _vanished(order: OrderAsRead, before: Mapping[ListingId, LineRow]) -> list[OrderLine]:
    """List lines that the order had and no longer has, as holding nothing."""
    there = {line.listing_id for line in order.lines}
    return [
        OrderLine(listing_id=line.listing_id, item=line.item, quantity=0)
        for line in before.values()
        if line.listing_id not in there
    ]


def _looked_for(row: ListingRow, line: LineRow, now: datetime) -> ListingRow:
    """Have it seen whether the shop put returned pieces back: into the listing, or into one like it (S4, Q4)."""
    if row.listing_id == line.listing_id:
        return wants_look(row, now)
    return replace(row, list_after=now) if row.listing_id is None else row


def _line_now(
    connection: ConnectionRow,
    summary: OrderSummary,
    read: OrderLine,
    known: LineRow | None,
    came: Sequence[LineRow],
    *,
    order_is_known: bool,
) -> LineRow:
    """Say what a line is now. `came`: lines of its listing in orders that went into this one."""
    # A line that an order did not have when it was last read is as late as the change of the order.
    first_seen = summary.changed_at if order_is_known else summary.ordered_at
    total = max(read.quantity, known.total if known is not None else 0)
    if came and known is not None:  # what came closes no return
        total = known.total + max(0, read.quantity - known.seen)
    line = LineRow(
        seller_id=connection.seller_id,
        order_id=summary.order_id,
        listing_id=read.listing_id,
        item=read.item,
        ordered_at=min(line.ordered_at for line in came) if came else first_seen,
        total=total,
        seen=0 if summary.cut else read.quantity,
        grown_at=summary.changed_at,
    )
    if known is None:
        return line
    # Its pieces left the shop no later than this: the order's last change when its total was first seen so high.
    grown_at = known.grown_at if total <= known.total else summary.changed_at
    ordered_at = min([known.ordered_at, *(each.ordered_at for each in came)])
    return replace(line, ordered_at=ordered_at, grown_at=grown_at, lot_id=known.lot_id, unowned=known.unowned)


def tell(
    row: ListingRow, line: LineRow, kind: SaleKind, pieces: int, facts: Facts, now: datetime, *, ours: bool
) -> tuple[ListingRow, Event, Booking | None]:
    """Tell inventory a line's total under the lot's next seq; a sale stays uncounted until it is acknowledged (Q2)."""
    seq = next_seq(max(row.sales_seq, row.counted_seq), now)
    event = line_totalled(
        facts.marketplace,
        line,
        row.lot_id,
        kind=kind,
        seq=seq,
        ours=ours,
        correlation_id=row.correlation_id,
    )
    row = replace(row, sales_seq=seq)
    if kind in (BASELINE, RECOUNT):
        return replace(row, recount_seq=seq), event, None  # rule C4
    booking = Booking(lot_id=row.lot_id, seq=seq, pieces=pieces)
    return replace(row, uncounted=row.uncounted + pieces), event, booking


def in_ledger(
    row: ListingRow,
    line: LineRow,
    pieces: int,
    facts: Facts,
    settings: Settings,
    now: datetime,
    *,
    has_return: bool = False,
) -> ListingRow:
    """Take new pieces off the ledger, if they are of its listing and later than its beginning (rule Q1).

    `has_return`: pieces of this listing are in open returns.
    """
    if row.listing_id != line.listing_id or row.ledger is None or pieces <= 0:
        return row
    if row.ledger_from is not None:
        if line.grown_at < row.ledger_from - settings.anchor_doubt:
            return row
        if line.ordered_at <= row.ledger_from + settings.anchor_doubt:
            return wants_look(replace(row, ledger=row.ledger - pieces, doubt=row.doubt + pieces), now)
    row = replace(row, ledger=row.ledger - pieces)
    # Rules K3, K5, S4: the listing may stand with what a wrong verdict left in it, or with what the shop put back.
    if row.ledger is not None and (row.ledger < 0 or (row.ledger == 0 and (row.probation is not None or has_return))):
        return wants_look(row, now)
    if row.ledger == 0 and row.target > 0 and ends_sold_out(row, facts):
        return wants_look(row, now)  # it is listed again at once: hands may have put something into the one that stands
    decrease = row.probation if row.may_show_more else None
    if decrease is not None and line.ordered_at <= decrease.due_at - settings.lag_window:
        return wants_look(row, now)  # rule K5: this sale may be what showed the decrease done
    if row.ledger == 0 and ends_sold_out(row, facts) and row.intent_id is None and row.look_since is None:
        return sold_out(row)  # else a look tells: some shops keep a listing that our own decrease emptied
    return row


def ends_sold_out(row: ListingRow, facts: Facts) -> bool:
    """Tell whether the lot's listing goes with its last piece."""
    return not row.sent_retain and not facts.keeps_sold_out


def sold_out(row: ListingRow) -> ListingRow:
    """The shop takes a listing away with its last piece, unless it is retained (rule Q4).

    That is our books' word, not a read: it is looked for before the lot is listed again (ADR 8).
    """
    return replace(unlisted(row), gone_id=row.gone_id)


async def tell_restocked(
    tx: Transaction, row: ListingRow, lines: Sequence[LineRow], pieces: int, facts: Facts, now: datetime
) -> ListingRow:
    """Tell that the shop put pieces of open returns back: so many of these lines' totals are no longer sold (S4).

    They are of the orders that changed last: those of others a look left open before, and a person may have answered.
    """
    events: list[Event] = []
    bookings: list[Booking] = []
    closed: list[LineRow] = []
    ours = await tx.created_among(row.seller_id, [line.listing_id for line in lines])
    orders = await tx.find_orders(row.seller_id, {line.order_id for line in lines})
    for line in sorted(lines, key=lambda line: orders[line.order_id].changed_at, reverse=True):
        part = min(pieces, line.returned)
        if part <= 0:
            continue
        pieces -= part
        line = replace(line, total=line.total - part)
        row, event, booking = tell(row, line, RETURN, -part, facts, now, ours=line.listing_id in ours)
        events.append(event)
        bookings += [booking] if booking is not None else []
        closed.append(line)
    await tx.save_lines(closed)
    await tx.add_bookings(bookings)
    await tx.publish(events)
    return row


async def tell_linked_lines(
    tx: Transaction,
    rows: Sequence[ListingRow],
    linked: dict[ListingId, LotId],
    kind: SaleKind,
    facts: Facts,
    now: datetime,
) -> dict[LotId, ListingRow]:
    """Tell every line of listings that were just linked: as the baseline, or as a recount (rules C3, S1)."""
    by_lot = {row.lot_id: row for row in rows}
    events: list[Event] = []
    lines: list[LineRow] = []
    if linked:
        seller_id = rows[0].seller_id
        ours = await tx.created_among(seller_id, linked.keys())
        for line in await tx.lines_of_listings(seller_id, list(linked)):
            lot_id = linked[line.listing_id]
            row, event, _ = tell(by_lot[lot_id], line, kind, 0, facts, now, ours=line.listing_id in ours)
            by_lot[lot_id] = row
            events.append(event)
            lines.append(replace(line, lot_id=lot_id))
    await tx.save_lines(lines)
    await tx.publish(events)
    return by_lot


async def store_order(tx: Transaction, connection: ConnectionRow, order: OrderAsRead) -> None:
    """Store an order and its lines and nothing more: a census tells them afterwards, all together (rule C3)."""
    summary = order.summary
    before = {line.listing_id: line for line in await tx.lines_of_order(connection.seller_id, summary.order_id)}
    is_known = bool(before)
    gone = await lines_of_merged(tx, connection, order.merged)
    lines = [left for _, left in left_of_merged(order.lines, before, gone)]
    for read in [*order.lines, *_vanished(order, before)]:
        known, came = before.get(read.listing_id), [line for line in gone if line.listing_id == read.listing_id]
        line = _line_now(connection, summary, read, known, came, order_is_known=is_known)
        # Where the pieces of an old return are, the number that the shop shows already says.
        lines.append(line if known is not None else replace(line, total=line.seen))
    await _save_orders(tx, connection, order)
    await tx.save_lines(lines)


async def close_returns(tx: Transaction, lines: Sequence[LineRow]) -> None:
    """Close open returns where the books begin anew with the shop's numbers: what was put back is in them (ADR 6).

    A restored database opens again what was closed since. Its pieces would then pass for those of a later return, and
    inventory, which has them back, would never get that one's.
    """
    await tx.save_lines([replace(line, total=line.seen) for line in lines if line.returned])


def _order_row(connection: ConnectionRow, summary: OrderSummary) -> OrderRow:
    return OrderRow(
        seller_id=connection.seller_id,
        order_id=summary.order_id,
        ordered_at=summary.ordered_at,
        changed_at=summary.changed_at,
        fingerprint=summary.fingerprint,
        cut=summary.cut,
    )
