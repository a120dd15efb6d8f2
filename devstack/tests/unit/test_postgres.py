import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.postgres import not_as_root, require_password, role_url
from devstack.problems import Problem

_SERVER = "postgresql://admin:s%40cret@db.example:6432/postgres?sslmode=verify-full&sslrootcert=/ca.pem"


def test_a_roles_url_connects_as_the_given_one_does() -> None:
    url = urlsplit(role_url(_SERVER, "sync_bricklink", "sync_bricklink_x"))
    assert (url.hostname, url.port, url.path) == ("db.example", 6432, "/sync_bricklink_x")
    assert url.query == "sslmode=verify-full&sslrootcert=/ca.pem"
    assert url.username == "sync_bricklink"
    assert url.password
    assert "cret" not in url.password


def test_roles_have_passwords_of_their_own_that_stay_the_same() -> None:
    passwords = {role: urlsplit(role_url(_SERVER, role, "d")).password for role in ("inventory", "inventory_owner")}
    assert len(set(passwords.values())) == 2
    assert urlsplit(role_url(_SERVER, "inventory", "another")).password == passwords["inventory"]
    assert urlsplit(role_url("postgresql://a:b@h/p", "inventory", "d")).password != passwords["inventory"]


def test_a_url_without_password_is_refused_with_its_variable() -> None:
    with pytest.raises(Problem, match="BRICKOPS_POSTGRES_URL"):
        require_password("postgresql://admin@db.example/postgres")


def test_root_that_may_make_no_user_namespace_is_told_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))  # no unshare there
    with pytest.raises(Problem, match="as another user") as told:
        not_as_root()
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    with pytest.raises(Problem, match="BRICKOPS_POSTGRES_URL"):
        not_as_root()
    assert "\n" not in str(told.value)


def test_anybody_else_runs_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not_as_root() == ()
