"""The database itself: what it refuses, and that the code's picture of it is right."""

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
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


BEFORE_RETURNS = """
INSERT INTO lots SELECT * FROM jsonb_populate_record(CAST(NULL AS lots), jsonb_build_object(
    'lot_id', {lot}, 'seller_id', 's', 'revision', 4, 'item_type', 'PART', 'item_no', '3001', 'color_id', 5,
    'condition', 'USED', 'quantity', 0, 'reserved', 0, 'sold', 5, 'currency', 'EUR', 'unit_price', 1,
    'sale_percent', 0, 'tiers', '[]'::jsonb, 'bulk', 1, 'description', '', 'remarks', '', 'retain', false,
    'location', '', 'tags', '[]'::jsonb, 'archived', false, 'created_at', now(), 'updated_at', now(),
    'counted_at', now(), 'group_revisions', '{{}}'::jsonb, 'counted_seqs', '{{}}'::jsonb,
    'listing_ids', '{{}}'::jsonb, 'sales_frozen', false
));
INSERT INTO order_lines VALUES
    ('s', 'bricklink', 'counted', '1', {lot}, 5, 2, 9, 'SALE', now(), true),
    ('s', 'bricklink', 'baseline', '1', {lot}, 4, 4, 8, 'BASELINE', now(), false);
INSERT INTO changes
SELECT gen_random_uuid(), {lot}, 's', revision, type, source, 'a', '', now(), '{{}}', '{{}}', delta, 0, 'c',
    'bricklink', line, '1', NULL
FROM (VALUES
    (1, 'CREATED', 'USER', 5, NULL), (2, 'SOLD', 'ORDER', -2, 'counted'), (3, 'SOLD', 'ORDER', -3, 'counted'),
    (4, 'UPDATED', 'USER', 0, NULL)
) AS told (revision, type, source, delta, line);
"""


def test_what_was_sold_before_there_were_returns_is_known_afterwards(
    new_database: Callable[[str], DatabaseUrls],
) -> None:
    url = make_url(new_database("inventory").owner).set(drivername="postgresql+psycopg")
    config = Config()
    config.set_main_option("script_location", "inventory:migrations")
    lot = f"'{uuid.uuid4()}'::uuid"
    with create_engine(url, poolclass=NullPool).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(BEFORE_RETURNS.format(lot=lot))
        command.upgrade(config, "head")
        lines = connection.exec_driver_sql("SELECT order_id, sold, told_returned FROM order_lines ORDER BY order_id")
        assert [tuple(line) for line in lines] == [("baseline", 0, 0), ("counted", 5, 0)]
        (opened,) = connection.exec_driver_sql("SELECT * FROM returns")
        assert (opened.order_id, opened.pieces, opened.closed_at) == ("counted", 3, None)
        assert opened.return_id.version == 7
        assert abs((opened.return_id.int >> 80) / 1000 - opened.opened_at.timestamp()) < 60
        assert connection.exec_driver_sql("SELECT sold_last FROM lots").scalar_one() is True
