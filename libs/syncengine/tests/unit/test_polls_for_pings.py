"""Pings bring the next poll forward within a cap of their own, and nothing else (rules B3, S1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.listing import ListingId
from syncengine.marketplace import Halted, ReadFailedError, Shop, Ticket
from syncengine.pings import brought_forward
from syncengine.rows.connection import CensusReason, ConnectionRow
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import SELLER
from syncengine.testing.operator import Operator
from syncengine.testing.shop import FACTS
from syncengine.testing.world import QUICK, World

SELDOM = replace(QUICK, order_poll_interval=timedelta(minutes=10), order_poll_longest=timedelta(minutes=30))
NOW = HandClock().now()
FEW = replace(FACTS, limit=replace(FACTS.limit, calls=1000))
CONNECTED = ConnectionRow(seller_id=SELLER, enabled=True, orders_read_at=NOW)


async def connected() -> World:
    """One lot in a shop whose orders are read seldom."""
    world = World(settings=SELDOM)
    world.create("a", 10, note="a")
    await world.connect()
    await world.settle(timedelta(minutes=1))
    return world


async def test_a_ping_has_orders_read_at_once_and_once() -> None:
    world = await connected()
    operator = Operator(world)
    token = (await operator.ask("GetPingToken", pb.GetPingTokenRequest())).token
    assert (len(token), token) == (43, (await operator.ask("GetPingToken", pb.GetPingTokenRequest())).token)
    assert not (await operator.connection()).HasField("last_ping_at")
    world.shop.buy(ListingId("1001"), 4)
    calls = world.shop.calls
    for _ in range(2):
        await operator.ask("Ping", pb.PingRequest(token=token))
    for _ in range(10):
        await world.turn()
        await world.deliver()
    assert world.inventory.lots[world.row("a").lot_id].quantity == 6
    assert world.shop.calls == calls + 2  # the list, and the order's lines
    assert (await operator.connection()).HasField("last_ping_at")


@pytest.mark.parametrize("ping", [pb.PingRequest(), pb.PingRequest(token="t" * 43), pb.PingRequest(shop_number="5001")])
async def test_a_ping_that_names_nobody_is_answered_alike_and_does_nothing(ping: pb.PingRequest) -> None:
    world = await connected()
    operator = Operator(world)
    before = world.connection
    assert await operator.ask("Ping", ping) == pb.PingResponse()
    assert world.connection == before


def test_beyond_the_cap_hints_wait_for_their_places() -> None:
    """Of a thousand calls eighty a day: twenty at once, then one in eighteen minutes."""
    connection, at_once, now = CONNECTED, 0, NOW
    for _ in range(100):
        connection = replace(brought_forward(connection, FEW, Settings(), now), orders_read_at=now)
        at_once += connection.ping_due_at == now
        connection = replace(connection, ping_due_at=None)
    assert at_once == 20
    waiting = brought_forward(connection, FEW, Settings(), now)
    assert waiting.ping_due_at is not None
    apart = timedelta(minutes=18)
    assert now + timedelta(0) < waiting.ping_due_at <= now + 2 * apart
    later = brought_forward(replace(connection, ping_due_at=None), FEW, Settings(), now + 25 * apart)
    assert later.ping_due_at == now + 25 * apart


def test_a_day_of_endless_hints_costs_no_more_than_their_share() -> None:
    connection, polls, now = CONNECTED, 0, NOW
    while now < NOW + timedelta(days=1):
        connection = brought_forward(connection, FEW, Settings(), now)
        if connection.ping_due_at is not None and connection.ping_due_at <= now:
            polls += 1
            connection = replace(connection, ping_due_at=None)
        now += timedelta(minutes=1)
    assert 80 <= polls <= 80 + Settings().pings_at_once


def test_places_that_a_clock_since_set_back_has_booked_do_not_hold_hints_for_long() -> None:
    ahead = replace(CONNECTED, ping_free_at=NOW + timedelta(days=300))
    planned = brought_forward(ahead, FEW, Settings(), NOW)
    assert planned.ping_due_at is not None
    assert planned.ping_due_at <= NOW + timedelta(minutes=18)


@pytest.mark.parametrize(
    "connection",
    [
        replace(CONNECTED, enabled=False),
        replace(CONNECTED, halted="WRONG_KEY"),
        replace(CONNECTED, census_reason=CensusReason.CONNECTED),
    ],
)
def test_where_nothing_is_polled_a_hint_changes_nothing(connection: ConnectionRow) -> None:
    assert brought_forward(connection, FACTS, Settings(), NOW) == connection


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_shop_is_asked_once_to_send_its_pings_and_named_by_its_number(
    monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    """One that refuses stops nothing."""
    world = World(settings=SELDOM)
    world.shop.facts = replace(world.shop.facts, pings_to="127.0.0.1", tells_shop=True)
    asked: list[str] = []

    async def identify(ticket: Ticket) -> Shop:
        return Shop(name="testers", currency_code="EUR", number="5001")

    async def send_pings(address: str, ticket: Ticket) -> None:
        asked.append(address)
        if refuses:
            raise ReadFailedError(Halted(reason="NO_PERMISSION"))

    monkeypatch.setattr(world.shop, "identify", identify)
    monkeypatch.setattr(world.shop, "send_pings", send_pings)
    world.create("a", 10, note="a")
    await world.connect()
    await world.settle(timedelta(minutes=1))
    assert (asked, world.connection.halted, world.shown()) == (["127.0.0.1"], "", {"a": 10})
    await Operator(world).ask("Ping", pb.PingRequest(shop_number="5001"))
    assert world.connection.pinged_at is not None


async def test_keys_that_come_while_a_shop_is_asked_have_theirs_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be of another shop (rule W1)."""
    world = World(settings=SELDOM)
    world.shop.facts = replace(world.shop.facts, pings_to="127.0.0.1", tells_shop=True)
    asked: list[int] = []

    async def identify(ticket: Ticket) -> Shop:
        return Shop(name="testers", currency_code="EUR", number="5001")

    async def send_pings(address: str, ticket: Ticket) -> None:
        asked.append(world.connection.key_version)
        if asked == [1]:
            await world.connect(key_version=2)

    monkeypatch.setattr(world.shop, "identify", identify)
    monkeypatch.setattr(world.shop, "send_pings", send_pings)
    await world.connect()
    await world.settle(timedelta(minutes=1))
    assert asked == [1, 2]
