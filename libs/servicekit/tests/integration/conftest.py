"""A database with the tables of servicekit, as a service's migrations make them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import AsyncEngine

from devstack.postgres import DatabaseUrls
from servicekit.consumer import create_consumer_tables
from servicekit.kafka import KafkaConfig
from servicekit.outbox import create_outbox
from servicekit.postgres import create_engine
from servicekit.testing.ca import TestAuthority

ROLE = "servicekit_test"


@dataclass(frozen=True)
class Database:
    """A database of its own: its address for the service, and an engine on it."""

    url: str
    owner_url: str
    engine: AsyncEngine


@contextmanager
def owner_operations(owner_url: str) -> Iterator[Operations]:
    engine = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        yield Operations(MigrationContext.configure(connection))
    engine.dispose()


async def until(condition: Callable[[], Awaitable[object]], *, within: float = 60) -> None:
    """Wait for what nobody announces, such as another session's commit; AssertionError naming it after `within` s.

    Unless a test says less, that is far more than anything takes on a busy machine.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + within
    while not await condition():
        named = condition.func if isinstance(condition, partial) else condition
        assert clock() < deadline, f"{getattr(named, '__qualname__', named)} is not so within {within:g} seconds"
        await asyncio.sleep(0.02)


async def ended(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks once; each must end of it, as it must on SIGTERM, in the time that its clients are given."""
    for task in tasks:
        task.cancel()
    _, late = await asyncio.wait(tasks, timeout=15)
    assert not late, f"cancelled, and not ended within 15 seconds: {late}"


def create_tables(owner_url: str) -> None:
    with owner_operations(owner_url) as op:
        create_outbox(op, app_role=ROLE)
        create_consumer_tables(op, app_role=ROLE)
        op.execute(f"CREATE TABLE effects (seen text); GRANT ALL ON effects TO {ROLE}")


@pytest.fixture
async def database(new_database: Callable[[str], DatabaseUrls]) -> AsyncIterator[Database]:
    app_url, owner_url = new_database(ROLE)
    create_tables(owner_url)
    engine = create_engine(app_url)
    yield Database(app_url, owner_url, engine)
    await engine.dispose()


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaConfig:
    return KafkaConfig(bootstrap=kafka_bootstrap)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    return TestAuthority(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    """An authority that nobody of us believes."""
    return TestAuthority(tmp_path_factory.mktemp("authority") / "theirs")
