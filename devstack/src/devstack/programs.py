"""Starting a program, knowing when it is healthy, and ending it in every way that a person or a test may want.

The same code starts PostgreSQL, Apache Kafka and every service, in `make run` and in tests.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from devstack.problems import GivenUp, Problem

_LAUNCHER = Path(__file__).with_name("launch.py")
_CHECK_INTERVAL = 0.05  # seconds

# Linux ties the death signal to the *thread* that started a child. All children are therefore started by one thread
# that lives as long as this process, so that a test may call from a thread that ends.
_starter = ThreadPoolExecutor(1, thread_name_prefix="devstack-starter")


@dataclass(frozen=True, kw_only=True)
class Program:
    """Something to run: what it is called, how it starts, and how to tell that it works."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]  # all of it: nothing is inherited
    folder: Path  # where its log and pid file go
    check: Callable[[], bool]  # healthy now? must answer within a second or so
    port: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 15.0  # seconds of grace before it is killed
    death_signal: signal.Signals = signal.SIGKILL  # what it gets when devstack itself is killed
    ready_within: float = 60.0  # seconds
    clean_exits: frozenset[int] = frozenset({0})  # codes that mean it ended as asked
    tries: int = 1  # starts that may fail before it is said to have failed

    @property
    def log(self) -> Path:
        """The file that holds all it writes; only ever appended to."""
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Says which process it is, for the next start if this one ends without tidying up."""
        return self.folder / "run" / f"{self.name}.pid"


class Running:
    """A program that was started. Blocking calls; safe to use from any thread, one at a time."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._popen = _start(program)
        self._tries_left = program.tries - 1

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def pid(self) -> int:
        """The process id; of a dead process, the one it had."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal that ended it."""
        return self._popen.poll()

    @property
    def alive(self) -> bool:
        """Whether it has not exited (it may be paused)."""
        return self.exit_code is None

    @property
    def ended_well(self) -> bool:
        """Whether it has ended, in good order."""
        return self.exit_code in self.program.clean_exits

    def is_healthy(self) -> bool:
        """Ask it now."""
        return self.alive and self.program.check()

    def wait_ready(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Return once it is healthy; raise `Problem` with the end of its log if it exits or takes too long.

        `given_up` is asked now and then whether to stop waiting, which also raises.
        """
        deadline = time.monotonic() + self.program.ready_within
        while not self.is_healthy():
            if given_up():
                raise GivenUp(f"{self.name} is not wanted any more")
            if not self.alive and self._tries_left > 0:
                self._tries_left -= 1
                time.sleep(_CHECK_INTERVAL * 4)  # what kept it from starting is a moment's leftover
                self._popen = _start(self.program)
            elif not self.alive:
                raise Problem(f"{self.name} ended with {exit_words(self.exit_code)} before it was ready; {self.why()}")
            elif time.monotonic() > deadline:
                raise Problem(f"{self.name} was not ready within {self.program.ready_within:.0f} s; {self.why()}")
            time.sleep(_CHECK_INTERVAL)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, if it still lives."""
        self._popen.send_signal(number)

    def pause(self) -> None:
        """SIGSTOP: it stands still, as under a long garbage collection or a suspended machine."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.send(signal.SIGCONT)

    def kill(self) -> int:
        """SIGKILL, and wait until it is gone; the exit code."""
        self.send(signal.SIGKILL)
        return self._gone(self._popen.wait())

    def stop(self) -> int:
        """Ask it to end, wait for its grace, then kill it; the exit code (0: it ended well)."""
        if self.alive:
            self.send(self.program.stop_signal)
            self.resume()  # a paused process would only hear it later
        try:
            code = self._popen.wait(self.program.stop_within)
        except subprocess.TimeoutExpired:
            return self.kill()
        return self._gone(code)

    def wait(self, timeout: float) -> int:
        """Wait until it ends by itself; raises `subprocess.TimeoutExpired`."""
        return self._gone(self._popen.wait(timeout))

    def log_text(self) -> str:
        """Everything it has written since its log was begun, this start and earlier ones."""
        return self.program.log.read_text(errors="replace")

    def _gone(self, code: int) -> int:
        self.program.pid_file.unlink(missing_ok=True)
        return code

    def why(self) -> str:
        """The end of its log, for a message about its end."""
        lines = self.log_text().rstrip().splitlines()[-8:]
        return "\n  ".join((f"the end of {self.program.log}:", *lines))


def exit_words(code: int | None) -> str:
    """Say how a process ended, as a person would."""
    if code is None:
        return "nothing: it runs"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def end_leftovers(folder: Path) -> list[str]:
    """Kill what an earlier devstack, itself killed, left running with this state; the names of what was found.

    On Linux the kernel has usually done so already; elsewhere, and for a process on its way out, the pid files tell.
    """
    ended = []
    for file in sorted((folder / "run").glob("*.pid")):
        with contextlib.suppress(psutil.NoSuchProcess, ValueError, KeyError):  # gone, or the file was cut off
            noted = json.loads(file.read_text())
            leftover = psutil.Process(noted["pid"])
            # pids are used again: only the process that was started then is ours
            if abs(leftover.create_time() - noted["created"]) < 1 and leftover.status() != psutil.STATUS_ZOMBIE:
                family = [leftover, *leftover.children(recursive=True)]
                for member in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        member.kill()
                psutil.wait_procs(family, timeout=5)
                ended.append(file.stem)
        file.unlink()
    return ended


def _start(program: Program) -> subprocess.Popen[bytes]:
    return _starter.submit(_start_here, program).result()


def _start_here(program: Program) -> subprocess.Popen[bytes]:
    for file in (program.log, program.pid_file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    launch = (sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(program.death_signal)))
    with program.log.open("ab") as log:
        popen = subprocess.Popen(  # noqa: S603 - commands are our own
            (*launch, *program.command),
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.folder,
            start_new_session=True,  # Ctrl-C reaches devstack alone, which then stops all in order
        )
    with contextlib.suppress(psutil.NoSuchProcess):  # it may have failed already; whoever waits will see
        noted = {"pid": popen.pid, "created": psutil.Process(popen.pid).create_time()}
        program.pid_file.write_text(json.dumps(noted))
    return popen
