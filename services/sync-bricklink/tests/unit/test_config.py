"""The settings, as the environment gives them."""

from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.config import ConfigError, from_environment
from sync_bricklink.config import Config

PREFIX = "SYNC_BRICKLINK_"
NEEDED = {
    "SYNC_BRICKLINK_TLS_CA_FILE": "ca.pem",
    "SYNC_BRICKLINK_TLS_CERTIFICATE_FILE": "me.pem",
    "SYNC_BRICKLINK_TLS_KEY_FILE": "me.key",
    "SYNC_BRICKLINK_DATABASE_URL_FILE": "database.url",
    "SYNC_BRICKLINK_KAFKA_BOOTSTRAP": "127.0.0.1:59092",
}


def test_defaults_speak_to_the_real_shop_at_its_real_pace() -> None:
    config = from_environment(Config, PREFIX, NEEDED)

    assert config.api_url == "https://api.bricklink.com/api/store/v1"
    assert config.calls_per_day == 5000
    assert config.tls_key_file == Path("me.key")
    assert config.late_window == timedelta(seconds=60)
    assert config.lag_window == timedelta(minutes=30)


def test_default_lease_outlives_the_longest_call() -> None:
    """Rule L2: else the call that reads the whole shop would never start."""
    config = from_environment(Config, PREFIX, NEEDED)

    assert config.lease > max(config.list_deadline, config.call_deadline)


def test_windows_are_given_in_seconds() -> None:
    config = from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKLINK_LAG_WINDOW": "2.5"})

    assert config.lag_window == timedelta(seconds=2.5)


def test_misspelt_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="SYNC_BRICKLINK_API_ULR"):
        from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKLINK_API_ULR": "http://127.0.0.1:8091"})


@pytest.mark.parametrize("url", ["https://api.bricklink.com/api/store/v1", "http://127.0.0.1:8091/api/store/v1"])
def test_shop_over_tls_or_on_this_machine_is_accepted(url: str) -> None:
    assert from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKLINK_API_URL": url}).api_url == url


@pytest.mark.parametrize("url", ["http://api.bricklink.com/api/store/v1", "api.bricklink.com", ""])
def test_shop_in_clear_over_the_network_is_refused_at_start(url: str) -> None:
    with pytest.raises(ConfigError, match="SYNC_BRICKLINK_API_URL"):
        from_environment(Config, PREFIX, {**NEEDED, "SYNC_BRICKLINK_API_URL": url})
