"""Reading orders: the shop's lists, then the lines of each order that is new or changed, booked at once (rule S1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from syncengine.booking import OrderAsRead, book_order, store_order
from syncengine.held import hold_items
from syncengine.identity import verify_shop
from syncengine.lane import Lane, NothingReadError
from syncengine.listing import ListingId, OrderId, OrderLine, OrderRead, OrderSummary
from syncengine.marketplace import Marketplace, ReadFailedError, Refused, Ticket
from syncengine.polls import poll_planned
from syncengine.rows.connection import ConnectionRow
from syncengine.unread import OrdersUnreadError, forget, in_turn, note_unread, tried_at
from syncengine.views import changed_in, find_families, view_all, view_known, view_orders


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSeen:
    """One read of orders."""

    began_at: datetime
    """By our clock."""
    fingerprints: dict[OrderId, str]
    touched: frozenset[ListingId]
    """Listings in orders that were new or changed in this read."""
    name_shop: bool
    """Whether one of them says whose shop it is; this connection's, or the read would have failed (rule W1)."""


async def read_orders(
    lane: Lane, pages: Sequence[str], *, only_store: bool = False, at_most: int | None = None
) -> OrdersSeen:
    """Read pages of orders and book what is new.

    `only_store` keeps the lines without touching a ledger or telling anyone: a census tells them itself (rule C3).
    After the lines of `at_most` orders the rest is left to a later read; until then no read counts as complete.
    Orders whose lines could not be read before come last, or are left out; then none proves anything (`unread`).

    Raises:
        OrdersUnreadError: orders were left out, and `at_most` is not given: all were wanted.
        PausedError: a call could not be made; what was booked before it stays booked.
    """
    reading = await _begin(lane, pages, only_store=only_store)
    await verify_shop(lane, list(reading.summaries.values()))
    async with lane.transaction() as (tx, connection):
        changed = [order.order_id for order in await changed_in(tx, connection, reading.summaries.values())]
        due = in_turn(changed, connection.unread, lane.clock.now())
    some, reading.left_out = due[:at_most], set(changed).difference(due)
    reading.is_complete = len(some) == len(due)
    await _read_all(lane, reading, some, changed)
    if reading.is_complete:
        connection = await _note_complete(lane, reading, pages)
    if reading.left_out and at_most is None:
        raise OrdersUnreadError(tried_at(connection, lane.clock.now()), "ORDER_UNREAD")
    orders = reading.summaries.values()
    return OrdersSeen(
        began_at=reading.began_at,
        fingerprints={order.order_id: order.fingerprint for order in orders},
        touched=frozenset(reading.touched),
        name_shop=lane.shop.facts.tells_shop or any(order.shop_name for order in orders),
    )


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One read of orders, so far."""

    only_store: bool
    began_at: datetime
    """By our clock."""
    listed_at: datetime
    """When the last list was answered, by the shop's clock."""
    summaries: dict[OrderId, OrderSummary]
    page_of: Mapping[OrderId, str]
    is_complete: bool = True
    left_out: set[OrderId] = field(default_factory=set)
    done: set[OrderId] = field(default_factory=set)
    """Orders that need not be booked any more, those that went into booked ones among them."""
    touched: set[ListingId] = field(default_factory=set)


async def _begin(lane: Lane, pages: Sequence[str], *, only_store: bool) -> _Reading:
    """Read the lists, and view what they do not say of known orders."""
    began_at = listed_at = lane.clock.now()
    summaries: dict[OrderId, OrderSummary] = {}
    page_of: dict[OrderId, str] = {}
    fresh: list[OrderSummary] = []
    for page in pages:
        read = await _list_orders(lane, page)
        listed, listed_at = {order.order_id: order for order in read.orders}, read.read_at
        summaries |= listed
        page_of |= dict.fromkeys(listed, page)
        fresh = list(listed.values()) or fresh  # the newest list: what the one before it shows may have changed since
    summaries |= await view_known(lane, summaries, fresh)
    return _Reading(only_store=only_store, began_at=began_at, listed_at=listed_at, summaries=summaries, page_of=page_of)


async def _read_all(lane: Lane, reading: _Reading, some: Sequence[OrderId], changed: Sequence[OrderId]) -> None:
    """Read and book some of the changed orders, as many at a time as one call views, each beside what went into it."""
    # Whichever of them is read when: once the root is booked without them, theirs count as pieces sold anew (rule S2).
    gone = [order_id for order_id in changed if reading.summaries[order_id].merged_into is not None]
    at_once = lane.shop.facts.views_at_once or len(some) or 1
    for together in (some[first : first + at_once] for first in range(0, len(some), at_once)):
        reading.summaries |= await view_all(lane, [reading.summaries[order_id] for order_id in together])
        families = await find_families(lane, list(dict.fromkeys([*gone, *together])), reading.summaries)
        roots = {order.order_id: root for root, orders in families.items() for order in orders}
        for root in dict.fromkeys(roots.get(order_id, order_id) for order_id in together):
            merged = [order for order in families.get(root, ()) if order.order_id not in reading.done]
            if root in reading.done and not merged:
                continue
            reading.done.add(root)
            try:
                await _read_family(lane, reading, reading.summaries[root], merged)
            except NothingReadError:
                await note_unread(lane, [each for each in together if roots.get(each, each) == root])
                raise


async def _read_family(lane: Lane, reading: _Reading, root: OrderSummary, merged: Sequence[OrderSummary]) -> None:
    """Read and book an order beside those that went into it, unless the next read will know more of it (rule S2)."""
    if root.merged_into is not None and root.changed_at >= reading.listed_at - lane.settings.anchor_doubt:
        reading.is_complete = False  # into one that may be newer than the list: the next read shows it
        return
    if root.merged_into is not None and root.changed_at >= reading.listed_at - lane.settings.lag_window:
        reading.left_out.add(root.order_id)  # into one that is listed late
        await note_unread(lane, [root.order_id])
        return
    order = await _read_order(lane, root, reading.page_of[root.order_id])
    if order.summary != root and lane.shop.facts.views_at_once:
        reading.is_complete = False  # it changed meanwhile, perhaps by one that went into it: the next read tells
        return
    reading.done |= {each.order_id for each in merged}
    reading.summaries[root.order_id] = order.summary
    reading.touched |= await _book(lane, replace(order, merged=tuple(merged)), only_store=reading.only_store)


async def _note_complete(lane: Lane, reading: _Reading, pages: Sequence[str]) -> ConnectionRow:
    """Remember that these pages were read, and what of them was left out."""
    async with lane.transaction() as (tx, connection):
        whole = set(pages) >= set(lane.shop.facts.order_pages)
        listed = connection.unread.keys() if whole else connection.unread.keys() & reading.summaries.keys()
        connection = forget(connection, listed - reading.left_out)
        connection = _read_through(connection, reading.began_at, whole=whole and not connection.unread)
        connection = await poll_planned(lane, tx, connection)
        await tx.save_connection(connection)
    return connection


async def _book(lane: Lane, order: OrderAsRead, *, only_store: bool) -> set[ListingId]:
    """Book an order; returns the listings that it is, or was, of, and those of orders that went into it."""
    touched = {line.listing_id for line in order.lines}
    read = {each.order_id for each in (order.summary, *order.merged)}
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        if connection.unread.keys() & read:
            connection = forget(connection, read)
            await tx.save_connection(connection)
        for order_id in read:
            touched |= {line.listing_id for line in await tx.lines_of_order(connection.seller_id, order_id)}
        if only_store:
            await store_order(tx, connection, order)
        else:
            now = lane.clock.now()
            known_ids = await tx.lots_of_listings(connection.seller_id, [line.listing_id for line in order.lines])
            rows = await book_order(tx, connection, order, lane.shop.facts, lane.settings, now)
            await lane.save(tx, rows)
            if any(line.listing_id not in known_ids for line in order.lines):
                await hold_items(tx, lane.lease.seller_id, lane.shop.facts, lane.clock.now())
    return touched


async def _list_orders(lane: Lane, page: str) -> OrderRead:
    return await lane.read(lane.settings.list_deadline, partial(lane.shop.list_orders, page))


async def _read_order(lane: Lane, summary: OrderSummary, page: str) -> OrderAsRead:
    """Read an order's lines. If they are not those that were listed, the list is read again: it has their date.

    Pieces that a buyer adds between the two calls would else be taken for older than they are (rule Q1).
    """
    lines = await _read_lines(lane, summary.order_id)
    if summary.pieces not in (None, sum(line.quantity for line in lines)):
        listed = (await _list_orders(lane, page)).orders
        newer = next((order for order in listed if order.order_id == summary.order_id), summary)
        if not newer.is_whole:
            newer = (await view_orders(lane, [newer])).get(newer.order_id, newer)
        if (newer.fingerprint, newer.changed_at) != (summary.fingerprint, summary.changed_at):
            return OrderAsRead(summary=newer, lines=await _read_lines(lane, summary.order_id))
    return OrderAsRead(summary=summary, lines=lines)


async def _read_lines(lane: Lane, order_id: OrderId) -> tuple[OrderLine, ...]:
    lines = await lane.read(lane.settings.call_deadline, partial(_lines_if_kept, lane.shop, order_id))
    return await _known_lines(lane, order_id) if lines is None else lines


async def _lines_if_kept(shop: Marketplace, order_id: OrderId, granted: Ticket) -> tuple[OrderLine, ...] | None:
    """Read an order's lines; None if the shop lists the order but no longer its lines, as with purged ones."""
    try:
        return await shop.order_lines(order_id, granted)
    except ReadFailedError as failure:
        if isinstance(failure.outcome, Refused):
            return None
        raise


async def _known_lines(lane: Lane, order_id: OrderId) -> tuple[OrderLine, ...]:
    async with lane.transaction() as (tx, connection):
        lines = await tx.lines_of_order(connection.seller_id, order_id)
    return tuple(OrderLine(listing_id=line.listing_id, item=line.item, quantity=line.seen) for line in lines)


def _read_through(connection: ConnectionRow, began_at: datetime, *, whole: bool) -> ConnectionRow:
    connection = replace(connection, orders_read_at=began_at)
    if connection.pinged_at is not None and began_at >= connection.pinged_at:
        connection = replace(connection, ping_due_at=None)
    if whole:
        connection = replace(connection, all_orders_read_at=began_at)
        if connection.poll_at is not None and began_at >= connection.poll_at:
            connection = replace(connection, poll_at=None)
        held_until = connection.hold_increases_until
        is_listed = connection.census_reason is None and connection.list_wanted_at is None
        if held_until is not None and began_at >= held_until and is_listed:  # rules C4, N3
            connection = replace(connection, hold_increases_until=None)
    return connection
