"""Reading configuration: every mistake is named, no value is repeated."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.config import ConfigError, SecureUrl, from_environment, read_secret


@dataclass(frozen=True, kw_only=True)
class Config:
    """One field of each kind."""

    listen: str = "127.0.0.1:1"
    database_url_file: Path
    owner_database_url_file: Path | None = None
    workers: int = 2
    ratio: float = 0.5
    late_window: timedelta = timedelta(seconds=60)
    enabled: bool = True


def test_every_kind_of_field_is_read() -> None:
    read = from_environment(
        Config,
        "INVENTORY_",
        {
            "INVENTORY_DATABASE_URL_FILE": "/run/url",
            "INVENTORY_OWNER_DATABASE_URL_FILE": "/run/owner",
            "INVENTORY_WORKERS": "7",
            "INVENTORY_RATIO": "0.25",
            "INVENTORY_LATE_WINDOW": "1.5",
            "INVENTORY_ENABLED": "false",
            "GATEWAY_LISTEN": "somebody else's",
        },
    )

    assert read == Config(
        database_url_file=Path("/run/url"),
        owner_database_url_file=Path("/run/owner"),
        workers=7,
        ratio=0.25,
        late_window=timedelta(seconds=1.5),
        enabled=False,
    )


def test_defaults_hold_for_what_is_not_given() -> None:
    assert from_environment(Config, "X_", {"X_DATABASE_URL_FILE": "/u"}) == Config(database_url_file=Path("/u"))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("X_WORKERS", "many-secret", "X_WORKERS must be a whole number"),
        ("X_RATIO", "half-secret", "X_RATIO must be a number"),
        ("X_ENABLED", "perhaps-secret", "X_ENABLED must be true or false"),
        ("X_LATE_WINDOW", "long-secret", "X_LATE_WINDOW must be a number of seconds"),
        ("X_LATE_WINDOW", "1e300", "X_LATE_WINDOW must be a number of seconds"),
        ("X_LATE_WINDOW", "nan", "X_LATE_WINDOW must be a number of seconds"),
        ("X_OWNER_DATABASE_URL_FILE", "", "X_OWNER_DATABASE_URL_FILE must be a path"),
        ("X_WORKRES", "7-secret", "X_WORKRES is not a setting"),
    ],
)
def test_a_mistake_is_named_without_its_value(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment(Config, "X_", {"X_DATABASE_URL_FILE": "/u", name: value})

    assert str(raised.value) == problem


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment(Config, "X_", {"X_WORKERS": "x", "X_WHAT": "y"})

    assert str(raised.value).splitlines() == [
        "X_DATABASE_URL_FILE is missing",
        "X_WORKERS must be a whole number",
        "X_WHAT is not a setting",
    ]


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://x\n")

    assert read_secret(tmp_path / "url") == "postgresql://x"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"], ids=["missing", "empty", "blank", "not-text"])
def test_an_unreadable_secret_is_named_by_its_path_only(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=str(path)) as raised:
        read_secret(path)

    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["https://shop.example/v1", "http://127.0.0.1:8092", "http://localhost:1", "http://[::1]:1"]
)
def test_address_over_tls_or_on_this_machine_is_accepted(url: str) -> None:
    assert SecureUrl(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/v1",
        "shop.example",
        "",
        "https://",
        "ftp://127.0.0.1",
        "http://127.0.0.1.example",
        "http://[",
    ],
)
def test_address_in_clear_over_the_network_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"clear|IPv6"):
        SecureUrl(url)
