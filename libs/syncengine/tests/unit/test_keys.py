"""Keys that are wrong, replaced, or of another shop (rule O2)."""

from datetime import timedelta

import pytest

from syncengine.listing import ListingId, LotId, OrderRead
from syncengine.marketplace import Halted, ReadFailedError, Ticket
from syncengine.rows.connection import CensusReason
from syncengine.testing.shop import Fault
from syncengine.testing.world import World, connected


async def test_wrong_key_halts_and_ends_by_itself() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.deliver()
    world.shop.read_faults.append(Fault.WRONG_KEY)
    world.clock.turn(timedelta(seconds=10))
    await world.turn()
    assert world.connection.halted == "WRONG_KEY"
    world.clock.turn(world.settings.halt_probe_interval)
    await world.settle()
    assert world.connection.halted == ""
    assert world.shown() == {"a": 10}


async def test_replaced_keys_are_followed_by_a_census_and_then_by_what_waited() -> None:
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.buy(ListingId("1001"), 2)
    world.change("a", by=-3)
    await world.connect(key_version=2)
    await world.settle()
    assert world.shown() == {"a": 5}
    assert world.inventory.lots[LotId("a")].quantity == 5


async def test_wrong_keys_twice_and_then_right_ones_go_on_at_once() -> None:
    """Each set of keys begins anew, also while the census that an earlier one asked for has not been taken."""
    world = World()
    world.create("a", 10, note="a")
    world.shop.read_faults += [Fault.WRONG_KEY, Fault.WRONG_KEY]
    for key_version in (1, 2):
        await world.connect(key_version=key_version)
        await world.settle(timedelta(seconds=10))
        assert world.connection.halted == "WRONG_KEY"
    await world.connect(key_version=3)
    await world.settle()
    assert world.connection.halted == ""
    assert world.shown() == {"a": 10}


@pytest.mark.parametrize("refused", [False, True])
async def test_keys_that_come_during_a_call_are_taken_up_after_it(
    monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """The census they ask for is not forgotten, and what the call says of the keys before them does not halt them."""
    world = await connected()
    list_orders = world.shop.list_orders

    async def keys_come(page: str, ticket: Ticket) -> OrderRead:
        monkeypatch.undo()
        await world.connect(key_version=2)
        if refused:
            raise ReadFailedError(Halted(reason="WRONG_KEY"))
        return await list_orders(page, ticket)

    monkeypatch.setattr(world.shop, "list_orders", keys_come)
    world.clock.turn(world.settings.order_poll_interval)
    assert await world.turn()
    assert (world.connection.census_reason, world.connection.halted) == (CensusReason.KEYS_REPLACED, "")
    world.create("a", 10, note="a")
    await world.settle()
    assert world.connection.census_reason is None
    assert world.shown() == {"a": 10}


async def test_keys_of_another_shop_write_nothing() -> None:
    """Rule W1: the name in its orders is not the one pinned."""
    world = await connected()
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.buy(ListingId("1001"), 1)
    world.shop.seller_name = "somebody-else"
    await world.connect(key_version=2)
    world.change("a", by=-3)
    writes = len(world.shop.writes)
    await world.settle()
    assert world.connection.halted == "ANOTHER_SHOP"
    assert len(world.shop.writes) == writes


@pytest.mark.parametrize(
    ("typed", "halt"), [({"shop_name": "tseters"}, "ANOTHER_SHOP"), ({"currency_code": "USD"}, "ANOTHER_CURRENCY")]
)
async def test_what_was_typed_wrong_can_be_corrected_and_what_an_order_proved_cannot(
    typed: dict[str, str], halt: str
) -> None:
    """Rule W1."""
    world = World()
    await world.connect(**typed)  # type: ignore[arg-type]
    world.create("a", 10, note="a")
    await world.settle()
    world.shop.buy(ListingId("1001"), 1)
    await world.settle()
    assert world.connection.halted == halt
    await world.connect(key_version=2)
    await world.settle()
    assert (world.connection.halted, world.shown()) == ("", {"a": 9})
    await world.connect(key_version=3, **typed)  # type: ignore[arg-type]
    await world.settle()
    assert world.connection.halted == halt


async def test_wrong_key_shows_before_any_lot_has_come() -> None:
    world = World()
    world.shop.read_faults.append(Fault.WRONG_KEY)
    await world.connect()
    await world.turn()
    assert world.connection.halted == "WRONG_KEY"
    world.clock.turn(world.settings.halt_probe_interval)
    world.create("a", 10, note="a")
    await world.settle()
    assert world.shown() == {"a": 10}
