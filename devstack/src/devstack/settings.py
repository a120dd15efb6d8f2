"""What a person may choose about `make run`: variables that start with `BRICKOPS_`, and the shops' addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from devstack.ports import free_port
from devstack.problems import Problem
from devstack.state import cache_folder, state_folder
from servicekit.config import ConfigError, from_environment

PREFIX = "BRICKOPS_"

# The operators' switches, as the sync services read them
_FLAGS = ("DISABLE_EXTERNAL_CALLS", "INVENTORY_SYNC_ENABLED", "BRICKLINK_SYNC_ENABLED", "BRICKOWL_SYNC_ENABLED")

# What clients need to reach the net from here; only a sync service that works on a real shop is given it
_NET = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Read once from the environment. Without any variable everything runs here, on the ports below."""

    state: Path | None = None
    cache: Path | None = None
    postgres_url: str | None = None  # carries a password: never print it
    kafka: str | None = None
    kafka_security_file: Path | None = None
    gateway_port: int = 8080
    pings_port: int = 42500  # where Brick Owl pings, always
    issuer_port: int = 8081
    sandbox_port: int = 8091
    sandbox_brickowl_port: int = 8092
    inventory_port: int = 50051
    credentials_port: int = 50052
    sync_bricklink_port: int = 50053
    sync_brickowl_port: int = 50054
    postgres_port: int = 55432
    kafka_port: int = 59092
    kafka_controller_port: int = 59093
    demo: bool = True  # load the demo seller's lots

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def from_variables(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises `Problem` naming each variable that is not one or not well formed."""
    try:
        return from_environment(Settings, PREFIX, environ)
    except ConfigError as error:
        raise Problem(str(error)) from None


def variable_for(port_field: str) -> str:
    """Return the variable that changes a port: `gateway_port` -> `BRICKOPS_GATEWAY_PORT`."""
    return f"{PREFIX}{port_field.upper()}"


def on_free_ports(settings: Settings) -> Settings:
    """Move everything to ports that nobody uses, for a test run of its own."""
    names = [each.name for each in fields(Settings) if each.name.endswith("_port")]
    return replace(settings, **{name: free_port() for name in names})  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Everything that a start depends on outside of this repository."""

    settings: Settings
    folder: Path
    cache: Path
    path: str  # PATH
    bricklink_api_url: str | None  # a real shop instead of the sandbox
    brickowl_api_url: str | None = None  # the same at Brick Owl
    net: Mapping[str, str]
    flags: Mapping[str, str] = field(default_factory=dict)  # the operators' switches that are set

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Surroundings":
        """Read the environment. Raises `Problem`."""
        return cls(
            settings=from_variables(environ),
            folder=state_folder(environ),
            cache=cache_folder(environ),
            path=environ.get("PATH", "/usr/bin:/bin"),
            bricklink_api_url=environ.get("BRICKLINK_API_URL") or None,
            brickowl_api_url=environ.get("BRICKOWL_API_URL") or None,
            net={name: environ[name] for name in _NET if name in environ},
            flags={name: environ[name] for name in _FLAGS if name in environ},
        )
