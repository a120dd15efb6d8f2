"""A database with the engine's tables, as a sync service's migration makes them; empty for each test."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import AsyncEngine

from devstack.postgres import DatabaseUrls
from servicekit.postgres import create_engine
from syncengine.testing.tables import create_newest_tables

ROLE = "syncengine_test"


@dataclass(frozen=True)
class Database:
    """A database as the service's role reaches it."""

    url: str = field(repr=False)
    engine: AsyncEngine


@pytest.fixture(scope="module")
async def migrated(new_database: Callable[[str], DatabaseUrls]) -> AsyncIterator[tuple[Database, sa.Engine]]:
    app_url, owner_url = new_database(ROLE)
    owner = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with owner.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        create_newest_tables(op, app_role=ROLE)
    engine = create_engine(app_url)
    yield Database(app_url, engine), owner
    await engine.dispose()
    owner.dispose()


@pytest.fixture
def database(migrated: tuple[Database, sa.Engine]) -> Database:
    database, owner = migrated
    with owner.begin() as connection:
        for table in sa.inspect(connection).get_table_names():
            connection.execute(sa.text(f"DELETE FROM {table}"))
    return database
