"""The service as it runs: its own process and certificate, on a real PostgreSQL and a real Kafka."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceStub
from devstack.kafka import Topic, create_topics
from devstack.ports import HOST, free_port
from devstack.postgres import DatabaseUrls
from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import problem_of
from servicekit.testing.ca import TestAuthority

SERVICE = "sync-bricklink"
ENDS_WITHIN = 40  # seconds


@dataclass(frozen=True)
class House:
    """A migrated database, the topics, and an authority."""

    urls: DatabaseUrls
    authority: TestAuthority
    environment: dict[str, str]

    def run(self, command: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        environment = {name: value for name, value in (self.environment | changed).items() if value is not None}
        return subprocess.run(
            [sys.executable, "-m", "sync_bricklink", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN,
            check=False,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
        """Run the service in the block; gives its process and address."""
        address = f"{HOST}:{free_port()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sync_bricklink", "serve"),
            env=self.environment | {"SYNC_BRICKLINK_LISTEN": address},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process, address
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    @asynccontextmanager
    async def channel(self, address: str, caller: str) -> AsyncIterator[grpc.aio.Channel]:
        """A channel with the certificate of a service."""
        async with open_channel(address, service=SERVICE, tls=self.authority.issue(caller)) as channel:
            await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=ENDS_WITHIN
            )
            yield channel


@pytest.fixture(scope="module")
def house(
    new_database: Callable[[str], DatabaseUrls],
    kafka_bootstrap: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> House:
    folder = tmp_path_factory.mktemp("house")
    urls, authority = new_database(SERVICE), TestAuthority(folder / "authority")
    create_topics(
        kafka_bootstrap,
        [
            Topic(name="brickops.lots.bricklink.v1", partitions=3),
            Topic(name="brickops.connections.v1", partitions=3, compacted=True),
        ],
    )
    tls = authority.issue(SERVICE)
    told = {
        "TLS_CA_FILE": tls.ca,
        "TLS_CERTIFICATE_FILE": tls.certificate,
        "TLS_KEY_FILE": tls.key,
        "DATABASE_URL_FILE": secret(folder / "url", urls.app),
        "OWNER_DATABASE_URL_FILE": secret(folder / "owner-url", urls.owner),
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "CREDENTIALS_ADDRESS": f"{HOST}:{free_port()}",
        "API_URL": f"http://{HOST}:{free_port()}/api/store/v1",
        "METRICS_LISTEN": f"{HOST}:{free_port()}",
    }
    house = House(urls, authority, {f"SYNC_BRICKLINK_{name}": str(value) for name, value in told.items()})
    migrated = house.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    return house


def secret(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_help_says_what_there_is(house: House) -> None:
    shown = house.run("--help")
    assert shown.returncode == 0
    assert "serve" in shown.stdout
    assert "migrate" in shown.stdout


def test_migrating_again_changes_nothing(house: House) -> None:
    def version() -> object:
        with psycopg.connect(house.urls.owner) as connection:
            return connection.execute("SELECT * FROM alembic_version").fetchall()

    before = version()
    assert house.run("migrate").returncode == 0
    assert version() == before


@pytest.mark.parametrize(
    ("command", "variable", "value", "said"),
    [
        ("serve", "SYNC_BRICKLINK_KAFKA_BOOTSTRAP", None, "SYNC_BRICKLINK_KAFKA_BOOTSTRAP is missing"),
        ("serve", "SYNC_BRICKLINK_LANES", "3", "SYNC_BRICKLINK_LANES is not a setting"),
        ("serve", "SYNC_BRICKLINK_LEASE", "124", "at least 125 s"),
        ("migrate", "SYNC_BRICKLINK_OWNER_DATABASE_URL_FILE", None, "OWNER_DATABASE_URL_FILE is missing"),
    ],
)
def test_wrong_setting_is_one_clear_line(
    house: House, command: str, variable: str, value: str | None, said: str
) -> None:
    ended = house.run(command, **{variable: value})
    assert ended.returncode == 1
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_gateway_is_answered_others_are_not_and_a_signal_ends_it_well(house: House) -> None:
    async with house.serving() as (process, address):
        async with house.channel(address, "gateway") as channel:
            metadata = outgoing_metadata(seller_id="seller", actor="user", role="owner", correlation_id="cause")
            answer = await SyncServiceStub(channel).GetConnection(pb.GetConnectionRequest(), metadata=metadata)
            assert answer.connection.marketplace == "bricklink"
            assert answer.connection.state == pb.CONNECTION_STATE_NOT_CONNECTED
            confirming = SyncServiceStub(channel).ConfirmConnection(
                pb.ConfirmConnectionRequest(request_id="one"), metadata=metadata
            )
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await confirming
            assert problem_of(refusal.value).reason == "CONNECTION_NOT_FOUND"
        async with house.channel(address, "inventory") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await SyncServiceStub(channel).GetConnection(pb.GetConnectionRequest())
            assert problem_of(refusal.value).reason == "CALLER_NOT_ALLOWED"
        async with httpx.AsyncClient() as http:
            shown = await http.get(f"http://{house.environment['SYNC_BRICKLINK_METRICS_LISTEN']}/metrics")
            assert "\nbrickops_certificate_expires_timestamp_seconds " in shown.text
        process.terminate()
        _, log = await asyncio.wait_for(process.communicate(), ENDS_WITHIN)
        assert process.returncode == 0, log.decode()
