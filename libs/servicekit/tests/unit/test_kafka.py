"""Kafka's security settings come from a file that may hold nothing else."""

import json
from pathlib import Path

import pytest

from servicekit.config import ConfigError
from servicekit.kafka import KafkaConfig


def test_without_a_file_only_the_brokers_are_named() -> None:
    assert KafkaConfig(bootstrap="a:1,b:2").client_settings() == {"bootstrap_servers": "a:1,b:2"}


def test_security_is_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "kafka.json"
    file.write_text(json.dumps({"security_protocol": "SASL_SSL", "sasl_plain_password": "kafka-canary"}))
    settings = KafkaConfig(bootstrap="a:1", security_file=file).client_settings()

    assert settings.pop("ssl_context").check_hostname
    assert settings == {
        "bootstrap_servers": "a:1",
        "security_protocol": "SASL_SSL",
        "sasl_plain_password": "kafka-canary",
    }


@pytest.mark.parametrize("content", ["", "[]", '{"client_id": "kafka-canary"}', '{"ssl_cafile": "/nowhere"'])
def test_an_unusable_file_is_named_by_its_path_only(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kafka.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"kafka\.json") as raised:
        KafkaConfig(bootstrap="a:1", security_file=file).client_settings()

    assert "canary" not in str(raised.value)
