"""Steps that are repeated beside the calls."""

import asyncio
import logging

import pytest

from inventory.background import Repeated


async def test_a_step_is_repeated_at_once_while_there_is_more() -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def step() -> bool:
        seen.append(len(seen))
        if len(seen) == 5:
            done.set()
        return len(seen) < 5

    task = asyncio.create_task(Repeated("test", step, idle_seconds=3600).run())
    await done.wait()
    task.cancel()
    await asyncio.wait([task])
    assert seen == list(range(5))


async def test_an_idle_step_is_woken_up() -> None:
    started = asyncio.Queue[None]()

    async def step() -> bool:
        started.put_nowait(None)
        return False

    repeated = Repeated("test", step, idle_seconds=3600)
    task = asyncio.create_task(repeated.run())
    await started.get()
    repeated.wake()
    async with asyncio.timeout(5):
        await started.get()
    task.cancel()
    await asyncio.wait([task])


async def test_a_step_that_fails_is_repeated_and_told(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()
    failures = iter([ValueError("a fault of ours"), OSError("the database is away")])

    async def step() -> bool:
        if (failure := next(failures, None)) is not None:
            raise failure
        done.set()
        return False

    with caplog.at_level(logging.ERROR):
        task = asyncio.create_task(Repeated("import", step, idle_seconds=0).run())
        async with asyncio.timeout(5):
            await done.wait()
    task.cancel()
    await asyncio.wait([task])
    assert [record.__dict__["step"] for record in caplog.records] == ["import", "import"]
