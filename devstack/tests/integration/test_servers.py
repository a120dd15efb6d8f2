"""The servers that every integration test leans on: they keep what was written, through kill -9 and restart."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from devstack.kafka import KafkaServer, Topic, create_topics
from devstack.ports import free_port
from devstack.postgres import DatabaseUrls, PostgresServer, create_database
from devstack.programs import Running
from devstack.state import cache_folder


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[tuple[PostgresServer, Running]]:
    server = PostgresServer(folder=tmp_path, port=free_port())
    server.prepare()
    running = Running(server.program())
    running.wait_ready()
    yield server, running
    running.stop()


@pytest.fixture
def kafka_server(tmp_path: Path) -> Iterator[tuple[KafkaServer, Running]]:
    server = KafkaServer(folder=tmp_path, cache=cache_folder({}), port=free_port(), controller_port=free_port())
    server.prepare()
    running = Running(server.program())
    running.wait_ready()
    yield server, running
    running.stop()


def test_postgres_killed_keeps_what_was_committed(postgres_server: tuple[PostgresServer, Running]) -> None:
    server, running = postgres_server
    urls = create_database(server.url, "inventory")
    with psycopg.connect(urls.owner) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('brick')")
    assert running.kill() == -9
    again = Running(server.program())
    again.wait_ready()
    with psycopg.connect(urls.owner) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("brick",)]
    assert again.stop() == 0


def test_postgres_logs_no_values(postgres_server: tuple[PostgresServer, Running]) -> None:
    """A statement that fails shows neither its text nor its values in the server's log (STACK.md)."""
    server, running = postgres_server
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE keys (secret text PRIMARY KEY)")
        connection.execute("INSERT INTO keys VALUES ('canary-4711')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO keys VALUES (%s)", ("canary-4711",))
    running.stop()
    assert "duplicate key" in running.log_text()
    assert "canary" not in running.log_text()


async def test_kafka_killed_keeps_what_was_acknowledged(kafka_server: tuple[KafkaServer, Running]) -> None:
    server, running = kafka_server
    create_topics(server.bootstrap, [Topic(name="kept", partitions=1)])
    async with AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", b"brick")
    assert running.kill() == -9
    again = Running(server.program())
    again.wait_ready()
    async with AIOKafkaConsumer("kept", bootstrap_servers=server.bootstrap, auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 30)
    assert record.value == b"brick"
    again.stop()


def test_the_app_role_owns_nothing_and_other_services_stay_out(
    new_database: Callable[[str], DatabaseUrls],
) -> None:
    """Two roles for each service: `serve` may only what migrations granted it, and only in its own database."""
    urls = new_database("sync-bricklink")
    with psycopg.connect(urls.owner) as connection:
        connection.execute("CREATE TABLE ledger (pieces int)")
        connection.execute("GRANT SELECT ON ledger TO sync_bricklink")
    with psycopg.connect(urls.app) as connection:
        assert connection.execute("SELECT current_user").fetchall() == [("sync_bricklink",)]
        assert connection.execute("SELECT count(*) FROM ledger").fetchall() == [(0,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO ledger VALUES (1)")
    with psycopg.connect(urls.app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE another (pieces int)")
    others = new_database("inventory")
    database = urls.app.rpartition("/")[2]
    assert database.startswith("sync_bricklink_")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(others.app.rpartition("/")[0] + "/" + database).close()


def test_databases_are_made_anew_each_time(new_database: Callable[[str], DatabaseUrls]) -> None:
    assert new_database("inventory").app != new_database("inventory").app


async def test_a_topic_has_the_partitions_asked_for(kafka_bootstrap: str, new_topic: Callable[..., str]) -> None:
    name = new_topic("sales", partitions=5)
    async with AIOKafkaConsumer(name, bootstrap_servers=kafka_bootstrap) as consumer:
        assert consumer.partitions_for_topic(name) == {0, 1, 2, 3, 4}
