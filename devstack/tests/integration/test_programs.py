"""Starting and ending programs, and that nothing outlives who started it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import psutil
import pytest

from devstack.problems import Problem
from devstack.programs import Program, Running, end_leftovers


def _program(
    folder: Path, code: str, *, tries: int = 1, check: Callable[[], bool] = lambda: True, stop_within: float = 15
) -> Program:
    return Program(
        name="probe",
        command=(sys.executable, "-c", code),
        environment={},
        folder=folder,
        check=check,
        stop_within=stop_within,
        ready_within=30,
        tries=tries,
    )


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_program_that_ends_before_it_is_ready_shows_why(tmp_path: Path) -> None:
    running = Running(_program(tmp_path, "raise SystemExit('no such file')", check=lambda: False))
    with pytest.raises(Problem, match=r"probe ended with exit code 1 before it was ready(.|\n)*no such file"):
        running.wait_ready()


def test_a_moments_trouble_is_tried_again(tmp_path: Path) -> None:
    """As PostgreSQL's: after kill -9 its own children hold what it needs for a moment."""
    code = (
        "import pathlib, time\n"
        "if not pathlib.Path('tried').exists():\n"
        "    pathlib.Path('tried').touch()\n"
        "    raise SystemExit('busy')\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    log = tmp_path / "logs" / "probe.log"
    running = Running(_program(tmp_path, code, tries=2, check=lambda: "up" in log.read_text()))
    running.wait_ready()
    assert "busy" in running.log_text()
    running.kill()


def test_one_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    running = Running(_program(tmp_path, code, stop_within=0.5))
    _eventually(lambda: "deaf" in running.log_text())
    assert running.stop() == -SIGKILL
    assert not running.ended_well


def test_a_paused_one_hears_that_it_should_stop(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(15, lambda *a: sys.exit(0)); print('up', flush=True); time.sleep(60)"
    )
    running = Running(_program(tmp_path, code))
    _eventually(lambda: "up" in running.log_text())
    running.pause()
    _eventually(lambda: psutil.Process(running.pid).status() == psutil.STATUS_STOPPED)
    assert running.stop() == 0
    assert running.ended_well


def test_nothing_outlives_a_devstack_that_is_killed(tmp_path: Path) -> None:
    """Also not one started from a thread that has ended, which is what the kernel looks at."""
    starter = f"""
import threading, time
from pathlib import Path
from devstack.programs import Program, Running
def start():
    program = Program(name="probe", command=({sys.executable!r}, "-c", "import time; time.sleep(60)"), environment={{}},
                      folder=Path({str(tmp_path)!r}), check=lambda: True)
    print(Running(program).pid, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(60)
"""
    with subprocess.Popen((sys.executable, "-c", starter), stdout=subprocess.PIPE, text=True) as devstack:
        assert devstack.stdout is not None
        child = int(devstack.stdout.readline())
        assert not _is_gone(child)
        devstack.kill()
    _eventually(lambda: _is_gone(child))


def test_the_next_start_ends_what_an_earlier_one_left(tmp_path: Path) -> None:
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)")) as leftover:
        noted = {"pid": leftover.pid, "created": psutil.Process(leftover.pid).create_time()}
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "inventory.pid").write_text(json.dumps(noted))
        (tmp_path / "run" / "gateway.pid").write_text('{"pid":')
        assert end_leftovers(tmp_path) == ["inventory"]
        assert _is_gone(leftover.pid)
    assert list((tmp_path / "run").iterdir()) == []


def test_another_process_that_got_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)")) as stranger:
        noted = {"pid": stranger.pid, "created": psutil.Process(stranger.pid).create_time() - 100}
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "inventory.pid").write_text(json.dumps(noted))
        assert end_leftovers(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()
