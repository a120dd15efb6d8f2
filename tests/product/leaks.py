"""Where a secret may have got to: every table, topic, file and process of a stack, searched for values."""

import base64
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from psycopg import sql

from devstack.testing import Stack

Place = tuple[str, bytes]
"""What a person would call it, and all that is written there."""


async def places_with(stack: Stack, value: str) -> list[str]:
    """Name every place of a running stack where a value stands, alone or in something longer, plain or encoded.

    It should be of letters and digits only, which no URL and no JSON text writes otherwise.
    """
    forms = tuple(_forms(value))
    found = [name async for name, content in _stores(stack) if any(form in content for form in forms)]
    found += [
        name for name, content in (*_files(stack.folder), *_processes(stack)) if any(form in content for form in forms)
    ]
    return found


def _forms(value: str) -> Iterator[bytes]:
    """The value as it is, as hexadecimal digits, and as part of a longer text in Base64, wherever it begins there."""
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) // 3 * 4  # characters that nothing after it has a part in
        yield base64.b64encode(b"." * before + raw)[mixed:whole]


async def _stores(stack: Stack) -> AsyncIterator[Place]:
    async for place in _tables(stack.postgres_url):
        yield place
    async for place in _records(stack.kafka_bootstrap):
        yield place


async def _tables(server_url: str) -> AsyncIterator[Place]:
    """Every row of every table of every database as text; bytes show as hexadecimal digits."""
    async with await psycopg.AsyncConnection.connect(server_url) as server:
        databases = await (await server.execute("SELECT datname FROM pg_database WHERE datallowconn")).fetchall()
        queries = await (await server.execute("SELECT query FROM pg_stat_activity")).fetchall()
    yield "queries that run", repr(queries).encode()
    for (database,) in databases:
        url = urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))
        async with await psycopg.AsyncConnection.connect(url) as connection:
            tables = await (
                await connection.execute(
                    "SELECT schemaname, tablename FROM pg_tables"
                    " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
                )
            ).fetchall()
            for names in tables:
                query = sql.SQL("SELECT (t.*)::text FROM {} AS t").format(sql.Identifier(*names))
                rows = await (await connection.execute(query)).fetchall()
                yield f"table {database}.{names[1]}", "\n".join(str(row) for (row,) in rows).encode()


async def _records(bootstrap: str) -> AsyncIterator[Place]:
    """Every record of every topic: key, value and headers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = await admin.describe_topics(await admin.list_topics())
    finally:
        await admin.close()
    partitions = [TopicPartition(topic["topic"], one["partition"]) for topic in topics for one in topic["partitions"]]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                batches = await consumer.getmany(partition, timeout_ms=1000)
                for record in batches.get(partition, ()):
                    parts = [record.key, record.value, *(part for header in record.headers for part in header)]
                    yield (
                        f"topic {partition.topic}",
                        b"\n".join(part.encode() if isinstance(part, str) else part or b"" for part in parts),
                    )
    finally:
        await consumer.stop()


def _files(folder: Path) -> Iterator[Place]:
    """Logs, data of PostgreSQL and Kafka, secrets of services: all that the stack keeps, but the shop."""
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if inside.parts[0] != "sandbox" and file.is_file():
            with contextlib.suppress(FileNotFoundError):  # Kafka and PostgreSQL tidy up while we look
                yield f"file {inside}", file.read_bytes()


def _processes(stack: Stack) -> Iterator[Place]:
    """Command line and environment of every process, children too."""
    for name, running in stack.running.items():
        if running.alive:
            for process in _family(running.pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    told = [*process.cmdline(), *(f"{key}={value}" for key, value in process.environ().items())]
                    yield f"process {name}", "\n".join(told).encode()


def _family(pid: int) -> Iterable[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
