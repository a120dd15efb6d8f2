"""The operators' switches (design, Flags)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from servicekit.config import ConfigError
from syncengine.service.flags import Flags, flags_of
from syncengine.testing.world import World


@pytest.mark.parametrize(
    ("environ", "flags"),
    [
        ({}, Flags(may_call=True, may_send=True)),
        ({"PATH": "/bin", "BRICKOWL_SYNC_ENABLED": "false"}, Flags(may_call=True, may_send=True)),
        ({"BRICKLINK_SYNC_ENABLED": "false"}, Flags(may_call=True, may_send=False)),
        ({"INVENTORY_SYNC_ENABLED": "0"}, Flags(may_call=True, may_send=False)),
        ({"DISABLE_EXTERNAL_CALLS": "true"}, Flags(may_call=False, may_send=False)),
        ({"DISABLE_EXTERNAL_CALLS": "no", "INVENTORY_SYNC_ENABLED": "yes"}, Flags(may_call=True, may_send=True)),
    ],
)
def test_switches(environ: Mapping[str, str], flags: Flags) -> None:
    assert flags_of("bricklink", environ) == flags


@pytest.mark.parametrize("name", ["BRICKLINK_SYNC_ENABLED", "INVENTORY_SYNC_ENABLED", "DISABLE_EXTERNAL_CALLS"])
def test_a_switch_that_says_neither_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        flags_of("bricklink", {name: "perhaps"})


async def test_what_is_not_sent_moves_no_ledger_and_goes_out_later() -> None:
    world = World()
    await world.connect()
    world.create("a", 10, note="a")
    await world.settle()
    world.settings = replace(world.settings, may_send=False)
    world.change("a", by=-4)
    world.create("b", 3, note="b")
    await world.settle()
    assert world.shown() == {"a": 10}
    assert world.row("a").ledger == 10
    world.settings = replace(world.settings, may_send=True)
    await world.settle()
    assert world.shown() == {"a": 6, "b": 3}
