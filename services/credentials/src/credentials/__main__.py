"""`python -m credentials serve | migrate`: settings come from the environment, as `CREDENTIALS_...`."""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack
from functools import partial

from grpc import aio

from brickops.credentials.v1.credentials_admin_service_pb2_grpc import (
    add_CredentialsAdminServiceServicer_to_server as add_admin_servicer,
)
from brickops.credentials.v1.credentials_service_pb2_grpc import (
    add_CredentialsServiceServicer_to_server as add_lease_servicer,
)
from credentials.api.servicer import AdminServicer, LeaseServicer
from credentials.api.status import STATUS_OF
from credentials.config import Config
from credentials.crypto.keyring import Keyring, KeyringError
from credentials.storage.unit_of_work import UnitOfWork
from credentials.vault import Vault
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, from_environment, read_secret
from servicekit.grpc_server import serving
from servicekit.kafka import KafkaConfig
from servicekit.lifecycle import run_until_signalled
from servicekit.logs import configure_logs
from servicekit.mtls import TlsFiles
from servicekit.outbox import Relay
from servicekit.postgres import create_engine
from servicekit.postgres import migrate as migrate_database

SERVICE = "credentials"
ALLOWED = {
    "brickops.credentials.v1.CredentialsAdminService": frozenset({"gateway"}),
    # Every service of the house gets as far as the lease face, as a refusal must be in the lease log; it lends to the
    # callers of domain/marketplaces.py only. Any other name is refused at the door.
    "brickops.credentials.v1.CredentialsService": frozenset(
        {"credentials", "devstack", "gateway", "inventory", "sync-bricklink", "sync-brickowl"}
    ),
}


async def serve(config: Config) -> None:
    """Answer calls and publish connections until a signal."""
    keyring = Keyring.read(config.keyring_file)
    database_url = read_secret(config.database_url_file)
    tls = TlsFiles(ca=config.tls_ca_file, certificate=config.tls_certificate_file, key=config.tls_key_file)
    kafka = KafkaConfig(bootstrap=config.kafka_bootstrap, security_file=config.kafka_security_file)
    async with AsyncExitStack() as stack:
        engine = create_engine(database_url)
        stack.push_async_callback(engine.dispose)
        vault = Vault(
            transaction=partial(UnitOfWork, engine),
            keys=keyring,
            clock=SystemClock(),
            connections_topic=config.connections_topic,
            lease_duration=config.lease_duration,
        )

        def register(server: aio.Server) -> None:
            add_admin_servicer(AdminServicer(vault), server)
            add_lease_servicer(LeaseServicer(vault), server)

        health = await stack.enter_async_context(
            serving(listen=config.listen, tls=tls, allow=ALLOWED, errors=STATUS_OF, register=register)
        )
        await health.ready()
        await run_until_signalled(Relay(engine, database_url, kafka, source=SERVICE).run())


def migrate(config: Config) -> None:
    """Bring the database's tables to the newest form."""
    if config.owner_database_url_file is None:
        raise ConfigError("CREDENTIALS_OWNER_DATABASE_URL_FILE is missing")
    migrate_database("credentials.migrations", read_secret(config.owner_database_url_file))


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m credentials", description="Keeps the sellers' marketplace keys.")
    parser.add_argument("command", choices=["serve", "migrate"], help="answer calls, or bring the database up to date")
    command = parser.parse_args().command
    try:
        config = from_environment(Config, "CREDENTIALS_", os.environ)
        configure_logs(SERVICE, config.log_level)
        if command == "migrate":
            migrate(config)
        else:
            asyncio.run(serve(config))
    except (ConfigError, KeyringError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
