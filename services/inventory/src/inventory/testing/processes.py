"""The service as it runs: its own processes, with their own certificate, on a real PostgreSQL and a real Kafka."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from brickops.events.v1 import lot_event_pb2
from inventory.testing.calls import Calls, Served
from servicekit.consumer import Record
from servicekit.testing.ca import TestAuthority

LIMIT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the processes of one test share."""

    folder: Path
    app_url: str
    owner_url: str
    kafka_bootstrap: str
    lots_topic: str
    sales_topic: str
    results_topic: str
    authority: TestAuthority

    def environment(self, listen: str) -> Mapping[str, str]:
        """The settings of a process that listens there."""
        tls = self.authority.issue("inventory")
        settings = {
            "LISTEN": listen,
            "TLS_CA_FILE": str(tls.ca),
            "TLS_CERTIFICATE_FILE": str(tls.certificate),
            "TLS_KEY_FILE": str(tls.key),
            "DATABASE_URL_FILE": self._file("database-url", self.app_url),
            "OWNER_DATABASE_URL_FILE": self._file("owner-database-url", self.owner_url),
            "KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "MARKETPLACES": "bricklink",
            "LOTS_TOPICS": self.lots_topic,
            "SALES_TOPIC": self.sales_topic,
            "RESULTS_TOPIC": self.results_topic,
            "SALES_GROUP": self.sales_topic,
            "RESULTS_GROUP": self.results_topic,
        }
        return {"PATH": os.environ["PATH"]} | {f"INVENTORY_{name}": value for name, value in settings.items()}

    def _file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        return str(path)


@dataclass
class Running:
    """One process that serves."""

    process: asyncio.subprocess.Process
    served: Served
    ending: AsyncExitStack
    channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    def calls(self, seller: str) -> Calls:
        """Calls of this seller through the gateway."""
        return Calls(self._channel("gateway"), seller)

    async def ready(self) -> None:
        """Wait until it says that it serves."""
        health = health_pb2_grpc.HealthStub(self._channel("devstack"))
        watch = health.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                async for answer in watch:
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
        finally:
            watch.cancel()  # an open call would hold up the server's end

    async def kill(self) -> None:
        """End it without giving it a moment."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self.process.wait()

    def _channel(self, certificate: str) -> grpc.aio.Channel:
        if certificate not in self.channels:
            self.channels[certificate] = self.served.channel(certificate)
            self.ending.push_async_callback(self.channels[certificate].close)
        return self.channels[certificate]


async def run_command(surroundings: Surroundings, *arguments: str) -> int:
    """Run `python -m inventory ...` to its end; its exit code."""
    process = await _start(surroundings, "127.0.0.1:1", *arguments)
    async with asyncio.timeout(LIMIT_SECONDS):
        return await process.wait()


@asynccontextmanager
async def running(surroundings: Surroundings, address: str) -> AsyncIterator[Running]:
    """A process that serves; stopped at the end, unless it has ended before."""
    process = await _start(surroundings, address, "serve")
    async with AsyncExitStack() as ending:
        service = Running(process, Served(address, surroundings.authority), ending)
        ending.push_async_callback(service.stop)
        await service.ready()
        yield service


async def _start(surroundings: Surroundings, address: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inventory", *arguments, env=surroundings.environment(address)
    )


class LotsTopic:
    """What was published about lots, as it comes."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client
        self.lots: dict[str, lot_event_pb2.LotChanged] = {}
        """By lot: the newest event, as rule T3 orders them."""
        self.answers: list[lot_event_pb2.StateAnswered] = []

    async def next(self) -> lot_event_pb2.LotEvent:
        """The next event of any partition."""
        async with asyncio.timeout(LIMIT_SECONDS):
            record = await self._client.getone()
        event = lot_event_pb2.LotEvent.FromString(record.value)
        if event.WhichOneof("event") == "state_answered":
            self.answers.append(event.state_answered)
            return event
        known = self.lots.get(event.lot_changed.lot.lot_id)
        if known is None or _order(known) < _order(event.lot_changed):
            self.lots[event.lot_changed.lot.lot_id] = event.lot_changed
        return event


@asynccontextmanager
async def lots_topic(surroundings: Surroundings) -> AsyncIterator[LotsTopic]:
    """Reads the lots' topic from its beginning."""
    client = AIOKafkaConsumer(
        surroundings.lots_topic, bootstrap_servers=surroundings.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await client.start()
    try:
        yield LotsTopic(client)
    finally:
        await client.stop()


async def publish(surroundings: Surroundings, topic: str, records: list[Record]) -> None:
    """Publish what sync services would."""
    producer = AIOKafkaProducer(bootstrap_servers=surroundings.kafka_bootstrap)
    await producer.start()
    try:
        for record in records:
            headers = [(name, value.encode()) for name, value in record.headers.items()]
            await producer.send_and_wait(topic, record.value, key=(record.key or "").encode(), headers=headers)
    finally:
        await producer.stop()


def _order(changed: lot_event_pb2.LotChanged) -> tuple[int, int]:
    return changed.lot.revision, changed.counted_seq
