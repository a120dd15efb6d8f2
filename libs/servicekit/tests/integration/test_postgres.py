"""Engines, migrations and errors with a real PostgreSQL."""

import asyncio
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from devstack.postgres import DatabaseUrls
from servicekit.logs import configure_logs
from servicekit.postgres import constraint_of, create_engine, database_identity, is_outage, migrate, sqlstate_of

from .conftest import ROLE, Database, owner_operations

CANARY = "canary-in-a-row"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process would write on stderr."""
    before = (logging.root.handlers[:], logging.root.level, sys.excepthook, threading.excepthook, sys.unraisablehook)
    configure_logs("inventory")
    written = io.StringIO()
    [handler] = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    logging.root.handlers[:], level, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    logging.root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service's package with one migration."""
    versions = tmp_path / "shop_service" / "migrations" / "versions"
    versions.mkdir(parents=True)
    for folder in (versions.parent, versions.parent.parent):
        (folder / "__init__.py").touch()
    (versions.parent / "env.py").write_text("from servicekit.postgres import run_migrations\n\nrun_migrations()\n")
    (versions / "0001_pre_create_tables.py").write_text(
        "from alembic import op\n"
        "from servicekit.consumer import create_consumer_tables\n"
        "from servicekit.outbox import create_outbox\n"
        "revision, down_revision = '0001', None\n"
        "def upgrade():\n"
        f"    create_outbox(op, app_role='{ROLE}')\n"
        f"    create_consumer_tables(op, app_role='{ROLE}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "shop_service.migrations"


def test_migrations_of_a_package_run_once(package: str, new_database: Callable[[str], DatabaseUrls]) -> None:
    """The service's role may use the tables and does not own them."""
    app_url, owner_url = new_database(ROLE)
    for _ in range(2):
        migrate(package, owner_url)
    with psycopg.connect(app_url, autocommit=True) as service:
        assert service.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("DROP TABLE outbox")


async def test_two_migrations_at_once_run_one_after_the_other(
    package: str, new_database: Callable[[str], DatabaseUrls]
) -> None:
    program = "import os; from servicekit.postgres import migrate; migrate(os.environ['PACKAGE'], os.environ['URL'])"
    environ = {"PYTHONPATH": sys.path[0], "PACKAGE": package, "URL": new_database(ROLE).owner}
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environ) for _ in range(2)]

    assert [await process.wait() for process in both] == [0, 0]


async def test_the_identity_of_a_database_is_stable_and_its_own(
    database: Database, new_database: Callable[[str], DatabaseUrls]
) -> None:
    """T2: the same over connections, another one for a database that was made anew."""
    other = create_engine(new_database(ROLE).app)
    async with database.engine.connect() as one, other.connect() as two:
        identities = [await database_identity(one), await database_identity(two)]
    await database.engine.dispose()
    async with database.engine.connect() as again:
        identities.append(await database_identity(again))
    await other.dispose()

    system, timeline, oid = identities[0].split("/")
    assert (system.isdigit(), timeline, oid.isdigit()) == (True, "1", True)
    assert identities[0] == identities[2] != identities[1]


async def test_an_idle_transaction_does_not_keep_its_locks_for_long(database: Database) -> None:
    """A process that is stopped in the middle of a transaction must not stop the others."""
    async with database.engine.connect() as conn:
        timeouts = [
            (await conn.execute(sa.text(f"SHOW {name}"))).scalar_one()
            for name in ("idle_in_transaction_session_timeout", "transaction_timeout", "statement_timeout")
        ]

    assert timeouts == ["10s", "30s", "30s"]


async def test_a_server_whose_machine_vanished_is_noticed(database: Database) -> None:
    """By default the kernel sends a statement again and again for a quarter of an hour."""
    async with database.engine.connect() as conn:
        session = (await conn.get_raw_connection()).driver_connection
        assert session is not None
        settings = session.info.get_parameters()

    assert settings["tcp_user_timeout"] == "25000"
    assert settings["keepalives_idle"] == "10"


async def test_an_engine_survives_its_connections(database: Database, postgres_url: str) -> None:
    async with database.engine.connect() as conn:
        await conn.execute(sa.text("SELECT 1"))
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()",
            (ROLE,),
        )
    async with database.engine.connect() as conn:
        assert (await conn.execute(sa.text("SELECT 1"))).scalar_one() == 1


async def test_only_an_outage_is_worth_another_try(database: Database) -> None:
    async def error_of(statement: str) -> DBAPIError:
        with pytest.raises(DBAPIError) as raised:
            async with database.engine.begin() as conn:
                await conn.execute(sa.text(statement))
        return raised.value

    assert is_outage(await error_of("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_outage(await error_of("SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)"))
    assert not is_outage(await error_of("SELECT nothing"))
    assert not is_outage(await error_of("SELECT 1 / 0"))
    assert not is_outage(ValueError())


async def test_a_database_error_is_logged_without_the_values_it_quotes(database: Database, log: io.StringIO) -> None:
    """PostgreSQL's own text says `Key (name)=(...)`; the log says which rule was broken, and where."""
    with owner_operations(database.owner_url) as op:
        op.execute("ALTER TABLE effects ADD CONSTRAINT one_of_each UNIQUE (seen)")
    with pytest.raises(DBAPIError) as raised:
        async with database.engine.begin() as conn:
            await conn.execute(sa.text("INSERT INTO effects VALUES (:seen), (:seen)"), {"seen": CANARY})
    error = raised.value
    assert CANARY in str(error)
    assert (sqlstate_of(error), constraint_of(error)) == ("23505", "one_of_each")
    logging.getLogger("inventory").error("not stored: %s", error)
    sys.excepthook(type(error), error, error.__traceback__)
    lines = [json.loads(line) for line in log.getvalue().splitlines()[-2:]]

    told = "IntegrityError (SQLSTATE 23505, constraint one_of_each)"
    assert (lines[0]["message"], lines[1]["exception"]) == (f"not stored: {told}", told)
    assert CANARY not in log.getvalue()


async def test_a_password_is_in_no_log_line(database: Database, log: io.StringIO) -> None:
    """The engine's URL made it known to the redactor."""
    password = urlsplit(database.url).password
    assert password
    logging.getLogger("some.library").warning("cannot connect to %s", database.url)

    assert "[redacted]" in log.getvalue()
    assert password not in log.getvalue()
