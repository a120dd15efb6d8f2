"""What lists of orders do not say: when an order changed, what was refunded, and which order it went into (rule S2)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from syncengine.lane import Lane
from syncengine.listing import OrderId, OrderSummary
from syncengine.reads import read_several, reads_together
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.order import OrderRow
from syncengine.store.protocol import Transaction

_CALLS = 10
"""That one read of orders makes at most for those of which the list says that they changed, and so many beyond those
that did for what went into them: more would never end."""


async def view_orders(lane: Lane, orders: Sequence[OrderSummary]) -> dict[OrderId, OrderSummary]:
    """Read what the list did not say of these orders; one by one where the shop takes no call that asks for several."""
    if len(orders) > 1 and await reads_together(lane):
        viewed = await read_several(lane, partial(lane.shop.view_orders, orders), things=len(orders))
        if viewed is not None:
            return {order.order_id: order for order in viewed}
    one_by_one: dict[OrderId, OrderSummary] = {}
    for order in orders:
        found = await lane.read(lane.settings.call_deadline, partial(lane.shop.view_orders, [order]))
        one_by_one |= {one.order_id: one for one in found}
    return one_by_one


async def view_known(
    lane: Lane, summaries: Mapping[OrderId, OrderSummary], fresh: Sequence[OrderSummary]
) -> dict[OrderId, OrderSummary]:
    """View orders that were read before and may have changed since: before any other is booked, for they may have gone
    into it.

    Those of which the list says so, and those that could not be read: of these it may say nothing, and others changed
    since. And those that changed last, as many at a time as a call takes, until none of them did, and all changed
    before those of which the list says so, or before one that grew was last read: what went into one of these changed
    with it, however late it shows. `fresh`: a list of orders, those that changed last first, as far as it says; else
    the views do, and it is gone through from its other end. Where lists say all, there is nothing to view.
    """
    if not (at_once := lane.shop.facts.views_at_once):
        return {}
    async with lane.transaction() as (tx, connection):
        known = await tx.find_orders(connection.seller_id, list(summaries))
        said = [order for id_, order in summaries.items() if id_ in known and _says_more(order, known[id_])]
        # What went into one of them first may have changed long before the last did, and with it their own date.
        grown_since = [known[order.order_id].changed_at for order in said if await _has_grown(tx, connection, order)]
    viewed = await view_all(lane, sorted(said, key=lambda order: order.changed_at)[: at_once * _CALLS])
    since = min([*grown_since, *(order.changed_at for order in viewed.values())], default=None)
    are_said = {order.order_id for order in said}
    unread = connection.unread.keys() & known.keys() - are_said
    viewed |= await view_all(lane, [summaries[order_id] for order_id in sorted(unread)])
    silent = known.keys() - are_said - unread
    return viewed | await _view_last_changed(lane, [order for order in fresh if order.order_id in silent], since)


async def _view_last_changed(
    lane: Lane, orders: Sequence[OrderSummary], since: datetime | None
) -> dict[OrderId, OrderSummary]:
    """View orders of which the list says nothing, until some of which none changed, and all before `since`."""
    at_once, viewed = lane.shop.facts.views_at_once, dict[OrderId, OrderSummary]()
    waiting, may_be_wrong_way, calls = list(orders), True, 0
    while waiting:
        some, waiting, calls = waiting[:at_once], waiting[at_once:], calls + 1
        whole = await view_orders(lane, some)
        viewed |= whole
        dates = [whole[order.order_id].changed_at for order in some if order.order_id in whole]
        is_far = since is None or not dates or dates[-1] < since or calls >= _CALLS
        if may_be_wrong_way and dates and dates[0] < dates[-1]:
            waiting = waiting[::-1]
        elif is_far and not await changed_among(lane, whole.values()):
            break
        may_be_wrong_way = False
    return viewed


async def _has_grown(tx: Transaction, connection: ConnectionRow, order: OrderSummary) -> bool:
    """Whether a known order may hold more pieces than when it was read."""
    lines = await tx.lines_of_order(connection.seller_id, order.order_id)
    return order.pieces is None or order.pieces > sum(line.seen for line in lines)


async def view_all(lane: Lane, orders: Sequence[OrderSummary]) -> dict[OrderId, OrderSummary]:
    """View what the list showed to have changed: when it did is what its new pieces are dated by (rule Q1)."""
    rest = [order for order in orders if not order.is_whole]
    viewed: dict[OrderId, OrderSummary] = {}
    at_once = max(1, lane.shop.facts.views_at_once)
    for first in range(0, len(rest), at_once):
        viewed |= await view_orders(lane, rest[first : first + at_once])
    return viewed


async def changed_among(lane: Lane, orders: Collection[OrderSummary]) -> list[OrderSummary]:
    """List orders that are new, or may have changed since they were read, in the order of their changes."""
    async with lane.transaction() as (tx, connection):
        return await changed_in(tx, connection, orders)


async def changed_in(
    tx: Transaction, connection: ConnectionRow, orders: Collection[OrderSummary]
) -> list[OrderSummary]:
    """Do the same in a transaction."""
    known = await tx.find_orders(connection.seller_id, [order.order_id for order in orders])
    return [
        order
        for order in sorted(orders, key=lambda order: order.changed_at)
        if order.order_id not in known or _may_have_changed(order, known[order.order_id])
    ]


def _may_have_changed(order: OrderSummary, before: OrderRow) -> bool:
    return _says_more(order, before) or before.changed_at < order.changed_at


def _says_more(order: OrderSummary, before: OrderRow) -> bool:
    return order.fingerprint != before.fingerprint


async def find_families(
    lane: Lane, order_ids: Sequence[OrderId], summaries: dict[OrderId, OrderSummary]
) -> dict[OrderId, list[OrderSummary]]:
    """Find which of these orders went into others, by the root of their chain (rule S2).

    `summaries` gains the views that this takes. An order whose root is not among them becomes cut: what became of its
    pieces, a look tells (rule S4).
    """
    families: dict[OrderId, list[OrderSummary]] = {}
    for order_id in order_ids:
        root, passed = summaries[order_id], {order_id}
        while (next_id := root.merged_into) in summaries and next_id not in passed:
            passed.add(next_id)
            if not summaries[next_id].is_whole:
                summaries |= await view_orders(lane, [summaries[next_id]])
            root = summaries[next_id]
        if root.merged_into is not None:
            summaries[order_id] = replace(summaries[order_id], cut=True)
        elif root.order_id != order_id:
            families.setdefault(root.order_id, []).append(summaries[order_id])
    return families
