"""A shop that is disconnected and connected again: what was under way then, and what was sold meanwhile (C1, K1)."""

from syncengine.rows.connection import CensusReason
from syncengine.testing.inventory import SELLER
from syncengine.testing.shop import Fault
from syncengine.testing.world import World


async def _connected() -> World:
    world = World()
    await world.connect()
    world.create("a", 10, note="a")
    await world.settle()
    assert world.shown() == {"a": 10}
    return world


async def test_what_sold_between_two_connections_counts_though_a_write_was_unanswered() -> None:
    """The write is looked at as ever, and a lot that waits for that look is told of its orders like any other."""
    world = await _connected()
    (listing_id,) = world.shop.listings
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.change("a", by=-2)
    await world.deliver()
    while not world.row("a").unknown:
        assert await world.turn()
    world.shop.buy(listing_id, 3)
    await world.connect(key_version=2, connected_at=world.clock.now())
    await world.settle()
    assert world.inventory.lots[world.row("a").lot_id].quantity == 5
    assert world.shown() == {"a": 5}


async def test_a_first_connection_that_never_read_the_shop_begins_anew() -> None:
    world = World()
    await world.connect()
    await world.connect(key_version=2, connected_at=world.clock.now())
    assert world.connection.census_reason is CensusReason.CONNECTED


async def test_a_loss_while_a_shop_is_disconnected_is_known_when_it_is_connected_again() -> None:
    """What was sent before the loss may still land: the census waits for it (rule C1)."""
    world = await _connected()
    lost_at = world.clock.now()
    world.store.tables.connections.pop(SELLER)
    world.store.tables.lost_at = lost_at
    await world.connect(connected_at=lost_at, enabled=False)
    assert world.connection.census_reason is CensusReason.DATABASE_LOST
    await world.connect(connected_at=world.clock.now(), key_version=2)
    assert world.connection.census_reason is CensusReason.DATABASE_LOST
