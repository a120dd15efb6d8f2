"""The service as it runs: its own processes with their own certificates, on a real PostgreSQL and a real Kafka."""

import asyncio
import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psycopg.rows import DictRow, dict_row

from brickops.credentials.v1 import (
    credentials_admin_service_pb2,
    credentials_admin_service_pb2_grpc,
    credentials_service_pb2,
    credentials_service_pb2_grpc,
)
from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from brickops.credentials.v1.brickowl_keys_pb2 import BrickOwlKeys
from credentials.crypto.keyring import Keyring, new_keyring
from credentials.storage.unit_of_work import UnitOfWork
from credentials.vault import Vault
from devstack.ports import free_port
from devstack.postgres import DatabaseUrls
from servicekit.callers import outgoing_metadata
from servicekit.clock import SystemClock
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import RpcProblem, problem_of
from servicekit.mtls import TlsFiles
from servicekit.postgres import create_engine
from servicekit.testing.ca import TestAuthority

STARTS_WITHIN = 30  # seconds
ENDS_WITHIN = 30


def some_keys(**others: str) -> BrickLinkKeys:
    names = ("consumer_key", "consumer_secret", "token", "token_secret")
    return BrickLinkKeys(**({name: uuid.uuid4().hex.upper() for name in names} | others))


@dataclass(frozen=True)
class Calls:
    """The service as one certificate sees it."""

    channel: grpc.aio.Channel

    async def put(
        self,
        seller: str | None,
        keys: BrickLinkKeys | None = None,
        *,
        role: str | None = "owner",
        actor: str | None = "user-1",
        **fields: Any,
    ) -> credentials_admin_service_pb2.CredentialStatus:
        request = credentials_admin_service_pb2.PutCredentialRequest(
            **({"request_id": uuid.uuid4().hex, "shop_name": "bricks", "currency_code": "EUR"} | fields),
            bricklink=keys or some_keys(),
        )
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        response = await stub.PutCredential(request, metadata=metadata(seller, actor, role), timeout=20)
        return response.status

    async def put_brickowl(self, seller: str, key: str) -> credentials_admin_service_pb2.CredentialStatus:
        request = credentials_admin_service_pb2.PutCredentialRequest(
            request_id=uuid.uuid4().hex, shop_name="bricks", currency_code="EUR", brickowl=BrickOwlKeys(key=key)
        )
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        return (await stub.PutCredential(request, metadata=metadata(seller, "user-1", "owner"), timeout=20)).status

    async def rotate(
        self,
        seller: str | None,
        *,
        request_id: str | None = None,
        role: str | None = "owner",
        actor: str | None = "user-4",
        marketplace: str = "bricklink",
        **values: str,
    ) -> credentials_admin_service_pb2.CredentialStatus:
        """Replaces these values."""
        request = credentials_admin_service_pb2.RotateCredentialRequest(
            request_id=uuid.uuid4().hex if request_id is None else request_id
        )
        if marketplace == "bricklink":
            request.bricklink.CopyFrom(credentials_admin_service_pb2.BrickLinkKeysChange(**values))
        elif marketplace == "brickowl":
            request.brickowl.CopyFrom(credentials_admin_service_pb2.BrickOwlKeysChange(**values))
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        response = await stub.RotateCredential(request, metadata=metadata(seller, actor, role), timeout=20)
        return response.status

    async def revoke(
        self,
        seller: str | None,
        marketplace: str = "bricklink",
        *,
        request_id: str | None = None,
        role: str | None = "owner",
        actor: str | None = "user-2",
    ) -> credentials_admin_service_pb2.CredentialStatus:
        request = credentials_admin_service_pb2.RevokeCredentialRequest(
            request_id=uuid.uuid4().hex if request_id is None else request_id, marketplace=marketplace
        )
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        response = await stub.RevokeCredential(request, metadata=metadata(seller, actor, role), timeout=20)
        return response.status

    async def status(
        self, seller: str | None, marketplace: str = "bricklink", *, role: str | None = "viewer"
    ) -> credentials_admin_service_pb2.CredentialStatus:
        request = credentials_admin_service_pb2.GetCredentialStatusRequest(marketplace=marketplace)
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        response = await stub.GetCredentialStatus(request, metadata=metadata(seller, "user-3", role), timeout=20)
        return response.status

    async def validate(self, seller: str, *, role: str | None = "owner", **fields: Any) -> None:
        """Keeps what a test came to."""
        given: dict[str, Any] = {"marketplace": "bricklink", "key_version": 1, "result": "OK"} | fields
        request = credentials_admin_service_pb2.RecordValidationRequest(**given)
        request.validated_at.GetCurrentTime()
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        await stub.RecordValidation(request, metadata=metadata(seller, "user-3", role), timeout=20)

    async def events(
        self, seller: str, marketplace: str = "bricklink", *, role: str | None = "owner", **page: Any
    ) -> credentials_admin_service_pb2.ListCredentialEventsResponse:
        request = credentials_admin_service_pb2.ListCredentialEventsRequest(marketplace=marketplace, **page)
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        return await stub.ListCredentialEvents(request, metadata=metadata(seller, "user-3", role), timeout=20)

    async def leases(
        self, seller: str, marketplace: str = "bricklink", *, role: str | None = "owner", **page: Any
    ) -> credentials_admin_service_pb2.ListLeasesResponse:
        request = credentials_admin_service_pb2.ListLeasesRequest(marketplace=marketplace, **page)
        stub = credentials_admin_service_pb2_grpc.CredentialsAdminServiceStub(self.channel)
        return await stub.ListLeases(request, metadata=metadata(seller, "user-3", role), timeout=20)

    async def lease(
        self, seller: str, marketplace: str = "bricklink", *, timeout: float = 20, claims: tuple[Any, ...] = ()
    ) -> credentials_service_pb2.LeaseCredentialResponse:
        request = credentials_service_pb2.LeaseCredentialRequest(seller_id=seller, marketplace=marketplace)
        stub = credentials_service_pb2_grpc.CredentialsServiceStub(self.channel)
        return await stub.LeaseCredential(request, metadata=claims, timeout=timeout)


def metadata(seller: str | None, actor: str | None, role: str | None) -> tuple[tuple[str, str], ...]:
    return outgoing_metadata(seller_id=seller, actor=actor, role=role, correlation_id=f"correlation-{seller}")


@dataclass
class Running:
    """One process that serves, and the log that it writes."""

    process: asyncio.subprocess.Process
    address: str
    metrics: str
    lines: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self.news:
                self.lines.append(line.decode())
                self.news.notify_all()

    async def logged(self, text: str) -> None:
        """Wait until a line holds this text."""
        async with asyncio.timeout(ENDS_WITHIN), self.news:
            await self.news.wait_for(lambda: any(text in line for line in self.lines))

    async def stop(self) -> int:
        """Ask it to end, unless it has; answers the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(ENDS_WITHIN):
            return await self.process.wait()


async def ready(health: health_pb2_grpc.HealthStub) -> bool:
    answer = await health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@dataclass
class House:
    """A database, a topic, a keyring and an authority, and the processes on them."""

    folder: Path
    urls: DatabaseUrls
    topic: str
    kafka_bootstrap: str
    authority: TestAuthority
    ending: contextlib.AsyncExitStack
    channels: dict[tuple[str, str], grpc.aio.Channel] = field(default_factory=dict)
    at_home: list[Running] = field(default_factory=list)

    def environment(self, **others: str) -> Mapping[str, str]:
        tls = self.certificate("credentials")
        settings = {
            "TLS_CA_FILE": str(tls.ca),
            "TLS_CERTIFICATE_FILE": str(tls.certificate),
            "TLS_KEY_FILE": str(tls.key),
            "DATABASE_URL_FILE": self.file("database-url", self.urls.app),
            "OWNER_DATABASE_URL_FILE": self.file("owner-database-url", self.urls.owner),
            "KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "CONNECTIONS_TOPIC": self.topic,
            "KEYRING_FILE": str(self.folder / "keyring.json"),
            "LOG_LEVEL": "DEBUG",
        } | others
        return os.environ | {f"CREDENTIALS_{name}": value for name, value in settings.items()}

    async def start(self, command: str, **others: str) -> asyncio.subprocess.Process:
        """Start a command, to be waited for or killed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "credentials", command),
            env=self.environment(**others),
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.ending.callback(_end, process)
        return process

    def run(self, command: str, *, without: str = "", **others: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        environment = {name: value for name, value in self.environment(**others).items() if name != without}
        return subprocess.run(
            [sys.executable, "-m", "credentials", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=STARTS_WITHIN,
            check=False,
        )

    async def serve(self, **others: str) -> Running:
        """Start a process and wait until it says that it is ready."""
        address, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "credentials", "serve"),
            env=self.environment(LISTEN=address, METRICS_LISTEN=metrics, **others),
            stderr=asyncio.subprocess.PIPE,
        )
        running = Running(process, address, metrics)
        reading = asyncio.ensure_future(running.read_log())
        self.ending.push_async_callback(asyncio.wait, [reading])
        self.ending.push_async_callback(running.stop)
        health = health_pb2_grpc.HealthStub(self.channel("devstack", running))
        async with asyncio.timeout(STARTS_WITHIN):
            while not await ready(health):  # noqa: ASYNC110 - a server cannot be awaited before it answers
                await asyncio.sleep(0.02)
        return running

    async def living(self, number: int = 1) -> list[Running]:
        """So many processes that live as long as the house: for tests that need one, or several, and stop none."""
        while len(self.at_home) < number:
            self.at_home.append(await self.serve())
        return self.at_home[:number]

    @contextlib.asynccontextmanager
    async def vault(self) -> AsyncIterator[Vault]:
        """What the commands work with, on the same database and with the keyring of now."""
        engine = create_engine(self.urls.app)
        try:
            yield Vault(
                transaction=partial(UnitOfWork, engine),
                keys=Keyring.read(self.folder / "keyring.json"),
                clock=SystemClock(),
                connections_topic=self.topic,
                lease_duration=timedelta(minutes=15),
            )
        finally:
            await engine.dispose()

    def calls(self, service: str, running: Running) -> Calls:
        """Calls with the certificate of a service."""
        return Calls(self.channel(service, running))

    def channel(self, service: str, running: Running) -> grpc.aio.Channel:
        if (service, running.address) not in self.channels:
            channel = open_channel(running.address, service="credentials", tls=self.certificate(service))
            self.ending.push_async_callback(channel.close)
            self.channels[service, running.address] = channel
        return self.channels[service, running.address]

    def certificate(self, service: str) -> TlsFiles:
        folder = self.authority.ca_file.parent
        files = TlsFiles(
            ca=self.authority.ca_file, certificate=folder / f"{service}.pem", key=folder / f"{service}.key"
        )
        return files if files.certificate.exists() else self.authority.issue(service)

    def file(self, name: str, content: str) -> str:
        """Write a file whole: nobody who watches it sees half of it."""
        path, new = self.folder / name, self.folder / f"{name}.new"
        new.write_text(content)
        new.replace(path)
        return str(path)

    def rows(self, query: str, *values: object) -> list[DictRow]:
        """What the owner of the tables sees."""
        with psycopg.connect(self.urls.owner, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def lease_log(self, seller: str) -> list[DictRow]:
        return self.rows("SELECT * FROM lease_log WHERE seller_id = %s ORDER BY at", seller)

    def execute(self, statement: str, *values: object, app: bool = False) -> None:
        with psycopg.connect(self.urls.app if app else self.urls.owner) as connection:
            connection.execute(statement.encode(), values)

    def tamper(self, statement: str, *values: object) -> None:
        """What whoever owns the tables can do to the lifecycle: nothing stops them."""
        self.execute("ALTER TABLE lifecycle DISABLE TRIGGER append_only")
        self.execute(statement, *values)
        self.execute("ALTER TABLE lifecycle ENABLE TRIGGER append_only")

    @contextlib.contextmanager
    def holding(self, statement: str) -> Iterator[int]:
        """Hold what the statement locks while the block runs; gives the id of the session that holds it."""
        with psycopg.connect(self.urls.owner) as connection:
            connection.execute(statement.encode())
            yield connection.info.backend_pid

    async def until(self, query: str) -> None:
        """Wait until the query finds something; PostgreSQL tells nobody that a lock is waited for, so it is asked."""
        async with asyncio.timeout(ENDS_WITHIN):
            while not self.rows(query):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.02)

    async def records(self, seller: str, count: int) -> list[ConsumerRecord[bytes, bytes]]:
        """The first `count` records of a seller's BrickLink connection, waiting until they are there."""
        consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(
            self.topic, bootstrap_servers=self.kafka_bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[ConsumerRecord[bytes, bytes]] = []
        try:
            async with asyncio.timeout(20):
                while len(found) < count:
                    record = await consumer.getone()
                    if record.key == f"{seller}/bricklink".encode():
                        found.append(record)
        finally:
            await consumer.stop()
        return found


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


@dataclass
class Street:
    """Builds houses; the one that modules share ends with the session."""

    build: Callable[[contextlib.AsyncExitStack], House]
    ending: contextlib.AsyncExitStack
    common: House | None = None

    async def house(self, ending: contextlib.AsyncExitStack) -> House:
        house = self.build(ending)
        migrated = await asyncio.to_thread(house.run, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        return house

    async def common_house(self) -> House:
        self.common = self.common or await self.house(self.ending)
        return self.common


@pytest.fixture(scope="session")
async def street(
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], DatabaseUrls],
    new_topic: Callable[..., str],
    kafka_bootstrap: str,
) -> AsyncIterator[Street]:
    def build(ending: contextlib.AsyncExitStack) -> House:
        folder = tmp_path_factory.mktemp("credentials")
        (folder / "keyring.json").write_text(new_keyring())
        return House(
            folder=folder,
            urls=new_database("credentials"),
            topic=new_topic("connections", compacted=True),
            kafka_bootstrap=kafka_bootstrap,
            authority=TestAuthority(folder / "tls"),
            ending=ending,
        )

    async with contextlib.AsyncExitStack() as ending:
        yield Street(build, ending)


@pytest.fixture(scope="module")
async def house(request: pytest.FixtureRequest, street: Street) -> AsyncIterator[House]:
    """The one that modules share, each test with a seller of its own; one for a module that says HOUSE_OF_ITS_OWN."""
    if not getattr(request.module, "HOUSE_OF_ITS_OWN", False):
        yield await street.common_house()
        return
    async with contextlib.AsyncExitStack() as ending:
        yield await street.house(ending)


@pytest.fixture(scope="module")
async def running(house: House) -> Running:
    return (await house.living())[0]


@pytest.fixture(scope="module")
def gateway(house: House, running: Running) -> Calls:
    return house.calls("gateway", running)


@pytest.fixture(scope="module")
def sync_bricklink(house: House, running: Running) -> Calls:
    return house.calls("sync-bricklink", running)


@pytest.fixture
def seller() -> str:
    return f"seller-{uuid.uuid4().hex}"


@pytest.fixture
def new_keys() -> Callable[..., BrickLinkKeys]:
    return some_keys


@pytest.fixture
def refused() -> Callable[[Awaitable[object]], Awaitable[RpcProblem]]:
    """`problem = await refused(call)`: the call must fail, and this is what it says."""

    async def problem(call: Awaitable[object]) -> RpcProblem:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        return problem_of(error.value)

    return problem
