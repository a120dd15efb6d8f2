from pathlib import Path

import pytest

from gateway.config import Config
from servicekit.config import ConfigError, from_environment

LEAST = {
    "GATEWAY_TLS_CA_FILE": "ca.pem",
    "GATEWAY_TLS_CERTIFICATE_FILE": "gateway.pem",
    "GATEWAY_TLS_KEY_FILE": "gateway.key",
}


def test_the_certificate_is_all_that_must_be_told() -> None:
    config = from_environment(Config, "GATEWAY_", LEAST)

    assert (config.tls.ca, config.tls.certificate, config.tls.key) == (
        Path("ca.pem"),
        Path("gateway.pem"),
        Path("gateway.key"),
    )
    assert config.sync_addresses == {"bricklink": "127.0.0.1:50053", "brickowl": "127.0.0.1:50054"}


@pytest.mark.parametrize("address", ["8080", "localhost", ":8080", "localhost:http", "localhost:808000"])
def test_an_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_LISTEN_HTTP must be host:port"):
        from_environment(Config, "GATEWAY_", LEAST | {"GATEWAY_LISTEN_HTTP": address})


def test_a_marketplace_without_a_sync_service_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="GATEWAY_MARKETPLACES names ebay"):
        from_environment(Config, "GATEWAY_", LEAST | {"GATEWAY_MARKETPLACES": "bricklink, ebay"})
