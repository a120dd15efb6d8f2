"""What a seller wants fields to be that inventory does not say, and how lots that were there get it."""

from dataclasses import replace

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from syncengine import defaults
from syncengine.absorb import LotNews, filled
from syncengine.lane import Lane
from syncengine.listing import Group, LotId
from syncengine.rows.listing import Parked
from syncengine.store.protocol import FencedError
from syncengine.testing.inventory import BRICK
from syncengine.testing.operator import Operator
from syncengine.testing.world import World


def leave_unsaid(world: World) -> None:
    """Have the lots whose cost is the usual not say it."""
    world.inventory.news = [
        replace(news, lot=replace(news.lot, unsaid=frozenset({"cost"})))
        if isinstance(news, LotNews) and news.lot.fields["cost"] == "usual"
        else news
        for news in world.inventory.news
    ]


async def a_world(lots: int) -> tuple[World, Operator]:
    """Lots of which every second does not say its cost."""
    world = World()
    world.shop.facts = replace(world.shop.facts, choices={"cost": ("usual", "fine", "poor")})
    await world.connect()
    await world.settle()
    for each in range(lots):
        name = f"lot{each}"
        world.create(name, 5, replace(BRICK, number=name), note=name, cost="usual" if each % 2 else "own")
    leave_unsaid(world)
    await world.settle()
    return world, Operator(world)


def costs(world: World) -> dict[str, object]:
    return {str(listing.fields["note"]): listing.fields["cost"] for listing in world.shop.listings.values()}


async def set_cost(operator: Operator, value: str) -> None:
    await operator.ask("SetDefault", pb.SetDefaultRequest(field="cost", value=value))


async def test_a_change_is_sent_for_lots_that_leave_it_unsaid_and_for_no_other() -> None:
    world, operator = await a_world(4)
    [told] = (await operator.ask("ListDefaults", pb.ListDefaultsRequest())).defaults
    assert (told.field, told.value, list(told.choices)) == ("cost", "usual", ["usual", "fine", "poor"])
    for value in ("fine", "poor", "fine", "poor"):  # in one revision, yet no futile try (rule F3)
        await set_cost(operator, value)
        await world.settle()
        assert costs(world) == {"lot0": "own", "lot1": value, "lot2": "own", "lot3": value}
    assert world.connection.defaults_since is None


async def test_a_lot_that_comes_later_is_as_the_seller_wants_it() -> None:
    world, operator = await a_world(0)
    await set_cost(operator, "poor")
    world.create("late", 5, note="late", cost="usual")
    leave_unsaid(world)
    await world.settle()
    assert costs(world) == {"late": "poor"}


async def test_what_was_set_aside_for_the_former_value_is_tried_again() -> None:
    world, operator = await a_world(2)
    row = world.row("lot1")
    refused = Parked(reason="REFUSED", revision=row.revision, values={"cost": "usual", "retain": False})
    world.store.tables.listings[row.lot_id] = replace(row, parked={Group.REST: refused})
    await set_cost(operator, "fine")
    await world.settle()
    assert (costs(world)["lot1"], world.row("lot1").parked) == ("fine", {})


async def test_many_lots_are_given_it_some_at_a_time_and_anew_if_that_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    world, operator = await a_world(10)
    given: list[int] = []
    give = defaults._give

    async def cut_once(lane: Lane, lots: list[LotId]) -> None:
        given.append(len(lots))
        if len(given) == 2:
            raise FencedError
        await give(lane, lots)

    monkeypatch.setattr(defaults, "_LOTS_AT_ONCE", 2)
    monkeypatch.setattr(defaults, "_give", cut_once)
    await set_cost(operator, "fine")
    await world.settle()
    assert given == [2, 2, 2, 2, 1]
    assert {name for name, cost in costs(world).items() if cost == "fine"} == {f"lot{each}" for each in range(1, 10, 2)}


@pytest.mark.parametrize(("field", "value"), [("price", "1"), ("cost", "other"), ("", "")])
async def test_what_is_no_choice_is_refused_by_its_name(field: str, value: str) -> None:
    _, operator = await a_world(0)
    with pytest.raises(InvalidField):
        await operator.ask("SetDefault", pb.SetDefaultRequest(field=field, value=value))


async def test_a_default_fills_only_what_is_unsaid() -> None:
    world, _ = await a_world(2)
    connection = replace(world.connection, defaults={"cost": "fine", "gone": "x"})
    said, unsaid = world.row("lot0").desired, world.row("lot1").desired
    assert filled(said, connection) == said
    assert filled(unsaid, connection).fields == {**unsaid.fields, "cost": "fine"}
