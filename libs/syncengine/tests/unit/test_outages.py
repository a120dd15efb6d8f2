"""A shop that is down for hours, and one that refuses a price: nothing is parked for an outage, nothing delays less."""

from collections import deque
from datetime import timedelta

import pytest

from syncengine.listing import Item
from syncengine.marketplace import Create, Outcome, Refused, Remove, Ticket, Update, Write
from syncengine.testing.shop import Fault
from syncengine.testing.world import World

OUTAGE = timedelta(hours=6)
TRIES = 100
"""Calls that an outage of six hours may cost: with the longest back-off of ten minutes and full jitter some 50."""


class Always(deque[Fault | None]):
    """The same fault for each call until it is taken away."""

    def popleft(self) -> Fault | None:
        return self[0]


def an_item(number: str) -> Item:
    return Item(item_type="PART", number=number, color_id=5, condition="NEW", completeness="")


async def trading(*names: str) -> World:
    world = World()
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in names:
        world.create(name, 10, an_item(name), note=name)
    await world.settle()
    assert world.shown() == dict.fromkeys(names, 10)
    return world


@pytest.mark.parametrize("write_fault", [Fault.DOWN, Fault.DROP_BEFORE])
@pytest.mark.parametrize("in_flight", [False, True])
async def test_six_hours_of_503_park_nothing(write_fault: Fault, in_flight: bool) -> None:
    """Outages never count towards parking (rule F3), and each lot costs one write when the shop is back."""
    world = await trading("less", "more", "price", "gone")
    if in_flight:
        world.shop.write_faults.append(write_fault)
        world.change("more", by=1)
        await world.deliver()
        await world.turn()
    world.shop.read_faults, world.shop.write_faults = Always([Fault.DOWN]), Always([write_fault])
    world.create("new", 4, an_item("new"), note="new")
    before, written = world.shop.calls, len(world.shop.writes)
    for hour in range(6):
        world.change("less", by=-1)
        world.change("more", by=2, cost=f"0.{hour:04}")
        world.change("price", price=f"0.2{hour:03}")
        world.change("gone", by=-10 if hour == 0 else 0)
        await world.settle(OUTAGE / 6)
    assert len(world.shop.writes) == written
    assert world.shop.calls - before <= TRIES
    assert [row.lot_id for row in world.store.tables.listings.values() if row.parked or row.trouble] == []
    assert (world.connection.halted, world.connection.census_alarm) == ("", "")

    world.shop.read_faults, world.shop.write_faults = deque(), deque()
    await world.settle(timedelta(minutes=15))
    assert world.shown() == {"less": 4, "more": 22 + in_flight, "price": 10, "new": 4}
    done = [type(write.write) for write in world.shop.writes[written:]]
    assert sorted(done, key=str) == sorted([Update, Update, Update, Remove, Create], key=str)
    for row in world.store.tables.listings.values():
        assert set(row.settled.values()) == {row.revision}, row


async def test_a_refused_price_delays_no_decrease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule F1: neither the decrease in the same change nor those that come while the price is parked."""
    world = await trading("a")
    send, refused = world.shop.send, 0

    async def picky(write: Write, ticket: Ticket) -> Outcome:
        nonlocal refused
        if isinstance(write, Update) and "price" in write.fields:
            refused += 1
            return Refused(reason="REFUSED")
        return await send(write, ticket)

    monkeypatch.setattr(world.shop, "send", picky)
    for number, left in enumerate((7, 5, 4), start=1):
        asked = world.clock.now()
        price = {"price": f"9.000{number}"} if number < 3 else {}
        world.change("a", by=left - world.shown()["a"], **price)
        await world.settle(timedelta(seconds=10))
        assert world.shown()["a"] == left
        assert world.shop.writes[-1].at - asked <= timedelta(seconds=2), "at once, but for one refusal"
        assert world.row("a").parked.keys() == {"price"}
    assert refused == 4, "each new price with the quantity and then alone"


async def test_a_number_seen_before_an_outage_is_not_asked_about_after_it() -> None:
    """A buyer came at the moment of the look, so it has two explanations: what is there now tells (life 4365)."""
    world = await trading("a")
    [listing_id] = world.shop.listings
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.change("a", by=-1)
    await world.deliver()
    await world.turn()
    late = world.shop.orders.pop(world.shop.buy(listing_id, 8))  # the shop lists it later
    await world.settle(timedelta(seconds=2))
    while world.row("a").observed is None:
        world.clock.turn(timedelta(seconds=1))
        await world.turn()
    world.shop.buy(listing_id, 1)
    assert not world.shop.listings
    world.shop.orders[late.order_id] = late
    world.shop.read_faults = Always([Fault.DOWN])
    await world.settle(OUTAGE)
    assert world.row("a").observed is not None
    world.shop.read_faults = deque()
    await world.settle(timedelta(minutes=15))
    row = world.row("a")
    assert (row.trouble, row.listing_id, row.unknown) == (None, None, False)
    assert (row.desired.quantity, set(row.settled.values())) == (0, {row.revision})
