"""The service's settings."""

from pathlib import Path

import pytest

from inventory.config import Config
from servicekit.config import ConfigError, from_environment

REQUIRED = {
    "INVENTORY_DATABASE_URL_FILE": "/secrets/url",
    "INVENTORY_TLS_CA_FILE": "/tls/ca",
    "INVENTORY_TLS_CERTIFICATE_FILE": "/tls/certificate",
    "INVENTORY_TLS_KEY_FILE": "/tls/key",
    "INVENTORY_KAFKA_BOOTSTRAP": "kafka:9092",
}


def test_the_defaults_work() -> None:
    config = from_environment(Config, "INVENTORY_", REQUIRED)
    assert config.listen == "127.0.0.1:50051"
    assert config.topics.items() == [
        ("bricklink", "brickops.lots.bricklink.v1"),
        ("brickowl", "brickops.lots.brickowl.v1"),
    ]
    assert config.tls.ca == Path("/tls/ca")
    assert config.kafka.bootstrap == "kafka:9092"


def test_marketplaces_are_named_with_commas_between() -> None:
    config = from_environment(Config, "INVENTORY_", REQUIRED | {"INVENTORY_MARKETPLACES": "bricklink, brickowl"})
    assert [topic for _, topic in config.topics.items()] == ["brickops.lots.bricklink.v1", "brickops.lots.brickowl.v1"]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="INVENTORY_DATABASE_URL_FILE is missing"):
        from_environment(Config, "INVENTORY_", {})
