"""Orders that go into others: no piece moves, so nothing is looked for, and each total is told once (rule S2)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from syncengine.listing import Listing, ListingId, LotId, OrderId, OrderLine, OrderRead, OrderSummary
from syncengine.marketplace import Later, ReadFailedError, Ticket
from syncengine.testing.inventory import SELLER
from syncengine.testing.samples import sample
from syncengine.testing.shop import FACTS, Fault, MemoryShop
from syncengine.testing.world import World

FIRST = ListingId("1001")


async def listed(world: World | None = None) -> World:
    world = world or World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.create("a", 10, note="a")
    await world.settle(timedelta(seconds=10))
    return world


def totals(world: World) -> dict[str, tuple[int, int]]:
    """What is booked of each order, and what of it is an open return."""
    return {
        order_id: (line.total, line.returned)
        for (_, order_id, _), line in world.store.tables.lines.items()
        if line.total or line.returned
    }


def stock_of(world: World) -> int:
    return world.inventory.lots[LotId("a")].quantity


@pytest.mark.parametrize("left", [3, 0])
async def test_merged_order_moves_no_piece_also_of_what_is_gone(left: int) -> None:
    """A listing that sold out is not there to be looked at; its order lines are all the same."""
    world = await listed()
    gone = world.shop.buy(FIRST, 6)
    into = world.shop.buy(FIRST, 4 - left)
    await world.settle()
    world.shop.merge(gone, into)
    await world.settle()
    assert totals(world) == {into: (10 - left, 0)}
    assert (stock_of(world), world.row("a").uncounted) == (left, 0)
    assert world.row("a").trouble is None
    assert len(world.shop.writes) == 1


async def test_merged_before_it_was_ever_read_an_order_sells_nothing() -> None:
    world = await listed()
    into, gone = world.shop.buy(FIRST, 2), world.shop.buy(FIRST, 3)
    world.shop.merge(gone, into)
    await world.settle()
    assert (totals(world), stock_of(world)) == ({into: (5, 0)}, 5)


async def test_what_went_from_order_to_order_is_at_the_end_of_its_chain() -> None:
    world = await listed()
    first, second, third = (world.shop.buy(FIRST, pieces) for pieces in (1, 2, 3))
    await world.settle()
    world.shop.merge(first, second)
    world.shop.merge(second, third)
    bought_since = world.shop.buy(FIRST, 1, third)
    await world.settle()
    assert (totals(world), stock_of(world)) == ({bought_since: (7, 0)}, 3)
    assert world.shown() == {"a": 3}


async def test_return_that_is_open_stays_open_where_the_order_goes() -> None:
    """Neither what came nor what left the order closes it (rule S4)."""
    world = await listed()
    gone, into = world.shop.buy(FIRST, 3), world.shop.buy(FIRST, 4)
    await world.settle()
    world.shop.reduce(into, FIRST, 2, restock=False)
    await world.settle()
    world.shop.merge(gone, into)
    await world.settle()
    assert (totals(world), stock_of(world)) == ({into: (7, 2)}, 3)
    assert world.shown() == {"a": 3}


async def test_order_whose_root_grew_before_is_a_return_that_a_look_closes() -> None:
    """The other order was read when it had the pieces already, and this one did not say yet that it went there."""
    world = await listed()
    gone, into = world.shop.buy(FIRST, 3), world.shop.buy(FIRST, 1)
    await world.settle()
    world.shop.merge(gone, into)
    world.shop.orders[gone].merged_into = None
    await world.settle(timedelta(seconds=10))
    world.shop.orders[gone].merged_into = into
    world.shop.orders[gone].changed_at = world.clock.now()
    await world.settle()
    assert (totals(world), stock_of(world)) == ({into: (4, 0)}, 6)
    assert world.shown() == {"a": 6}


class ViewedShop(MemoryShop):
    """A shop whose lists say of orders only how many pieces they had, sorted by their last change."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.facts = replace(FACTS, views_at_once=2)
        self.last_first = True
        self.viewed: Counter[str] = Counter()

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        read = await super().list_orders("open", ticket)  # every page lists all
        listed = sorted(read.orders, key=lambda order: order.changed_at, reverse=self.last_first)
        unsaid = [
            replace(
                order,
                changed_at=order.ordered_at,
                fingerprint=str(order.pieces),
                merged_into=None,
                is_whole=False,
            )
            for order in listed
        ]
        return replace(read, orders=tuple(unsaid))

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        self._answer()
        self.viewed.update(order.order_id for order in orders)
        return [replace(self._summary(self.orders[order.order_id]), fingerprint=order.fingerprint) for order in orders]


@pytest.mark.parametrize("last_first", [True, False])
async def test_what_lists_do_not_say_is_seen_behind_many_later_changes(last_first: bool) -> None:
    """Each call views a few, until none of them changed; and the views say which end of a list is the newer one."""
    world = World()
    world.shop = there = ViewedShop(world)
    there.last_first = last_first
    await listed(world)
    orders = [there.buy(FIRST, 1) for _ in range(8)]
    await world.settle(timedelta(minutes=1))
    gone, into = orders[:2]
    there.merge(gone, into)
    there.orders[into].lines[FIRST] = 1  # its own piece went elsewhere: what the lists show is as it was
    for order_id in orders[2:]:
        world.clock.turn(timedelta(seconds=1))
        there.orders[order_id].changed_at = world.clock.now()
    await world.settle(timedelta(minutes=1))
    assert world.store.tables.orders[SELLER, OrderId(gone)].changed_at == there.orders[gone].changed_at


async def test_orders_that_went_into_one_are_booked_with_it_however_much_later_they_changed() -> None:
    """They may be read by another call than their root, and of what is gone no look could find that no piece moved."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    into, other, gone = (there.buy(FIRST, pieces) for pieces in (1, 2, 7))
    await world.settle(timedelta(minutes=1))
    there.merge(gone, into)
    for order_id in (other, gone):
        world.clock.turn(timedelta(seconds=2))
        there.orders[order_id].changed_at = world.clock.now()
    await world.settle(timedelta(minutes=1))
    assert (totals(world), stock_of(world)) == ({into: (8, 0), other: (2, 0)}, 0)


async def test_order_that_went_into_one_shown_to_have_grown_is_found_behind_those_that_changed_since() -> None:
    """The shop shows it late, when orders that changed after it were read long ago (seed 277)."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    into, gone, *others = (there.buy(FIRST, pieces) for pieces in (1, 6, 1, 1, 1))
    await world.settle(timedelta(minutes=1))
    merged_at = world.clock.now()
    world.clock.turn(timedelta(seconds=2))
    for order_id in others:
        there.orders[order_id].changed_at = world.clock.now()
    await world.settle(timedelta(minutes=1))
    there.merge(gone, into)
    there.orders[gone].changed_at = there.orders[into].changed_at = merged_at
    await world.settle(timedelta(minutes=1))
    assert (totals(world), stock_of(world)) == ({into: (7, 0), **dict.fromkeys(others, (1, 0))}, 0)


async def test_what_went_into_an_order_first_is_found_where_another_went_into_it_since() -> None:
    """The first shows late, with the second, and it is that one's date which the order has (Brick Owl's life 2228)."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    into, first, second, *others = (there.buy(FIRST, pieces) for pieces in (1, 3, 3, 1, 1, 1))
    await world.settle(timedelta(minutes=1))
    merged_at = world.clock.now()
    world.clock.turn(timedelta(seconds=2))
    for order_id in others:
        there.orders[order_id].changed_at = world.clock.now()
    await world.settle(timedelta(minutes=1))
    there.merge(first, into)
    there.orders[first].changed_at = merged_at
    there.merge(second, into)
    await world.settle(timedelta(minutes=1))
    assert (totals(world), stock_of(world)) == ({into: (7, 0), **dict.fromkeys(others, (1, 0))}, 0)


async def test_unread_order_of_which_lists_say_nothing_is_found_behind_those_that_were_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was bought while its lines could not be read is not all that is asked for next (Brick Owl's life 2228)."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    cancelled = there.buy(FIRST, 2)
    await world.settle(timedelta(minutes=1))
    order_lines = there.order_lines

    async def unless_cancelled(order_id: OrderId, ticket: Ticket) -> Sequence[OrderLine]:
        if order_id == cancelled:
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return await order_lines(order_id, ticket)

    monkeypatch.setattr(there, "order_lines", unless_cancelled)
    there.cancel(cancelled, restock=True)
    world.clock.turn(timedelta(seconds=2))
    others = [there.buy(FIRST, 1) for _ in range(4)]
    await world.settle(timedelta(minutes=1))
    monkeypatch.undo()
    await world.settle()
    assert (totals(world), stock_of(world)) == (dict.fromkeys(others, (1, 0)), 6)
    assert world.row("a").trouble is None


async def test_order_that_goes_into_another_between_two_lists_is_where_the_newer_one_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The older one still shows it behind others (seed 1016)."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    into, gone, *others = (there.buy(FIRST, pieces) for pieces in (1, 6, 1, 1, 1))
    world.clock.turn(timedelta(seconds=2))
    for order_id in others:
        there.orders[order_id].changed_at = world.clock.now()
    await world.settle(timedelta(minutes=1))
    list_orders = there.list_orders

    async def merging(page: str, ticket: Ticket) -> OrderRead:
        if page == "filed" and there.orders[gone].merged_into is None:
            world.clock.turn(timedelta(seconds=1))
            there.merge(gone, into)
        return await list_orders(page, ticket)

    monkeypatch.setattr(there, "list_orders", merging)
    world.clock.turn(world.settings.full_order_interval)
    await world.settle()
    assert there.orders[gone].merged_into == into
    assert (totals(world), stock_of(world)) == ({into: (7, 0), **dict.fromkeys(others, (1, 0))}, 0)


async def test_order_that_goes_into_one_placed_after_the_list_waits_for_the_next_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else its pieces would be an open return, and be counted where they went as well (seed 3067)."""
    world = World()
    world.shop = there = ViewedShop(world)
    await listed(world)
    gone = there.buy(FIRST, 6)
    await world.settle(timedelta(minutes=1))
    view_orders, into = there.view_orders, list[OrderId]()

    async def placing(orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        if not into:
            into.append(there.buy(FIRST, 4))
            there.merge(gone, into[0])
        return await view_orders(orders, ticket)

    monkeypatch.setattr(there, "view_orders", placing)
    await world.settle(timedelta(minutes=2))
    assert (totals(world), stock_of(world)) == ({into[0]: (10, 0)}, 0)


async def test_order_that_went_into_one_listed_late_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went from the one would else count as a return, and again as a sale of the other (Brick Owl's life 1184)."""
    world = await listed()
    gone = world.shop.buy(FIRST, 1)
    await world.settle()
    late, list_orders = world.shop.buy(FIRST, 2), world.shop.list_orders
    world.shop.merge(gone, late)

    async def list_the_others(page: str, ticket: Ticket) -> OrderRead:
        read = await list_orders(page, ticket)
        return replace(read, orders=tuple(order for order in read.orders if order.order_id != late))

    monkeypatch.setattr(world.shop, "list_orders", list_the_others)
    await world.settle(world.settings.lag_window / 2)
    assert totals(world) == {gone: (1, 0)}
    other = world.shop.buy(FIRST, 4)
    await world.settle(timedelta(seconds=10))
    assert totals(world) == {gone: (1, 0), other: (4, 0)}, "no other order waits"
    monkeypatch.undo()
    await world.settle()
    assert (totals(world), stock_of(world)) == ({late: (3, 0), other: (4, 0)}, 3)
    assert (world.shown(), world.connection.unread) == ({"a": 3}, {})


async def test_long_first_read_goes_on_where_it_was_broken_off() -> None:
    """New orders are viewed as they are read: a shop may have more of them than a minute has calls."""
    world = World()
    world.shop = there = ViewedShop(world)
    listing = there.add(replace(sample(Listing), quantity=50, for_sale=True))
    orders = [there.buy(listing, 1) for _ in range(9)]
    for breaks_after in (6, 5, 7):
        there.read_faults.extend([*[None] * breaks_after, Fault.DOWN])
    await world.connect(shop_is_empty=False)
    await world.settle(timedelta(minutes=1))
    assert len(world.store.tables.orders) == len(orders)
    # Each of the three breaks costs a few views; beginning anew with all of them would cost seven or more.
    assert sum(there.viewed[order_id] for order_id in orders[:7]) <= 7 + 3 * 4
