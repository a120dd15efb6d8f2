from pathlib import Path

import pytest

from devstack.problems import Problem
from devstack.secret_files import write_secret
from devstack.state import locked, remove, require_space


def test_a_second_run_on_the_same_state_is_told_so_in_one_line(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(Problem, match=r"another make run \(pid \d+\)") as told, locked(tmp_path):
        pass
    assert "\n" not in str(told.value)
    assert "BRICKOPS_STATE" in str(told.value)


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text().isdigit()


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    require_space(tmp_path, least=1)
    with pytest.raises(Problem, match="GB are free") as told:
        require_space(tmp_path, least=2**60)
    assert "make clean-state" in str(told.value)


def test_cleaning_leaves_what_was_downloaded(tmp_path: Path) -> None:
    state, cache = tmp_path / "state", tmp_path / "state" / "cache"
    for file in (cache / "kafka" / "a.jar", state / "postgres" / "data" / "x", state / "urls.json"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    remove(state, cache=cache)
    assert [entry.name for entry in state.iterdir()] == ["cache"]
    assert (cache / "kafka" / "a.jar").exists()
    remove(state, cache=cache, with_cache=True)
    assert not cache.exists()


def test_cleaning_under_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with locked(tmp_path), pytest.raises(Problem, match="another make run"):
        remove(tmp_path, cache=tmp_path / "cache")
    assert (tmp_path / "postgres").exists()


def test_a_secret_is_private_even_where_a_readable_file_was(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "key"
    file.parent.mkdir()
    file.write_text("old")
    file.chmod(0o644)
    write_secret(file, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["key"]
