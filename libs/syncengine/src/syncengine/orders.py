"""Reading orders: the shop's lists, then the lines of each order that is new or changed, booked at once (rule S1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from syncengine.booking import OrderAsRead, book_order, store_order
from syncengine.held import hold_items
from syncengine.lane import Lane, NothingReadError
from syncengine.listing import ListingId, OrderId, OrderLine, OrderRead, OrderSummary
from syncengine.marketplace import Marketplace, ReadFailedError, Refused, Ticket
from syncengine.polls import poll_planned
from syncengine.rows.connection import ConnectionRow
from syncengine.store.protocol import Transaction
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
    await _verify_shop(lane, list(summaries.values()))
    async with lane.transaction() as (tx, connection):
        changed = [order.order_id for order in await changed_in(tx, connection, summaries.values())]
        due = in_turn(changed, connection.unread, lane.clock.now())
    reading, left_out = due[:at_most], set(changed).difference(due)
    is_complete, touched, done = len(reading) == len(due), set[ListingId](), set[OrderId]()
    # Whichever of them is read when: once the root is booked without them, theirs count as pieces sold anew (rule S2).
    gone = [order_id for order_id in changed if summaries[order_id].merged_into is not None]
    at_once = lane.shop.facts.views_at_once or len(reading) or 1
    for some in (reading[first : first + at_once] for first in range(0, len(reading), at_once)):
        summaries |= await view_all(lane, [summaries[order_id] for order_id in some])
        families = await find_families(lane, list(dict.fromkeys([*gone, *some])), summaries)
        roots = {order.order_id: root for root, orders in families.items() for order in orders}
        for order_id in dict.fromkeys(roots.get(order_id, order_id) for order_id in some):
            merged = [order for order in families.get(order_id, ()) if order.order_id not in done]
            if order_id in done and not merged:
                continue
            done.add(order_id)
            summary = summaries[order_id]
            if summary.merged_into is not None and summary.changed_at >= listed_at - lane.settings.anchor_doubt:
                is_complete = False  # into one that may be newer than the list: the next read shows it (S2)
                continue
            if summary.merged_into is not None and summary.changed_at >= listed_at - lane.settings.lag_window:
                left_out.add(order_id)  # into one that is listed late
                await note_unread(lane, [order_id])
                continue
            try:
                order = await _read_order(lane, summary, page_of[order_id])
            except NothingReadError:
                await note_unread(lane, [each for each in some if roots.get(each, each) == order_id])
                raise
            if order.summary != summary and lane.shop.facts.views_at_once:
                is_complete = False  # it changed meanwhile, perhaps by one that went into it: the next read tells (S2)
                continue
            order = replace(order, merged=tuple(merged))
            done |= {each.order_id for each in merged}
            summaries[order_id] = order.summary
            touched |= await _book(lane, order, only_store=only_store)
    if is_complete:
        async with lane.transaction() as (tx, connection):
            whole = set(pages) >= set(lane.shop.facts.order_pages)
            listed_elsewhere = set() if whole else connection.unread.keys() - summaries.keys()
            connection = forget(connection, but=left_out | listed_elsewhere)
            connection = _read_through(connection, began_at, whole=whole and not connection.unread)
            await tx.save_connection(await poll_planned(lane, tx, connection))
    if left_out and at_most is None:
        raise OrdersUnreadError(tried_at(connection, lane.clock.now()), "ORDER_UNREAD")
    return OrdersSeen(
        began_at=began_at,
        fingerprints={order_id: order.fingerprint for order_id, order in summaries.items()},
        touched=frozenset(touched),
        name_shop=lane.shop.facts.tells_shop or any(order.shop_name for order in summaries.values()),
    )


async def _book(lane: Lane, order: OrderAsRead, *, only_store: bool) -> set[ListingId]:
    """Book an order; returns the listings that it is, or was, of, and those of orders that went into it."""
    touched = {line.listing_id for line in order.lines}
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        for each in (order.summary, *order.merged):
            touched |= {line.listing_id for line in await tx.lines_of_order(connection.seller_id, each.order_id)}
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


async def _verify_shop(lane: Lane, orders: Sequence[OrderSummary]) -> None:
    """See that these orders are of the shop that this connection is for (rule W1)."""
    shown = {(order.shop_name, order.currency_code): order for order in orders}  # of hundreds that say the same, one
    shown.pop(("", ""), None)
    if not shown:
        return
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        for order in shown.values():
            connection = await pin_shown_shop(tx, connection, order.shop_name, order.currency_code, lane.clock.now())
        await tx.save_connection(connection)
    if connection.halted:
        raise ShopMismatchError


async def identify_shop(lane: Lane) -> None:
    """Ask whose shop the keys open, before anything else is asked of it (rule W1).

    Raises:
        PausedError: the call could not be made, or brought nothing.
        ShopMismatchError: it is another than this connection's.
    """
    shop = await lane.read(lane.settings.call_deadline, lane.shop.identify)
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        connection = await pin_shown_shop(tx, connection, shop.name, shop.currency_code, lane.clock.now())
        await tx.save_connection(replace(connection, shop_number=shop.number))
    if connection.halted:
        raise ShopMismatchError


class ShopMismatchError(Exception):
    """The keys are of another shop: the connection has been halted."""


ANOTHER_SHOP = "ANOTHER_SHOP"
"""Its name is another than that of the connection's shop: a person says whether it is the same all the same."""


async def pin_typed_shop(tx: Transaction, connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Pin what the seller typed, before anything is sent: their last word counts until an order proves it (rule W1)."""
    if connection.pin_proven:
        return await _pin(tx, connection, connection.shop_name, connection.currency_code, now)
    anew = replace(connection, pinned_name="", pinned_currency="")
    return await _pin(tx, anew, connection.shop_name, connection.currency_code, now)


async def pin_shown_shop(
    tx: Transaction, connection: ConnectionRow, name: str, currency: str, now: datetime
) -> ConnectionRow:
    """Pin what the shop shows; from then on nothing but these is this connection's shop (rule W1)."""
    pinned = await _pin(tx, connection, name, currency, now)
    proven = bool(name and currency and not pinned.halted)
    return replace(pinned, pin_proven=pinned.pin_proven or proven)


async def pin_claimed_shop(tx: Transaction, connection: ConnectionRow, now: datetime, *, proven: bool) -> ConnectionRow:
    """Pin the name that a person claimed, and take it for what they typed: it was found to be this shop's (rule W1).

    `proven`: the shop showed it. Another seller's shop is refused all the same.
    """
    claimed = connection.claimed_name
    connection = replace(connection, claimed_name="")
    anew = replace(connection, pinned_name="", shop_name=claimed, pin_proven=connection.pin_proven or proven)
    pinned = await _pin(tx, anew, claimed, "", now)
    return replace(connection, halted=pinned.halted, halted_at=now) if pinned.halted else pinned


async def _pin(tx: Transaction, connection: ConnectionRow, name: str, currency: str, now: datetime) -> ConnectionRow:
    """Pin the shop's identity, or halt if it is another than pinned, or another seller's."""
    pinned_name = connection.pinned_name or connection.shop_name
    pinned_currency = connection.pinned_currency or connection.currency_code
    if name and pinned_name and name.casefold() != pinned_name.casefold():
        return replace(connection, halted=ANOTHER_SHOP, halted_at=now, shown_name=name)
    if currency and pinned_currency and currency != pinned_currency:
        return replace(connection, halted="ANOTHER_CURRENCY", halted_at=now)
    pinned_name = pinned_name or name
    if pinned_name and await tx.shop_pinned_by(pinned_name, besides=connection.seller_id) is not None:
        return replace(connection, halted="SHOP_OF_ANOTHER_SELLER", halted_at=now)
    return replace(connection, pinned_name=pinned_name, pinned_currency=pinned_currency or currency, pin_lapsed=False)
