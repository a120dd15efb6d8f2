"""The whole product as one thing that starts, can be looked at and prodded, and stops in order."""

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from credentials.crypto.keyring import new_keyring
from devstack import demo, preflight
from devstack.certificates import ensure_certificates
from devstack.health import GrpcHealth
from devstack.kafka import KafkaServer, create_topics
from devstack.ports import HOST
from devstack.postgres import DatabaseUrls, PostgresServer, create_database
from devstack.problems import GivenUp, Problem
from devstack.programs import Program, Running, end_leftovers, exit_words
from devstack.secret_files import write_secret
from devstack.services import (
    BRICKOWL_SANDBOX,
    ORDER,
    PROBE,
    SANDBOX,
    TOPICS,
    WITH_CERTIFICATE,
    WITH_DATABASE,
    Services,
    keyring_file,
)
from devstack.settings import Surroundings
from devstack.state import locked
from devstack.tokens import ensure_signing_key, sign_token

_MIGRATION_WITHIN = 120  # seconds


class Product:
    """PostgreSQL, Kafka, issuer, sandboxes and every service, each a process of its own.

    Blocking; may be used from any thread, by one at a time. `running` holds what was started, by name; `report` is told
    each step in words.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        report: Callable[[str], None] = lambda line: None,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        durable: bool = True,
    ) -> None:
        self.running: dict[str, Running] = {}
        self._surroundings = surroundings
        self._report = report
        self._overrides = overrides or {}
        self._durable = durable
        self._held = contextlib.ExitStack()
        self._starting = threading.Lock()
        self._stopping = False
        self._services: Services | None = None
        self._databases: dict[str, DatabaseUrls] = {}
        self._postgres: PostgresServer | None = None

    def start(self) -> None:
        """Start everything and return when all of it is healthy.

        Raises `Problem` with one line for the person. However it ends, `stop` is to be called afterwards.
        """
        self._held.enter_context(locked(self.folder))
        if ended := end_leftovers(self.folder):
            self._report(f"an earlier run was killed; ended what it left: {', '.join(ended)}")
        preflight.check(self._surroundings)
        self._services = Services(
            surroundings=self._surroundings,
            tls=ensure_certificates(self.folder, (*WITH_CERTIFICATE, PROBE)),
            kafka_bootstrap=self.kafka_bootstrap,
            jwks=ensure_signing_key(self.folder),
            overrides=self._overrides,
        )
        if not keyring_file(self.folder).exists():
            write_secret(keyring_file(self.folder), new_keyring())
        self._note_urls()
        # three chains that need nothing of one another, then the services, which need all of them
        self._all_of(self._start_databases, self._start_topics, self._start_surroundings)
        services = [self.wired.service(name) for name in ORDER if name in WITH_CERTIFICATE]
        self._report("starting the services")
        for program in services:
            self.begin(program, ready=False)
        for program in services:
            self.running[program.name].wait_ready(given_up=lambda: self._stopping)

    def stop(self) -> None:
        """Stop everything in reverse order, each with its grace; a second call does nothing."""
        self._stop_starting()
        for name in [*sorted(self.running.keys() - set(ORDER)), *reversed(ORDER)]:
            running = self.running.get(name)
            if running is None:
                continue
            if running.alive:
                self._report(f"stopping {name}")
            running.stop()
            if not running.ended_well:
                self._report(f"{name} ended with {exit_words(running.exit_code)}")
        self._let_go()

    def kill_all(self) -> None:
        """End everything now."""
        self._stop_starting()
        for running in self.running.values():
            running.kill()
        self._let_go()

    def begin(self, program: Program, *, ready: bool = True) -> None:
        """Start a program and keep it among the `running`; wait until it is healthy unless told not to."""
        with self._starting:
            if self._stopping:
                raise GivenUp("stopped while starting")
            running = self.running[program.name] = Running(program)
        if ready:
            running.wait_ready(given_up=lambda: self._stopping)

    @property
    def wired(self) -> Services:
        """How the services are called and what they are told. Raises RuntimeError before the start."""
        if self._services is None:
            raise RuntimeError("the stack was not started")
        return self._services

    def load_demo(self) -> None:
        """Open demo shops; load the demo seller unless BrickLink is real: it must not be offered what nobody has."""
        surroundings = self._surroundings
        if surroundings.brickowl_api_url is None:
            demo.open_brickowl_shop(self.brickowl_sandbox_url)
        if surroundings.bricklink_api_url is None:
            self._report("loading the demo seller")
            demo.load(gateway_url=self.gateway_url, token=self.token(), sandbox_url=self.sandbox_url)

    @property
    def folder(self) -> Path:
        """The state folder."""
        return self._surroundings.folder

    @property
    def gateway_url(self) -> str:
        """Where the REST API begins."""
        return self.wired.gateway_url

    @property
    def sandbox_url(self) -> str:
        """Where BrickLink's sandbox begins: its page, `/sandbox/...` and `/api/store/v1/...`."""
        return self.wired.sandbox_url

    @property
    def brickowl_sandbox_url(self) -> str:
        """Where Brick Owl's sandbox begins: its page, `/sandbox/...` and `/v1/...`."""
        return self.wired.brickowl_sandbox_url

    @property
    def issuer_url(self) -> str:
        """Who signs the tokens."""
        return self.wired.issuer_url

    @property
    def kafka_bootstrap(self) -> str:
        """Where Kafka is."""
        return self._surroundings.settings.kafka or f"{HOST}:{self._surroundings.settings.kafka_port}"

    @property
    def postgres_url(self) -> str:
        """The superuser's URL of PostgreSQL."""
        if self._postgres:
            return self._postgres.url
        if self._surroundings.settings.postgres_url:
            return self._surroundings.settings.postgres_url
        raise RuntimeError("the stack was not started")

    def database(self, service: str) -> DatabaseUrls:
        """How to reach a service's database, as the role that serves and as the owner of the tables."""
        return self._databases[service]

    def token(self, role: str = "owner", *, seller: str = "A") -> str:
        """Sign a bearer token for a demo user."""
        return sign_token(self.folder, issuer_url=self.issuer_url, role=role, seller=seller)

    def _start_databases(self) -> None:
        settings = self._surroundings.settings
        if not settings.postgres_url:
            self._report("starting PostgreSQL")
            self._postgres = PostgresServer(folder=self.folder, port=settings.postgres_port, durable=self._durable)
            self._postgres.prepare()
            self.begin(self._postgres.program())
        for name in WITH_DATABASE:
            self._databases[name] = create_database(self.postgres_url, name)
            self.wired.write_database_urls(name, self._databases[name])
        self._report("bringing the databases up to date")
        self._all_of(*(partial(self._migrate, name) for name in WITH_DATABASE))

    def _start_topics(self) -> None:
        settings = self._surroundings.settings
        if not settings.kafka:
            self._report("starting Apache Kafka")
            server = KafkaServer(
                folder=self.folder,
                cache=self._surroundings.cache,
                port=settings.kafka_port,
                controller_port=settings.kafka_controller_port,
            )
            server.prepare(self._report)
            self.begin(server.program())
        create_topics(self.kafka_bootstrap, TOPICS, settings.kafka_security_file)

    def _start_surroundings(self) -> None:
        self.begin(self.wired.issuer())
        elsewhere = preflight.started_elsewhere(self._surroundings)
        for name in (SANDBOX, BRICKOWL_SANDBOX):
            if name not in elsewhere:
                self.begin(self.wired.sandbox(name))

    def _migrate(self, service: str) -> None:
        running = Running(self.wired.migration(service))
        try:
            code = running.wait(_MIGRATION_WITHIN)
        except subprocess.TimeoutExpired:
            running.kill()
            raise Problem(f"the migrations of {service} did not end; {running.why()}") from None
        if code != 0:
            raise Problem(f"the migrations of {service} failed; {running.why()}")

    def _note_urls(self) -> None:
        urls = {"gateway": self.gateway_url, "issuer": self.issuer_url, "sandbox": self.sandbox_url}
        (self.folder / "urls.json").write_text(json.dumps(urls))

    def _all_of(self, *steps: Callable[[], None]) -> None:
        """Do several things at once; when one fails, the others are ended, and what it said is raised."""
        with ThreadPoolExecutor(len(steps)) as pool:
            futures = [pool.submit(step) for step in steps]
            try:
                for future in as_completed(futures):
                    future.result()
            except GivenUp as given_up:  # because of another, which says why
                self._stop_starting()
                reasons = [error for future in futures if (error := future.exception())]
                raise next((error for error in reasons if not isinstance(error, GivenUp)), given_up) from None
            except BaseException:  # Ctrl-C too: nothing may wait on for what is not wanted any more
                self._stop_starting()
                raise

    def _stop_starting(self) -> None:
        with self._starting:
            self._stopping = True

    def _let_go(self) -> None:
        for running in self.running.values():
            if isinstance(running.program.check, GrpcHealth):
                running.program.check.close()
        self._held.close()
