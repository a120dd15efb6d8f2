"""PostgreSQL and Kafka for a test run: given ones, containers where a Docker engine answers, else our own.

Own servers keep their state in a temporary folder and listen on ports of their own, so a test run passes while
`make run` is up, and two test runs do not meet.
"""

import contextlib
import gc
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.kafka import KafkaServer
from devstack.ports import free_port
from devstack.postgres import PostgresServer
from devstack.programs import Program, Running
from devstack.state import cache_folder

_DOCKER_ANSWERS_WITHIN = 2  # seconds
_POSTGRES_IMAGE = "postgres:18"
_KAFKA_IMAGE = "confluentinc/cp-kafka:8.1.0"  # Apache Kafka 4.1: the container class drives this family of images


@contextlib.contextmanager
def postgres(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a superuser's URL of a PostgreSQL."""
    given = environ.get("BRICKOPS_POSTGRES_URL")
    if given:
        yield given
    elif docker_answers():
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer(_POSTGRES_IMAGE, driver=None) as container:
            yield container.get_connection_url()
    else:
        with _temporary_folder() as folder:
            server = PostgresServer(folder=folder, port=free_port(), durable=False)
            server.prepare()
            with _running(server.program()):
                yield server.url


@contextlib.contextmanager
def kafka(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the bootstrap address of a Kafka."""
    given = environ.get("BRICKOPS_KAFKA")
    if given:
        yield given
    elif docker_answers():
        from testcontainers.community.kafka import KafkaContainer

        with KafkaContainer(_KAFKA_IMAGE).with_kraft() as container:
            yield container.get_bootstrap_server()
    else:
        with _temporary_folder() as folder:
            server = KafkaServer(
                folder=folder, cache=cache_folder(environ), port=free_port(), controller_port=free_port()
            )
            server.prepare()
            with _running(server.program()):
                yield server.bootstrap


def docker_answers() -> bool:
    """Say whether a Docker engine is there; where there is none, this takes milliseconds."""
    try:
        import docker  # type: ignore[import-untyped]
        from docker.errors import DockerException  # type: ignore[import-untyped]
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the socket of a refused connection open
        try:
            with contextlib.closing(docker.from_env(timeout=_DOCKER_ANSWERS_WITHIN)) as client:
                return bool(client.ping())
        except (DockerException, OSError):
            pass
        gc.collect()
    return False


@contextlib.contextmanager
def _running(program: Program) -> Iterator[Running]:
    running = Running(program)
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="brickops-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
