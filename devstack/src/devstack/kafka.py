"""Apache Kafka itself, one node without Docker, and its topics."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from devstack import jars
from devstack.java import find_java
from devstack.ports import HOST
from devstack.problems import Problem
from devstack.programs import Program
from servicekit.kafka import KafkaConfig

T = TypeVar("T")

_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true")
_CHECK_TIMEOUT = 2.0  # seconds
_WEEK_MS = 7 * 24 * 3600 * 1000

_LOG4J = """\
Configuration:
  status: error
  Appenders:
    Console:
      name: console
      PatternLayout:
        pattern: "%d{ISO8601} %p %c{1}: %m%n"
  Loggers:
    Root:
      level: warn
      AppenderRef: {ref: console}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: info}
"""


@dataclass(frozen=True, kw_only=True)
class KafkaServer:
    """A Kafka of our own: broker and controller in one process, its data in a folder."""

    folder: Path  # the state folder: `kafka/` in it is this server's
    cache: Path  # where jars are kept for every state
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """Where clients find it."""
        return f"{HOST}:{self.port}"

    @property
    def _home(self) -> Path:
        return self.folder / "kafka"

    def prepare(self, report: Callable[[str], None] = lambda line: None) -> None:
        """Fetch Kafka if need be, write its configuration, and format its data folder once."""
        jars.fetch(self.cache / "kafka", report=report)
        (self._home / "tmp").mkdir(parents=True, exist_ok=True)
        (self._home / "log4j2.yaml").write_text(_LOG4J)
        properties = "".join(f"{key}={value}\n" for key, value in self._settings().items())
        (self._home / "server.properties").write_text(properties)
        formatted = self._home / "formatted"
        if formatted.exists():
            return
        shutil.rmtree(self._home / "data", ignore_errors=True)
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", "server.properties")
        made = subprocess.run(command, cwd=self._home, env=_environment(), capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode != 0:
            raise Problem(f"Apache Kafka could not format its data folder: {(made.stderr or made.stdout).strip()}")
        formatted.touch()

    def program(self) -> Program:
        """Say how to run it, after `prepare`."""
        return Program(
            name="kafka",
            command=self._java("kafka.Kafka", str(self._home / "server.properties")),
            environment=_environment(),
            folder=self.folder,
            check=lambda: answers(self.bootstrap),
            port=self.port,
            stop_within=30,
            clean_exits=frozenset({0, 128 + SIGTERM}),  # a Java that ends in good order on SIGTERM says 143
        )

    def _java(self, *arguments: str) -> tuple[str, ...]:
        class_path = os.pathsep.join(str(jar) for jar in jars.fetch(self.cache / "kafka"))
        return (
            str(find_java(os.environ)),
            *_JVM,
            f"-Djava.io.tmpdir={self._home / 'tmp'}",  # native parts of its compression libraries are unpacked there
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.yaml'}",
            *("-cp", class_path),
            *arguments,
        )

    def _settings(self) -> Mapping[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "log.dirs": self._home / "data",
            "auto.create.topics.enable": "false",  # a misspelt topic must fail, not appear
            "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # after kill -9 the broker's old session must end before it may come back: 4 s instead of 12
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 300,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,  # 128 MB by default: a third of the heap
        }


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic to be there."""

    name: str
    partitions: int = 3
    compacted: bool = False  # but not within 7 days, so that what was overwritten can be seen; else kept for 7 days


def answers(bootstrap: str, security_file: Path | None = None) -> bool:
    """Say whether a broker takes requests there (one that listens may still be on its way up)."""
    host, _, port = bootstrap.split(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CHECK_TIMEOUT).close()
    except OSError:
        return False
    try:
        return _ask(_count_brokers(bootstrap, security_file)) > 0
    except (KafkaError, OSError, TimeoutError):
        return False


def create_topics(bootstrap: str, topics: Sequence[Topic], security_file: Path | None = None) -> None:
    """Make the topics that are missing; blocking. Existing ones stay as they are. Raises `Problem` if refused."""
    _ask(_create_topics(bootstrap, topics, security_file))


def new_topic_name(prefix: str = "test") -> str:
    """A topic name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


async def _create_topics(bootstrap: str, topics: Sequence[Topic], security_file: Path | None) -> None:
    async with _admin(bootstrap, security_file) as admin:
        replicas = min(3, len((await admin.describe_cluster())["brokers"]))
        wanted = [
            NewTopic(
                topic.name,
                topic.partitions,
                replicas,
                topic_configs={"cleanup.policy": "compact", "min.compaction.lag.ms": str(_WEEK_MS)}
                if topic.compacted
                else {"retention.ms": str(_WEEK_MS)},
            )
            for topic in topics
        ]
        answer = await admin.create_topics(wanted)
    for name, code, *_ in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise Problem(f"Kafka refuses to make the topic {name}: {for_code(code).__name__}")


async def _count_brokers(bootstrap: str, security_file: Path | None) -> int:
    async with _admin(bootstrap, security_file, timeout=_CHECK_TIMEOUT) as admin:
        return len((await admin.describe_cluster())["brokers"])


@contextlib.asynccontextmanager
async def _admin(
    bootstrap: str, security_file: Path | None, *, timeout: float = 10
) -> AsyncIterator[AIOKafkaAdminClient]:
    settings = KafkaConfig(bootstrap=bootstrap, security_file=security_file).client_settings()
    admin = AIOKafkaAdminClient(request_timeout_ms=int(timeout * 1000), **settings)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _ask(question: Coroutine[Any, Any, T]) -> T:
    # a loop of its own in a thread of its own: callers may be inside one already
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(question)).result()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
