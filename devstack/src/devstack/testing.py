"""The whole product under test: the same code as `make run`, with state and ports of its own, to be prodded at will.

`with temporary_stack() as stack: stack.kill("inventory"); stack.start_again("inventory")`
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from devstack.certificates import certificates_folder
from devstack.ports import HOST, free_port
from devstack.postgres import DatabaseUrls, create_database, drop_database
from devstack.product import Product
from devstack.programs import Running
from devstack.settings import Settings, Surroundings, on_free_ports
from servicekit.mtls import TlsFiles
from servicekit.testing.ca import TestAuthority

_COMMAND_WITHIN = 120  # seconds


class Stack(Product):
    """A started product. Programs go by their names: postgres kafka issuer sandbox sandbox-brickowl credentials ...

    Each call blocks until what it asks for is so; give it to `asyncio.to_thread` where a test must go on meanwhile.
    """

    def is_healthy(self, name: str) -> bool:
        """Ask one program now."""
        running = self.running.get(name)
        return running is not None and running.is_healthy()

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        self.running[name].kill()

    def terminate(self, name: str) -> int:
        """SIGTERM (or what it stops by), wait, and return its exit code; 0 is a good end, for Kafka 143."""
        return self.running[name].stop()

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.running[name].pause()

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.running[name].resume()

    def start_again(self, name: str, *, ready: bool = True) -> None:
        """Start a program that has ended, as it was started before; wait until it is healthy unless told not to."""
        if self.running[name].alive:
            raise ValueError(f"{name} runs")
        self.begin(self.running[name].program, ready=ready)

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stop it in good order and start it again, from now on with these variables changed."""
        self.terminate(name)
        program = self.running[name].program
        self.begin(replace(program, environment={**program.environment, **(environment or {})}))

    def copy_database(self, service: str) -> str:
        """Keep the database of a service, which must not run, as it is now; return the name of the copy."""
        copy = f"{service.replace('-', '_')}_{secrets.token_hex(4)}"
        self._copy(_database_of(self.database(service)), copy, service)
        return copy

    def restore_database(self, service: str, copy: str) -> None:
        """Put a copy in the place of the database of a service, which must not run."""
        urls = self.database(service)
        drop_database(self.postgres_url, urls)
        self._copy(copy, _database_of(urls), service)

    def empty_database(self, service: str) -> None:
        """Drop the database of a service, which must not run, and make a new one with its tables."""
        drop_database(self.postgres_url, self.database(service))
        create_database(self.postgres_url, service)
        self._migrate(service)

    def _copy(self, source: str, target: str, service: str) -> None:
        owner = urlsplit(self.database(service).owner).username or ""
        with psycopg.connect(self.postgres_url, autocommit=True) as server:
            server.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*map(sql.Identifier, (target, owner, source)))
            )
        create_database(self.postgres_url, service)  # who may connect is not copied

    def run_once(self, service: str, *arguments: str) -> int:
        """Run another command of a service (`python -m inventory recover`) to its end; return its exit code."""
        program = self.running[service].program
        command = (*program.command[:-1], *arguments)
        return Running(replace(program, name=f"{service}-{arguments[0]}", command=command)).wait(_COMMAND_WITHIN)

    def start_second(self, service: str) -> str:
        """Start one more instance of a service beside the first, on a port of its own; return the name it goes by.

        It has the same certificate, database and group. The gateway keeps calling the first.
        """
        count = sum(
            name.startswith(f"{service}-") and name.removeprefix(f"{service}-").isdigit() for name in self.running
        )
        program = self.wired.service(service, instance=f"-{count + 2}", port=free_port())
        self.begin(program)
        return program.name

    def log(self, name: str) -> str:
        """Everything a program has written."""
        return self.running[name].log_text()

    @property
    def pings_port(self) -> int:
        """Where the gateway takes Brick Owl's pings."""
        return self.wired.surroundings.settings.pings_port

    def address(self, name: str) -> str:
        """`host:port` of a program, also of a second instance."""
        return f"{HOST}:{self.running[name].program.port}"

    def tls(self, service: str) -> TlsFiles:
        """The certificate of a service of this stack."""
        return self.wired.tls[service]

    def authority(self) -> TestAuthority:
        """The authority of this stack, to issue certificates that it must refuse."""
        return TestAuthority(certificates_folder(self.folder))


def _database_of(urls: DatabaseUrls) -> str:
    return urlsplit(urls.owner).path.removeprefix("/")


@contextlib.contextmanager
def temporary_stack(
    folder: Path | None = None, *, overrides: Mapping[str, Mapping[str, str]] | None = None, demo: bool = False
) -> Iterator[Stack]:
    """Start everything on free ports with an empty state, and stop it at the end.

    The state is in `folder`, and stays, or in a temporary folder that is removed. `overrides` adds variables:
    `{"sync-bricklink": {"SYNC_BRICKLINK_LATE_WINDOW": "1"}}`. PostgreSQL and Kafka are always its own, so that a test
    may kill them. `demo` loads the demo seller, as `make run` does.
    """
    with contextlib.ExitStack() as held:
        if folder is None:
            folder = Path(
                held.enter_context(tempfile.TemporaryDirectory(prefix="brickops-", ignore_cleanup_errors=True))
            )
        alone = {name: os.environ[name] for name in ("PATH", "BRICKOPS_CACHE") if name in os.environ}
        surroundings = replace(Surroundings.of(alone), folder=folder, settings=on_free_ports(Settings()))
        stack = Stack(surroundings, overrides=overrides, durable=False)
        held.callback(stack.stop)
        stack.start()
        if demo:
            stack.load_demo()
        yield stack
