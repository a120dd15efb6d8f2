"""One lot, one order page or one answer that never comes right: whatever else there is to do does not wait for it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from syncengine.listing import Item, ListingId, ListingRead, ListRead, OrderRead
from syncengine.marketplace import Later, Outcome, ReadFailedError, Remove, Ticket, Unknown, Update, Write
from syncengine.settings import Settings
from syncengine.testing.shop import Fault
from syncengine.testing.world import QUICK, World

MINUTE = timedelta(minutes=1)


async def trading(*names: str, settings: Settings = QUICK) -> World:
    world = World(settings=settings)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for name in names:
        item = Item(item_type="PART", number=name, color_id=5, condition="NEW", completeness="")
        world.create(name, 100, item, note=name)
    await world.settle(MINUTE)
    assert world.shown() == dict.fromkeys(names, 100)
    return world


async def sell_elsewhere(world: World, name: str, times: int) -> None:
    """Take a piece out each minute; it must be gone from the shop within three seconds."""
    for _ in range(times):
        wanted = world.shown()[name] - 1
        world.change(name, by=-1)
        await world.settle(timedelta(seconds=3))
        assert world.shown()[name] == wanted
        await world.settle(MINUTE)


async def test_a_listing_that_cannot_be_read_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at ever less often, though the shop answers every other call, and settled once it can be read."""
    world = await trading("sick", "well")
    sick, read, tries = world.row("sick").listing_id, world.shop.read, list[datetime]()

    async def read_others(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        if listing_id == sick:
            tries.append(world.clock.now())
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return await read(listing_id, ticket)

    monkeypatch.setattr(world.shop, "read", read_others)
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.change("sick", by=-5)
    await world.settle(MINUTE)
    assert world.row("sick").unknown
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.change("well", by=-1)
    await world.settle(MINUTE)
    assert world.shown() == {"sick": 100, "well": 99}, "the other's look found out, and it was sent again"
    await sell_elsewhere(world, "well", 20)
    assert len(tries) <= 14
    assert tries[2] - tries[0] <= timedelta(seconds=5), "bad luck is no sickness"
    monkeypatch.undo()
    await world.settle(world.settings.halt_probe_interval + MINUTE)
    assert world.shown() == {"sick": 95, "well": 79}
    assert (world.row("sick").unseen, world.row("well").unseen) == (0, 0)


async def test_looks_that_orders_broke_off_go_on_soon_after_these_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls bring orders, and a look none after a listing: that is no lot's sickness, and none waits long for it."""
    world = await trading("a")
    read, list_orders, in_look = world.shop.read, world.shop.list_orders, False

    async def look(listing_id: ListingId, ticket: Ticket) -> ListingRead:
        nonlocal in_look
        in_look = True
        return await read(listing_id, ticket)

    async def break_off(page: str, ticket: Ticket) -> OrderRead:
        nonlocal in_look
        if in_look:
            in_look = False
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return await list_orders(page, ticket)

    monkeypatch.setattr(world.shop, "read", look)
    monkeypatch.setattr(world.shop, "list_orders", break_off)
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.change("a", by=-5)
    await world.settle(20 * MINUTE)
    assert world.row("a").unknown
    monkeypatch.undo()
    await world.settle(10 * QUICK.late_window + QUICK.backoff_cap)
    assert (world.shown(), world.row("a").unknown) == ({"a": 95}, False)


async def test_a_list_that_was_read_ends_what_put_looks_for_a_create_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it shows no listing yet."""
    world = await trading("a")
    read_all, failures = world.shop.read_all, 4

    async def read_at_last(ticket: Ticket) -> ListRead:
        nonlocal failures
        if failures:
            failures -= 1
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        return await read_all(ticket)

    monkeypatch.setattr(world.shop, "read_all", read_at_last)
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.create("b", 10, Item(item_type="PART", number="b", color_id=5, condition="NEW", completeness=""), note="b")
    while failures:
        await world.settle(timedelta(seconds=1))
    assert world.row("b").unseen == 4
    while world.row("b").unseen:
        await world.settle(timedelta(seconds=1))
    assert world.row("b").unknown, "one list alone does not prove that it was not done"
    await world.settle(2 * MINUTE)
    assert world.shown() == {"a": 100, "b": 10}


async def test_a_lot_whose_writes_are_never_answered_is_sent_ever_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try costs a look, of calls that all lots share; a new change of the lot is tried at once (rule B2)."""
    world = await trading("sick", "well")
    sick, send, tries = world.row("sick").listing_id, world.shop.send, 0

    async def send_others(write: Write, ticket: Ticket) -> Outcome:
        nonlocal tries
        if isinstance(write, Update | Remove) and write.listing_id == sick:
            tries += 1
            return Unknown(reason="SERVER_ERROR")
        return await send(write, ticket)

    monkeypatch.setattr(world.shop, "send", send_others)
    world.change("sick", by=-5)
    await sell_elsewhere(world, "well", 20)
    assert 5 <= tries <= 10
    world.change("sick", by=-1)
    before = tries
    await world.settle(timedelta(seconds=2))
    assert tries == before + 1
    monkeypatch.undo()
    await world.settle(world.settings.halt_probe_interval + MINUTE)
    assert world.shown() == {"sick": 94, "well": 80}
    assert world.row("sick").undone == 0


async def test_orders_that_cannot_be_read_keep_no_decrease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders come first, but writes have their turn when that read failed, after the pause that follows it."""
    world = await trading("a")

    async def list_none(page: str, ticket: Ticket) -> OrderRead:
        raise ReadFailedError(Later(reason="SHOP_DOWN"))

    monkeypatch.setattr(world.shop, "list_orders", list_none)
    await world.settle(timedelta(seconds=30))
    assert world.connection.failures > 1
    world.change("a", by=-1)
    await world.settle(QUICK.backoff_cap)
    assert world.shown() == {"a": 99}


def deadlines_of(world: World, monkeypatch: pytest.MonkeyPatch, *answers: timedelta | None) -> Sequence[timedelta]:
    """Give the next reads of orders these answers, each after so long, None: none; what they were given, as a list."""
    waiting, given, list_orders = list(answers), list[timedelta](), world.shop.list_orders

    async def take_long(page: str, ticket: Ticket) -> OrderRead:
        given.append(ticket.deadline)
        takes = waiting.pop(0) if waiting else timedelta()
        if takes is None or takes > ticket.deadline:
            world.clock.turn(ticket.deadline)
            raise ReadFailedError(Later(reason="SHOP_DOWN"))
        world.clock.turn(takes)
        return await list_orders(page, ticket)

    monkeypatch.setattr(world.shop, "list_orders", take_long)
    return given


async def test_a_read_is_given_up_early_and_given_longer_when_it_fails_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that never comes keeps the connection for ten seconds, not for the two minutes that a page may take."""
    settings = Settings()
    world = await trading("a", settings=settings)
    given = deadlines_of(world, monkeypatch, None, None, None, None)
    await world.settle(10 * MINUTE)
    times = [each / settings.reply_patience for each in given[:6]]
    assert times == [1, 1, 2, 2, 4, 1]


async def test_a_shop_that_answers_slowly_is_given_its_time_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For an hour after: else each of its pages would be asked for several times before it is had."""
    settings = Settings()
    world = await trading("a", settings=settings)
    given = deadlines_of(world, monkeypatch, *[timedelta(seconds=15)] * 4)
    await world.settle(3 * MINUTE)
    assert (
        given[:5]
        == [settings.reply_patience, settings.reply_patience, settings.reply_patience * 2]
        + [settings.list_deadline] * 2
    )
    await world.settle(settings.slow_for + MINUTE)
    assert given[-1] == settings.reply_patience
