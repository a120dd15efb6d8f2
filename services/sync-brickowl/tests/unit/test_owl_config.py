"""The settings, as the environment gives them."""

import pytest

from servicekit.config import ConfigError, from_environment
from sync_brickowl.config import Config

PREFIX = "SYNC_BRICKOWL_"
NEEDED = {
    "SYNC_BRICKOWL_TLS_CA_FILE": "ca.pem",
    "SYNC_BRICKOWL_TLS_CERTIFICATE_FILE": "me.pem",
    "SYNC_BRICKOWL_TLS_KEY_FILE": "me.key",
    "SYNC_BRICKOWL_DATABASE_URL_FILE": "database.url",
    "SYNC_BRICKOWL_KAFKA_BOOTSTRAP": "127.0.0.1:59092",
}


def test_defaults_speak_to_the_real_shop_at_its_real_pace() -> None:
    config = from_environment(Config, PREFIX, NEEDED)

    assert (config.api_url, config.calls_per_minute, config.batches_per_minute) == (
        "https://api.brickowl.com/v1",
        600,
        200,
    )
    assert config.lease > max(config.list_deadline, config.call_deadline)


@pytest.mark.parametrize("url", ["https://api.brickowl.com/v1", "http://127.0.0.1:8092/v1", "http://localhost:1/v1"])
def test_shop_over_tls_or_on_this_machine_is_accepted(url: str) -> None:
    assert from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKOWL_API_URL": url}).api_url == url


@pytest.mark.parametrize("url", ["http://api.brickowl.com/v1", "api.brickowl.com", "", "http://127.0.0.1.example/v1"])
def test_key_in_clear_over_the_network_is_refused_at_start(url: str) -> None:
    with pytest.raises(ConfigError, match="SYNC_BRICKOWL_API_URL"):
        from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKOWL_API_URL": url})
