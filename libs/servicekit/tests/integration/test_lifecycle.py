"""Processes end as they should: real ones, with real signals."""

import asyncio
import json
import signal
import sys

import pytest

PREAMBLE = """
import asyncio
from contextlib import AsyncExitStack
from servicekit.lifecycle import run_until_signalled
from servicekit.logs import configure_logs

configure_logs("inventory")

async def forever(name):
    print("started", name, flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("ended", name, flush=True)

async def dying():
    raise ValueError("canary-of-a-dying-task")

async def ending():
    pass

async def main(*tasks):
    async with AsyncExitStack() as stack:
        stack.callback(print, "unwound", flush=True)
        asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))  # once signals are listened for
        await run_until_signalled(*tasks)
"""


async def start(tasks: str) -> asyncio.subprocess.Process:
    program = f"{PREAMBLE}\nasyncio.run(main({tasks}))"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_tasks_in_good_order(number: signal.Signals) -> None:
    process = await start("forever('one'), forever('two')")
    assert process.stdout
    said = [await process.stdout.readline() for _ in range(3)]
    process.send_signal(number)
    out, _ = await process.communicate()

    assert said == [b"ready\n", b"started one\n", b"started two\n"]
    assert sorted(out.splitlines()[:2]) == [b"ended one", b"ended two"]
    assert out.splitlines()[2:] == [b"unwound"]
    assert process.returncode == 0


async def test_without_tasks_it_waits_for_the_signal() -> None:
    process = await start("")
    assert process.stdout
    await process.stdout.readline()
    process.terminate()
    out, _ = await process.communicate()

    assert (process.returncode, out) == (0, b"unwound\n")


@pytest.mark.parametrize("task", ["dying()", "ending()"])
async def test_a_task_that_ends_takes_the_process_down(task: str) -> None:
    """With a code that says so, the others ended, everything unwound, and no text of the exception anywhere."""
    process = await start(f"forever('one'), {task}")
    out, err = await process.communicate()

    assert process.returncode == 1
    assert out.splitlines() == [b"ready", b"started one", b"ended one", b"unwound"]
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line.get("exception") for line in lines if line["level"] == "critical"] == (
        ["ValueError"] if task == "dying()" else []
    )
    assert b"canary" not in err
