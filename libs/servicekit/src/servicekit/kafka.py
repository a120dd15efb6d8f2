"""Where Kafka is, and how to end a client of it that may not want to end."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from servicekit.config import ConfigError
from servicekit.logs import learn_secret

_SECURITY_SETTINGS = frozenset(
    {"security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password", "ssl_cafile"}
)


@dataclass(frozen=True, kw_only=True)
class KafkaConfig:
    """`host:port[,host:port]` of the brokers, and optionally a JSON file with aiokafka's security settings.

    The file may hold security_protocol, sasl_mechanism, sasl_plain_username, sasl_plain_password and ssl_cafile.
    """

    bootstrap: str
    security_file: Path | None = None

    def client_settings(self) -> dict[str, Any]:
        """Keyword arguments for any aiokafka client. Raises ConfigError if the security file is unusable."""
        settings: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.security_file is None:
            return settings
        try:
            given = json.loads(self.security_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read {self.security_file} ({type(error).__name__})") from None
        if not isinstance(given, dict) or not given.keys() <= _SECURITY_SETTINGS:
            raise ConfigError(f"{self.security_file} may hold only {', '.join(sorted(_SECURITY_SETTINGS))}")
        learn_secret(str(given.get("sasl_plain_password", "")))
        cafile = given.pop("ssl_cafile", None)
        if str(given.get("security_protocol", "")).endswith("SSL"):
            given["ssl_context"] = ssl.create_default_context(cafile=cafile)
        return settings | given


async def ended_within(seconds: float, stop: Callable[[], Awaitable[object]]) -> bool:
    """Run a Kafka client's `stop` and say whether it ended well in time; it is given up after `seconds`.

    With the broker down a producer's may never end and a consumer's can raise CancelledError, so it gets its own task.
    """

    async def stopping() -> None:
        await stop()

    task = asyncio.ensure_future(stopping())
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=1)
    return bool(done) and not task.cancelled() and task.exception() is None


async def start_producer(config: KafkaConfig) -> AIOKafkaProducer:
    """A started idempotent producer: acknowledged by all replicas, in order, never twice within its life.

    What it was given is delivered however long that takes; a timeout on the await does not mean "not sent". Raises
    KafkaError if no broker answers.
    """
    producer = AIOKafkaProducer(
        **config.client_settings(),
        enable_idempotence=True,
        acks="all",
        request_timeout_ms=5000,
        retry_backoff_ms=100,
        linger_ms=0,
    )
    try:
        await producer.start()
    except BaseException:
        await stop_producer(producer)
        raise
    return producer


async def stop_producer(producer: AIOKafkaProducer, within: float = 5) -> None:
    """Let a producer flush for `within` seconds, then make sure that nothing of it sends any more."""
    if not await ended_within(within, producer.stop):
        await ended_within(1, producer._sender.close)  # stop(), given up, leaves the sending task running
        await ended_within(1, producer.client.close)
