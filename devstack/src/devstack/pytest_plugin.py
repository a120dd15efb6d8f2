"""Real servers for tests, started once a session; registered in the root `conftest.py`.

Each test module makes databases and topics of its own on them, so suites never meet.
"""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from devstack import servers
from devstack.kafka import Topic, create_topics, new_topic_name
from devstack.postgres import DatabaseUrls, create_database, drop_database


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's URL of a PostgreSQL: `postgresql://user:password@host:port/database`."""
    with servers.postgres(os.environ) as url:
        yield url


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """The address of a Kafka, `host:port`. It makes no topic unasked: see `new_topic`."""
    with servers.kafka(os.environ) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Iterator[Callable[[str], DatabaseUrls]]:
    """`app_url, owner_url = new_database("inventory")`: an empty database, each time another one.

    The roles are `inventory` and `inventory_owner`, as everywhere; the database, which has a random suffix, belongs to
    the owner. Tables come from the service's own migrations.
    """
    made: list[DatabaseUrls] = []

    def make(service: str) -> DatabaseUrls:
        made.append(create_database(postgres_url, service, suffix=f"_{secrets.token_hex(4)}"))
        return made[-1]

    yield make
    if os.environ.get("BRICKOPS_POSTGRES_URL"):  # any other server goes with all that is in it, which takes no time
        for urls in made:
            drop_database(postgres_url, urls)


@pytest.fixture(scope="session")
def new_topic(kafka_bootstrap: str) -> Callable[..., str]:
    """`name = new_topic("sales", partitions=3, compacted=False)`: an empty topic whose name nobody else has."""

    def make(prefix: str = "test", *, partitions: int = 3, compacted: bool = False) -> str:
        name = new_topic_name(prefix)
        create_topics(kafka_bootstrap, [Topic(name=name, partitions=partitions, compacted=compacted)])
        return name

    return make
