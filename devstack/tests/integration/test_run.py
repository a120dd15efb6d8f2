"""`make run` as a person meets it: everything comes up, Ctrl-C ends it in order, and the next start finds its data."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from devstack import demo, kafka, postgres, servers
from devstack.demo import LOTS
from devstack.problems import Problem
from devstack.services import ORDER
from devstack.settings import Settings, on_free_ports, variable_for
from devstack.testing import temporary_stack

pytestmark = pytest.mark.timeout(300)

_UP = "Ctrl-C stops everything."


class _Run:
    """A `make run` without the make, and every line it has said."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.lines: list[str] = []
        self._popen = subprocess.Popen(
            (sys.executable, "-m", "devstack", "run"),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, line: str) -> None:
        with self._said:
            self._said.wait_for(lambda: line in self.lines or self._popen.poll() is not None, timeout=120)
        assert line in self.lines, "\n".join(self.lines)

    def end(self, number: int) -> int:
        self._popen.send_signal(number)
        code = self._popen.wait(60)
        self._reader.join()
        return code

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self._popen.pid).children()

    def close(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as stdout:
            for line in stdout:
                with self._said:
                    self.lines.append(line.rstrip("\n"))
                    self._said.notify_all()
        self._popen.wait()
        with self._said:
            self._said.notify_all()


@contextmanager
def _running(environ: dict[str, str]) -> Iterator[_Run]:
    run = _Run(environ)
    try:
        run.wait_for(_UP)
        yield run
    finally:
        run.close()


def _devstack(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (sys.executable, "-m", "devstack", *arguments), env=environ, capture_output=True, text=True, check=False
    )


def _lots(environ: dict[str, str]) -> Sequence[object]:
    token = _devstack(environ, "token", "--role", "viewer").stdout.strip()
    answer = httpx.get(
        f"http://127.0.0.1:{environ['BRICKOPS_GATEWAY_PORT']}/v1/lots", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    lots: Sequence[object] = answer.json()["items"]
    return lots


def _secrets(state: Path) -> list[str]:
    urls = [file.read_text() for file in state.glob("secrets/*/*database-url")]
    passwords = [password for url in urls if (password := urlsplit(url).password)]
    return [*passwords, (state / "postgres" / "superuser-password").read_text(), demo.KEYS["token_secret"]]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    ports = on_free_ports(Settings())
    moved = {variable_for(name): str(getattr(ports, name)) for name in vars(ports) if name.endswith("_port")}
    state = tmp_path_factory.mktemp("state")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "BRICKOPS_STATE": str(state),
        **moved,
    }


def test_it_comes_up_and_shows_no_secret_and_finds_its_data_again(environ: dict[str, str]) -> None:
    """The first run is killed: nothing may be left that would keep the next from its ports. That one ends in order."""
    with _running(environ) as run:
        assert {line.split()[0] for line in run.lines if " is healthy " in line} == set(ORDER)
        assert len(_lots(environ)) == len(LOTS)
        second = _devstack(environ, "run")
        assert second.returncode == 1
        assert second.stderr.startswith("another make run (pid ")
        assert _devstack(environ, "clean-state").returncode == 1
        children = run.children()
        assert len(children) == len(ORDER)
        told = " ".join(str((child.environ(), child.cmdline())) for child in children)
        said = list(run.lines)
        assert run.end(SIGKILL) == -SIGKILL
    _, alive = psutil.wait_procs(children, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []

    with _running(environ) as run:
        assert len(_lots(environ)) == len(LOTS)
        assert not any("fetching" in line for line in run.lines)
        children = run.children()
        assert run.end(SIGINT) == 0, "\n".join(run.lines)
        stopped = [line.removeprefix("stopping ") for line in run.lines if line.startswith("stopping ")]
        assert stopped == list(reversed(ORDER))
        assert psutil.wait_procs(children, timeout=1)[1] == []
    state = Path(environ["BRICKOPS_STATE"])
    logs = "\n".join([*said, *run.lines, *(log.read_text() for log in (state / "logs").glob("*.log"))])
    secrets = _secrets(state)
    assert len(secrets) == 10
    assert [secret for secret in secrets if secret in told or secret in logs] == []
    assert {file.stat().st_mode & 0o077 for file in (state / "secrets").rglob("*") if file.is_file()} == {0}


def test_clean_state_removes_it(environ: dict[str, str]) -> None:
    assert _devstack(environ, "clean-state").returncode == 0
    assert list(Path(environ["BRICKOPS_STATE"]).iterdir()) == []
    answer = _devstack(environ, "token")
    assert answer.returncode == 1
    assert "make run" in answer.stderr


@pytest.mark.long
def test_given_servers_are_used_instead_of_own_ones(environ: dict[str, str], tmp_path: Path) -> None:
    """Roles, databases and topics are made there; what they lack is that a run starts or stops them."""
    with servers.postgres({}) as postgres_url, servers.kafka({}) as bootstrap:
        given = {"BRICKOPS_POSTGRES_URL": postgres_url, "BRICKOPS_KAFKA": bootstrap, "BRICKOPS_STATE": str(tmp_path)}
        with _running({**environ, **given}) as run:
            healthy = {line.split()[0] for line in run.lines if " is healthy " in line}
            assert healthy == set(ORDER) - {"postgres", "kafka"}
            assert len(_lots(run.environ)) == len(LOTS)
            assert run.end(SIGINT) == 0, "\n".join(run.lines)
        assert postgres.answers(postgres_url)
        assert kafka.answers(bootstrap)
    assert not (tmp_path / "postgres").exists()


def test_a_service_that_cannot_start_says_why_and_nothing_stays(tmp_path: Path) -> None:
    wrong = {"credentials": {"CREDENTIALS_NONSENSE": "1"}}
    with pytest.raises(Problem, match="CREDENTIALS_NONSENSE"), temporary_stack(tmp_path, overrides=wrong):
        pass
    assert list((tmp_path / "run").iterdir()) == []
    assert "credentials-migrate" in {log.stem for log in (tmp_path / "logs").iterdir()}
