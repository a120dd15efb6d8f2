"""What end-to-end and chaos tests lean on: one process of the whole is ended, paused, doubled, and comes back."""

import asyncio
from collections.abc import Callable
from functools import partial

from devstack.health import GrpcHealth
from devstack.services import ORDER, PROBE
from devstack.testing import Stack
from product.waiting import until


async def _in_time(healthy: Callable[[], bool]) -> None:
    """Wait until it answers that should be up: one probe gives up after a second, which a busy machine may take."""
    await until(lambda: asyncio.to_thread(healthy), bool)


async def test_everything_is_healthy(stack: Stack) -> None:
    for name in ORDER:
        await _in_time(partial(stack.is_healthy, name))


async def test_a_killed_service_comes_back_where_it_was(stack: Stack) -> None:
    before, address = stack.running["inventory"].pid, stack.address("inventory")
    stack.kill("inventory")
    assert not stack.is_healthy("inventory")
    stack.start_again("inventory")
    await _in_time(lambda: stack.is_healthy("inventory"))
    assert stack.address("inventory") == address
    assert stack.running["inventory"].pid != before


async def test_a_paused_service_does_not_answer_until_it_is_resumed(stack: Stack) -> None:
    stack.pause("credentials")
    assert not stack.is_healthy("credentials")
    stack.resume("credentials")
    await _in_time(lambda: stack.is_healthy("credentials"))


def test_sigterm_ends_a_service_in_good_order(stack: Stack) -> None:
    assert stack.terminate("gateway") == 0
    stack.start_again("gateway")


async def test_a_second_instance_answers_under_the_same_name_elsewhere(stack: Stack) -> None:
    name = stack.start_second("sync-bricklink")
    assert name == "sync-bricklink-2"
    assert stack.address(name) != stack.address("sync-bricklink")
    port = int(stack.address(name).rpartition(":")[2])
    probe = GrpcHealth(port, service="sync-bricklink", tls=stack.tls(PROBE))
    await _in_time(probe)
    probe.close()
    third = stack.start_second("sync-bricklink")
    assert third == "sync-bricklink-3"
    for second in (name, third):  # whoever comes after expects one of each
        assert stack.terminate(second) == 0
        del stack.running[second]


def test_a_stranger_gets_no_answer_from_a_service(stack: Stack) -> None:
    """The probe's certificate is what opens health: another authority's does not."""
    port = int(stack.address("inventory").rpartition(":")[2])
    probe = GrpcHealth(port, service="gateway", tls=stack.tls(PROBE))
    assert not probe()
    probe.close()
