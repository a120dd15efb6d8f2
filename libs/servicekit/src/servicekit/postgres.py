"""PostgreSQL: engines, migrations, and what may be known of an error without repeating a value."""

from psycopg import Error as PsycopgError
from psycopg import OperationalError
from sqlalchemy import Connection, make_url, text
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from servicekit.logs import learn_secret

# PostgreSQL 17 or newer. The last setting is needed because psycopg's executemany leaves the one before it unarmed.
_SERVE_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=10s -c transaction_timeout=30s"
)
_MIGRATE_OPTIONS = "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=300s"

CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds; no keepalive is sent while something sent waits to be acknowledged
}
"""How to connect, so that a server whose machine vanished is noticed after 25 s and not after a quarter of an hour."""

_MIGRATION_LOCK = 0x627269636B6F7073  # "brickops": one migration of a database at a time


def create_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine for `postgresql://user:password@host:port/database`; connects on first use.

    A transaction ends after 30 s, one in which nothing happens usually after 10 s: a process that was stopped in the
    middle of one must not keep its locks. So nobody waits for such a process longer than that.
    """
    return create_async_engine(
        _driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={**CONNECT, "options": _SERVE_OPTIONS},
    )


def migrate(package: str, url: str) -> None:
    """Bring the database at `url` to the newest migration of `package`, such as `inventory.migrations`.

    `url` is that of the role that owns the tables. Two migrations at once run one after the other. Raises DBAPIError.
    """
    from alembic import command  # a process that serves need not load it at each start
    from alembic import config as alembic_config

    config = alembic_config.Config()
    package_name, _, folder = package.partition(".")
    config.set_main_option("script_location", f"{package_name}:{folder.replace('.', '/')}")
    engine = create_sync_engine(
        _driver_url(url), hide_parameters=True, connect_args={**CONNECT, "options": _MIGRATE_OPTIONS}
    )
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def run_migrations() -> None:
    """The whole of a package's `migrations/env.py`: run what `migrate` asked for, in its transaction."""
    from alembic import context

    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def database_identity(conn: AsyncConnection) -> str:
    """Which database this is, as "system identifier/timeline/oid" (rule T2).

    It changes when the cluster is made anew or restored from a backup, when a standby is promoted, and when the
    database was dropped and made again.
    """
    return str((await conn.execute(text(f"SELECT {IDENTITY_SQL}"))).scalar_one())


IDENTITY_SQL = """(
    SELECT system_identifier || '/' || ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
        || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_control_system()
)"""
"""`database_identity` as a scalar subquery, for use inside another statement."""


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, overtaxed or in its own way, so that the same may work when tried again.

    What was under way then may have been committed or not.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, OperationalError)
    return isinstance(error, PoolTimeoutError)


def sqlstate_of(error: DBAPIError) -> str | None:
    """The five characters of SQLSTATE, if the server sent any."""
    return error.orig.sqlstate if isinstance(error.orig, PsycopgError) else None


def constraint_of(error: DBAPIError) -> str | None:
    """The constraint that was violated, if one was."""
    return error.orig.diag.constraint_name if isinstance(error.orig, PsycopgError) else None


def _driver_url(url: str) -> URL:
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    learn_secret(str(parsed.password or ""))
    return parsed
