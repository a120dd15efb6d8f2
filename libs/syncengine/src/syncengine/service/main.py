"""The command line of a sync service: `serve` and `migrate`, with settings from the environment."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from servicekit.config import ConfigError, from_environment, read_secret
from servicekit.logs import configure_logs
from servicekit.postgres import migrate as migrate_database
from syncengine.service.config import SyncConfig
from syncengine.service.flags import Flags, flags_of

C = TypeVar("C", bound=SyncConfig)


def main(
    marketplace: str, description: str, config_type: type[C], serve: Callable[[C, Flags], Awaitable[None]]
) -> None:
    """Parse the command line of `sync-<marketplace>` and do what it says; `serve` runs until a signal."""
    service = f"sync-{marketplace}"
    module, prefix = service.replace("-", "_"), f"{service.replace('-', '_').upper()}_"
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("command", choices=["serve", "migrate"], help="keep in step, or bring the database up to date")
    command = parser.parse_args().command

    async def run(config: C) -> None:
        await serve(config, flags_of(marketplace, os.environ))

    try:
        config = from_environment(config_type, prefix, os.environ)
        configure_logs(service, config.log_level)
        if command == "migrate":
            _migrate(config, module, prefix)
        else:
            asyncio.run(run(config))
    except ConfigError as problem:
        sys.exit(str(problem))


def _migrate(config: SyncConfig, module: str, prefix: str) -> None:
    """Bring the database's tables to the newest form."""
    if config.owner_database_url_file is None:
        raise ConfigError(f"{prefix}OWNER_DATABASE_URL_FILE is missing")
    migrate_database(f"{module}.migrations", read_secret(config.owner_database_url_file))
