"""`python -m credentials serve | migrate | rotate-kek | ...`; settings are read from `CREDENTIALS_...` variables."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from grpc import aio
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.credentials.v1.credentials_admin_service_pb2_grpc import (
    add_CredentialsAdminServiceServicer_to_server as add_admin_servicer,
)
from brickops.credentials.v1.credentials_service_pb2_grpc import (
    add_CredentialsServiceServicer_to_server as add_lease_servicer,
)
from credentials.api.servicer import AdminServicer, LeaseServicer
from credentials.api.status import STATUS_OF
from credentials.audit_verification import verify_audit
from credentials.callers import ALLOWED
from credentials.config import Config
from credentials.crypto.envelope import KeyEncryptionKeys
from credentials.crypto.keyring import Keyring, KeyringError
from credentials.key_rotation import Rotation, rotate_data, rotate_kek
from credentials.keyring_check import KeyringUnfit, check_keyring
from credentials.keyring_reloading import KeyringInUse, watch_keyring
from credentials.published_heads import TopicMissing, read_published
from credentials.storage.unit_of_work import UnitOfWork
from credentials.tidying import tidy, tidy_regularly
from credentials.vault import Vault
from servicekit.backoff import Backoff
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, from_environment, read_secret
from servicekit.grpc_server import serving
from servicekit.kafka import KafkaConfig
from servicekit.lifecycle import run_until_signalled
from servicekit.logs import configure_logs, describe
from servicekit.metrics import serving_metrics
from servicekit.mtls import TlsFiles
from servicekit.outbox import Relay
from servicekit.postgres import create_engine, is_outage
from servicekit.postgres import migrate as migrate_database

logger = logging.getLogger(__name__)

SERVICE = "credentials"
COMMANDS = {
    "serve": "answer calls",
    "migrate": "bring the database up to date",
    "rotate-kek": "wrap every key anew under the keyring's primary key",
    "rotate-data": "seal every record anew under a fresh data key",
    "verify-audit": "prove the record of what happened to keys, or name the first bad or missing row of each seller",
    "tidy": "do now what `serve` does some times a day: keep the log of leases by months, forget old requests",
}


async def serve(config: Config) -> None:
    """Answer calls and publish connections until a signal."""
    database_url = read_secret(config.database_url_file)
    tls = TlsFiles(ca=config.tls_ca_file, certificate=config.tls_certificate_file, key=config.tls_key_file)
    kafka = KafkaConfig(bootstrap=config.kafka_bootstrap, security_file=config.kafka_security_file)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving_metrics(config.metrics_listen, tls))
        keyring = KeyringInUse(Keyring.read(config.keyring_file))
        engine, vault = await stack.enter_async_context(_opened(config, keyring))
        await _checked(vault)

        def register(server: aio.Server) -> None:
            add_admin_servicer(AdminServicer(vault), server)
            add_lease_servicer(LeaseServicer(vault), server)

        health = await stack.enter_async_context(
            serving(listen=config.listen, tls=tls, allow=ALLOWED, errors=STATUS_OF, register=register)
        )
        await health.ready()
        await run_until_signalled(
            Relay(engine, database_url, kafka, source=SERVICE).run(),
            watch_keyring(config.keyring_file, keyring, vault),
            tidy_regularly(database_url, SystemClock(), **_kept_for(config)),
        )


@asynccontextmanager
async def _opened(config: Config, keyring: KeyEncryptionKeys) -> AsyncIterator[tuple[AsyncEngine, Vault]]:
    engine = create_engine(read_secret(config.database_url_file))
    try:
        yield (
            engine,
            Vault(
                transaction=partial(UnitOfWork, engine),
                keys=keyring,
                clock=SystemClock(),
                connections_topic=config.connections_topic,
                lease_duration=config.lease_duration,
            ),
        )
    finally:
        await engine.dispose()


async def _checked(vault: Vault) -> None:
    """Wait until the database is there, and see that the keyring fits it. Raises KeyringUnfit."""
    backoff = Backoff()
    while True:
        try:
            await check_keyring(vault)
        except (DBAPIError, PoolTimeoutError) as error:
            if not is_outage(error):
                raise
            delay = backoff.failed()
            logger.warning("waiting for the database", extra={"because": describe(error), "seconds": round(delay, 2)})
            await asyncio.sleep(delay)
        else:
            return


async def rotate(config: Config, rotation: Callable[..., Awaitable[Rotation]]) -> None:
    """Run one of the rotations; exits with 1 if anything could not be rotated."""
    async with _opened(config, Keyring.read(config.keyring_file)) as (_, vault):
        came_to = await rotation(vault, batch=config.rotation_batch)
    logger.info("rotated", extra={"done": came_to.done, "left": came_to.left})
    if came_to.left:
        unopened = len(came_to.unreadable)
        told = f"{came_to.left} are left: {unopened} cannot be opened, others a process with another keyring wrote"
        sys.exit("\n".join([told, *came_to.unreadable]))


async def verify(config: Config) -> None:
    """Prove the lifecycle; exits with 1, naming what is wrong."""
    kafka = KafkaConfig(bootstrap=config.kafka_bootstrap, security_file=config.kafka_security_file)
    async with _opened(config, Keyring.read(config.keyring_file)) as (_, vault):
        found = await verify_audit(vault, partial(read_published, kafka, config.connections_topic))
    facts = {name: getattr(found, name) for name in ("sellers", "rows", "unchained", "unpublished")}
    logger.info("the lifecycle was verified", extra=facts | {"problems": len(found.problems)})
    if found.problems:
        sys.exit("\n".join(found.problems))


def migrate(config: Config) -> None:
    """Bring the database's tables to the newest form."""
    if config.owner_database_url_file is None:
        raise ConfigError("CREDENTIALS_OWNER_DATABASE_URL_FILE is missing")
    migrate_database("credentials.migrations", read_secret(config.owner_database_url_file))


def _kept_for(config: Config) -> dict[str, timedelta]:
    return {"lease_log_kept": config.lease_log_kept, "requests_kept": config.requests_kept}


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m credentials", description="Keeps the sellers' marketplace keys.")
    parser.add_argument(
        "command", choices=COMMANDS, help="; ".join(f"{name}: {what}" for name, what in COMMANDS.items())
    )
    command = parser.parse_args().command
    try:
        config = from_environment(Config, "CREDENTIALS_", os.environ)
        configure_logs(SERVICE, config.log_level)
        match command:
            case "serve":
                asyncio.run(serve(config))
            case "migrate":
                migrate(config)
            case "rotate-kek":
                asyncio.run(rotate(config, rotate_kek))
            case "rotate-data":
                asyncio.run(rotate(config, rotate_data))
            case "verify-audit":
                asyncio.run(verify(config))
            case "tidy":
                asyncio.run(tidy(read_secret(config.database_url_file), SystemClock(), **_kept_for(config)))
    except (ConfigError, KeyringError, KeyringUnfit, TopicMissing) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
