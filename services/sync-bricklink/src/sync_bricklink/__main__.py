"""`python -m sync_bricklink serve | migrate`: settings come from the environment, as `SYNC_BRICKLINK_...`."""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack

from servicekit.clock import SystemClock
from servicekit.config import ConfigError, from_environment, read_secret
from servicekit.grpc_client import open_channel
from servicekit.logs import configure_logs
from servicekit.mtls import TlsFiles
from servicekit.postgres import migrate as migrate_database
from sync_bricklink.client import MAX_CONNECTIONS, open_http
from sync_bricklink.config import Config
from sync_bricklink.keys import LeasedKeys
from sync_bricklink.listing import facts, lot_of
from sync_bricklink.lot_fields import lot_fields_of
from sync_bricklink.shops import Shops
from syncengine.service.flags import Flags, flags_of
from syncengine.service.run import run

SERVICE = "sync-bricklink"


async def serve(config: Config, flags: Flags) -> None:
    """Keep shops in step until a signal."""
    tls = TlsFiles(ca=config.tls_ca_file, certificate=config.tls_certificate_file, key=config.tls_key_file)
    bricklink = facts(config.calls_per_day)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(open_http(config.api_url))
        credentials = open_channel(config.credentials_address, service="credentials", tls=tls)
        keys = LeasedKeys(await stack.enter_async_context(credentials), SystemClock())
        shops = Shops(http, keys, bricklink)
        await run(
            config,
            service=SERVICE,
            shops=shops,
            facts=bricklink,
            lot_of=lot_of,
            lot_fields_of=lot_fields_of,
            lanes=MAX_CONNECTIONS,
            flags=flags,
        )


def migrate(config: Config) -> None:
    """Bring the database's tables to the newest form."""
    if config.owner_database_url_file is None:
        raise ConfigError("SYNC_BRICKLINK_OWNER_DATABASE_URL_FILE is missing")
    migrate_database("sync_bricklink.migrations", read_secret(config.owner_database_url_file))


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m sync_bricklink", description="Keeps BrickLink shops in step.")
    parser.add_argument("command", choices=["serve", "migrate"], help="keep in step, or bring the database up to date")
    command = parser.parse_args().command
    try:
        config = from_environment(Config, "SYNC_BRICKLINK_", os.environ)
        configure_logs(SERVICE, config.log_level)
        if command == "migrate":
            migrate(config)
        else:
            asyncio.run(serve(config, flags_of("bricklink", os.environ)))
    except ConfigError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
