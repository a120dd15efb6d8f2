"""What can keep `make run` from starting is said in one line that names the way out."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.ports import free_port
from devstack.settings import Settings, on_free_ports, variable_for
from devstack.state import locked


def _run(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    ports = on_free_ports(Settings())
    moved = {variable_for(name): str(getattr(ports, name)) for name in vars(ports) if name.endswith("_port")}
    environ = {"PATH": os.environ["PATH"], "BRICKOPS_STATE": str(folder), **moved, **variables}
    return subprocess.run(
        (sys.executable, "-m", "devstack", "run"), env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("program", ["gateway", "postgres", "sync_bricklink", "kafka_controller"])
def test_a_port_in_use_is_named_with_the_variable_that_moves_it(tmp_path: Path, program: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        ended = _run(tmp_path, **{f"BRICKOPS_{program.upper()}_PORT": str(port)})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"port {port}" in line
    assert f"BRICKOPS_{program.upper()}_PORT=" in line


def test_a_second_run_says_that_there_is_one(tmp_path: Path) -> None:
    with locked(tmp_path):
        ended = _run(tmp_path)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"another make run (pid {os.getpid()})" in line


def test_a_kafka_that_was_named_and_is_not_there(tmp_path: Path) -> None:
    """The rest is stopped again; the line names the variable."""
    ended = _run(tmp_path, BRICKOPS_KAFKA=f"127.0.0.1:{free_port()}")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "BRICKOPS_KAFKA" in line


def test_a_database_url_without_password_is_refused_before_it_is_used(tmp_path: Path) -> None:
    ended = _run(tmp_path, BRICKOPS_POSTGRES_URL=f"postgresql://someone@127.0.0.1:{free_port()}/postgres")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "must carry a password" in line
