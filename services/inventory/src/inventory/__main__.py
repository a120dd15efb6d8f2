"""`python -m inventory serve | migrate | republish | recover`; settings are read from `INVENTORY_...` variables."""

import argparse
import asyncio
import logging
import os
import sys
from contextlib import AsyncExitStack
from functools import partial

from brickops.inventory.v1.inventory_service_pb2_grpc import add_InventoryServiceServicer_to_server
from inventory.api.servicer import InventoryServicer
from inventory.api.status import STATUS_OF
from inventory.background import Repeated
from inventory.bulk_editing import BulkEditor
from inventory.config import Config
from inventory.consuming.replay import replay
from inventory.consuming.results import ResultsHandler
from inventory.consuming.sales import SalesHandler
from inventory.imports.runner import ImportRunner
from inventory.recovery import Fence, Recoverer
from inventory.republish import Republisher, wish_by_hand
from inventory.storage.recoveries import open_one
from inventory.storage.unit_of_work import UnitOfWork
from inventory.undoing import OperationUndoer
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, from_environment, read_secret
from servicekit.consumer import Consumer
from servicekit.grpc_server import serving
from servicekit.lifecycle import run_until_signalled
from servicekit.logs import configure_logs
from servicekit.metrics import serving_metrics
from servicekit.outbox import Relay
from servicekit.postgres import create_engine
from servicekit.postgres import migrate as migrate_database

logger = logging.getLogger(__name__)

SERVICE = "inventory"
ALLOWED = {"brickops.inventory.v1.InventoryService": frozenset({"gateway"})}
SECONDS_BETWEEN_LOOKS = 60
"""How often sales that wait for their lot, and records that could not be read, are looked at again."""


async def serve(config: Config) -> None:
    """Answer calls, publish lots, count sales, take in results, run imports and bulk edits, until a signal."""
    database_url = read_secret(config.database_url_file)
    topics, kafka, clock = config.topics, config.kafka, SystemClock()
    async with AsyncExitStack() as stack:
        engine = create_engine(database_url)
        stack.push_async_callback(engine.dispose)

        sales, results = SalesHandler(topics, clock), ResultsHandler(topics, clock)
        sales_consumer = Consumer(engine, kafka, group=config.sales_group, topics=[config.sales_topic], absorb=sales)
        results_consumer = Consumer(
            engine, kafka, group=config.results_group, topics=[config.results_topic], absorb=results
        )
        fence = Fence([sales_consumer, results_consumer], [config.sales_group, config.results_group])
        relay = Relay(engine, database_url, kafka, source=SERVICE, may_publish=fence.may_publish)
        recoverer = Recoverer(engine, topics, clock)
        runner = ImportRunner(engine, partial(UnitOfWork, engine, topics), clock)
        imports = Repeated("import", runner.make_chunk)
        undoer = OperationUndoer(engine, partial(UnitOfWork, engine, topics), clock)
        undos = Repeated("undo operation", undoer.make_chunk)
        editor = BulkEditor(engine, partial(UnitOfWork, engine, topics), clock)
        bulk_edits = Repeated("bulk edit", editor.make_chunk)
        wishes = Repeated("republish", Republisher(engine, topics, clock).send_chunk)

        async def recover_chunk() -> bool:
            return fence.knows and await recoverer.recover_chunk()

        recoveries = Repeated("recover", recover_chunk)

        async def look_again() -> bool:
            await replay(engine, config.sales_group, sales)
            await replay(engine, config.results_group, results)
            return await sales.count_waiting(engine)

        looks = Repeated("look again", look_again, idle_seconds=SECONDS_BETWEEN_LOOKS)

        servicer = InventoryServicer(
            engine,
            topics,
            clock,
            import_accepted=imports.wake,
            undo_accepted=undos.wake,
            bulk_edit_accepted=bulk_edits.wake,
        )
        await stack.enter_async_context(serving_metrics(config.metrics_listen, config.tls))
        health = await stack.enter_async_context(
            serving(
                listen=config.listen,
                tls=config.tls,
                allow=ALLOWED,
                errors=STATUS_OF,
                register=partial(add_InventoryServiceServicer_to_server, servicer),
            )
        )
        await health.ready()
        await run_until_signalled(
            relay.run(),
            sales_consumer.run(),
            results_consumer.run(),
            recoveries.run(),
            imports.run(),
            undos.run(),
            bulk_edits.run(),
            wishes.run(),
            looks.run(),
        )


def migrate(config: Config) -> None:
    """Bring the database's tables to the newest form."""
    if config.owner_database_url_file is None:
        raise ConfigError("INVENTORY_OWNER_DATABASE_URL_FILE is missing")
    migrate_database("inventory.migrations", read_secret(config.owner_database_url_file))


async def republish(config: Config, seller_id: str | None) -> None:
    """Ask for lots to be sent again, as a sync service that lost its database does (rule T4)."""
    engine = create_engine(read_secret(config.database_url_file))
    try:
        sellers = await wish_by_hand(engine, config.topics, SystemClock(), seller_id=seller_id)
    finally:
        await engine.dispose()
    logger.info("the running service sends these sellers' lots again", extra={"sellers": sellers})
    if seller_id is not None and not sellers:
        sys.exit("There is no such seller.")


async def recover(config: Config) -> None:
    """Raise all revisions above all that were ever published, and ask for every lot to be sent again (rule T6)."""
    engine = create_engine(read_secret(config.database_url_file))
    try:
        recoverer = Recoverer(engine, config.topics, SystemClock())
        await recoverer.allow()
        while await recoverer.recover_chunk():
            pass
        async with engine.connect() as conn:
            is_open = await open_one(conn) is not None
    finally:
        await engine.dispose()
    if is_open:
        sys.exit("Meanwhile this database was found restored once more: see the log, and run this again.")
    logger.info("this database is recovered; the running service sends all lots again")


RECOVER = """
Run this after this service's database was restored from a backup.

A restored database would give out revisions that it gave out before, and the shops' services would take no notice.
The service mostly finds out by itself: then it goes on taking commands and counting sales, but publishes nothing and
says so in its log until this command was run. Run it also after a restore of which the service says nothing. This
moves the revisions of all lots up by 2^40, drops what waits to be published, and has the running service send every
lot again. Sales since the backup are read again from Kafka, each counted once.

Restore while the service is stopped, start it, then run this. If it is cut off, run it again: nothing is done twice.
After a failover to a standby the service does the same by itself.
"""


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m inventory", description="Keeps the sellers' lots.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer calls and keep the shops' services informed")
    commands.add_parser("migrate", help="bring the database up to date")
    again = commands.add_parser("republish", help="send lots to the shops' services again")
    again.add_argument("seller", nargs="?", help="only this seller's; everybody's if left out")
    commands.add_parser(
        "recover",
        help="publish again after this service's database was restored from a backup",
        description=RECOVER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments = parser.parse_args()
    try:
        config = from_environment(Config, "INVENTORY_", os.environ)
        configure_logs(SERVICE, config.log_level)
        if arguments.command == "migrate":
            migrate(config)
        elif arguments.command == "recover":
            asyncio.run(recover(config))
        elif arguments.command == "republish":
            asyncio.run(republish(config, arguments.seller))
        else:
            asyncio.run(serve(config))
    except ConfigError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
