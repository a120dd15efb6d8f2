"""What each process is told: its own variables and PATH, secrets as files, and the one table of who is where."""

from dataclasses import replace
from pathlib import Path

import pytest

import credentials.config
import gateway.config
import inventory.config
import sync_bricklink.config
import sync_brickowl.config
from devstack.certificates import ensure_certificates
from devstack.postgres import DatabaseUrls
from devstack.preflight import started_elsewhere
from devstack.services import BRICKOWL_SANDBOX, PROBE, SANDBOX, WITH_CERTIFICATE, WITH_DATABASE, Services
from devstack.settings import Surroundings
from servicekit.config import from_environment


@pytest.fixture
def services(tmp_path: Path) -> Services:
    surroundings = Surroundings.of({"BRICKOPS_STATE": str(tmp_path), "PATH": "/bin", "HTTPS_PROXY": "http://proxy"})
    return Services(
        surroundings=surroundings,
        tls=ensure_certificates(tmp_path, (*WITH_CERTIFICATE, PROBE)),
        kafka_bootstrap="127.0.0.1:59092",
        jwks=tmp_path / "jwks.json",
        overrides={},
    )


@pytest.mark.parametrize("name", WITH_CERTIFICATE)
def test_a_service_gets_its_own_variables_and_path_only(services: Services, name: str) -> None:
    prefix = name.upper().replace("-", "_") + "_"
    environment = services.service(name).environment
    assert {variable for variable in environment if not variable.startswith(prefix)} == {"PATH"}
    assert environment[f"{prefix}TLS_KEY_FILE"].endswith(f"/{name}.key")


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("credentials", credentials.config.Config),
        ("gateway", gateway.config.Config),
        ("inventory", inventory.config.Config),
        ("sync-bricklink", sync_bricklink.config.Config),
        ("sync-brickowl", sync_brickowl.config.Config),
    ],
)
def test_a_service_understands_all_that_it_is_told(services: Services, name: str, config: type[object]) -> None:
    """A variable that a service does not know, or misses, would keep it from starting."""
    prefix = name.upper().replace("-", "_") + "_"
    from_environment(config, prefix, services.service(name).environment)
    if name in WITH_DATABASE:
        from_environment(config, prefix, services.migration(name).environment)


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_only_the_migration_is_told_of_the_owner(services: Services, name: str) -> None:
    variable = name.upper().replace("-", "_") + "_OWNER_DATABASE_URL_FILE"
    assert variable not in services.service(name).environment
    assert variable in services.migration(name).environment


def test_no_secret_stands_in_an_environment_or_a_command(services: Services) -> None:
    services.write_database_urls("inventory", DatabaseUrls("postgresql://a:canary@h/d", "postgresql://o:canary@h/d"))
    for program in (services.service("inventory"), services.migration("inventory")):
        assert "canary" not in repr((program.command, program.environment))
    path = Path(services.service("inventory").environment["INVENTORY_DATABASE_URL_FILE"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_sandbox_is_the_shop_unless_another_is_named(services: Services) -> None:
    told = services.service("sync-bricklink").environment
    assert told["SYNC_BRICKLINK_API_URL"] == "http://127.0.0.1:8091/api/store/v1"
    assert told["SYNC_BRICKLINK_LATE_WINDOW"] == "2"
    real = "https://shop.example/api/store/v1"
    outside = replace(services, surroundings=replace(services.surroundings, bricklink_api_url=real))
    told = outside.service("sync-bricklink").environment
    assert told["SYNC_BRICKLINK_API_URL"] == real
    assert "SYNC_BRICKLINK_LATE_WINDOW" not in told
    assert "SYNC_BRICKLINK_CALLS_PER_DAY" not in told


def test_each_marketplace_has_a_sandbox_and_both_keep_their_shops_in_one_folder(services: Services) -> None:
    programs = [services.sandbox(name) for name in (SANDBOX, BRICKOWL_SANDBOX)]
    assert [program.port for program in programs] == [8091, 8092]
    told = [program.command[program.command.index("--marketplace") + 1] for program in programs]
    assert told == ["bricklink", "brickowl"]
    assert len({program.command[-1] for program in programs}) == 1


def test_a_real_shop_takes_the_place_of_its_own_sandbox_only() -> None:
    for variable, name in (("BRICKLINK_API_URL", SANDBOX), ("BRICKOWL_API_URL", BRICKOWL_SANDBOX)):
        assert started_elsewhere(Surroundings.of({variable: "https://shop.example"})) == {name}


def test_only_the_service_that_leaves_the_machine_is_told_the_way(services: Services) -> None:
    here, real = services.surroundings, "https://shop.example"
    for surroundings, service in (
        (replace(here, bricklink_api_url=real), "sync-bricklink"),
        (replace(here, brickowl_api_url=real), "sync-brickowl"),
    ):
        outside = replace(services, surroundings=surroundings)
        knowing = [name for name in WITH_CERTIFICATE if "HTTPS_PROXY" in outside.service(name).environment]
        assert knowing == [service]


def test_a_second_instance_listens_elsewhere(services: Services) -> None:
    second = services.service("inventory", instance="-2", port=20001)
    assert second.name == "inventory-2"
    assert second.environment["INVENTORY_LISTEN"] == "127.0.0.1:20001"
    assert second.log != services.service("inventory").log


def test_an_override_wins(services: Services) -> None:
    changed = replace(services, overrides={"inventory": {"INVENTORY_LOG_LEVEL": "DEBUG"}})
    assert changed.service("inventory").environment["INVENTORY_LOG_LEVEL"] == "DEBUG"
    assert "INVENTORY_LOG_LEVEL" not in changed.service("credentials").environment
