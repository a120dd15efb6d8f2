"""The database itself: what it refuses, and that the code's picture of it is right."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import errors
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from devstack.postgres import DatabaseUrls
from inventory.storage.tables import METADATA
from inventory.testing.calls import Calls

LIBRARIES_TABLES = {"outbox", "consumer_positions", "database_noted", "undecodable_records", "alembic_version"}


@pytest.fixture
def owner(database: DatabaseUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.owner, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app(database: DatabaseUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.app, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", ["UPDATE changes SET reason = ''", "DELETE FROM changes", "TRUNCATE changes"])
async def test_recorded_changes_are_refused_to_be_altered_even_by_their_owner(
    calls: Calls, owner: psycopg.Connection, statement: str
) -> None:
    """The trigger holds for every role, as long as nobody drops it."""
    await calls.create()
    with pytest.raises(errors.RaiseException, match="never altered"):
        owner.execute(statement)
    assert (await calls.list_changes()).changes


@pytest.mark.parametrize("statement", ["UPDATE changes SET reason = ''", "DELETE FROM changes", "TRUNCATE changes"])
def test_the_serving_role_may_not_alter_changes(app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE changes DISABLE TRIGGER changes_stay", "DROP TRIGGER changes_stay ON changes", "DROP TABLE changes"],
)
def test_the_serving_role_does_not_own_the_change_log(app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(statement)


def test_the_code_knows_the_tables_as_the_migrations_make_them(database: DatabaseUrls) -> None:
    url = make_url(database.owner).set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: (
                    (kind != "table" or name not in LIBRARIES_TABLES) and kind not in {"index", "unique_constraint"}
                )
            },
        )
        assert compare_metadata(context, METADATA) == []
