"""The service's parts on a real PostgreSQL, and its gRPC face over mTLS on a real socket."""

import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1.inventory_service_pb2_grpc import add_InventoryServiceServicer_to_server
from devstack.ports import free_port
from devstack.postgres import DatabaseUrls
from inventory.__main__ import ALLOWED
from inventory.api.servicer import InventoryServicer
from inventory.api.status import STATUS_OF
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, Served
from inventory.testing.outbox import take_outbox
from servicekit.clock import SystemClock
from servicekit.grpc_server import serving
from servicekit.postgres import create_engine, migrate
from servicekit.testing.ca import TestAuthority

TOPICS = LotTopics(marketplaces=["bricklink", "brickowl"], pattern="lots.{marketplace}")


@pytest.fixture(scope="module")
def database(new_database: Callable[[str], DatabaseUrls]) -> DatabaseUrls:
    """A database with all tables."""
    urls = new_database("inventory")
    migrate("inventory.migrations", urls.owner)
    return urls


@pytest.fixture(scope="module")
async def engine(database: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """Connections as the service has them."""
    engine = create_engine(database.app)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
def topics() -> LotTopics:
    """Where lots go; what goes there stays in the outbox, as no relay runs."""
    return TOPICS


@pytest.fixture(scope="module")
async def served(
    engine: AsyncEngine, topics: LotTopics, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """The gRPC face over mTLS."""
    authority = TestAuthority(Path(tmp_path_factory.mktemp("ca")))
    servicer = InventoryServicer(
        engine,
        topics,
        SystemClock(),
        import_accepted=lambda: None,
        undo_accepted=lambda: None,
        bulk_edit_accepted=lambda: None,
    )
    address = f"127.0.0.1:{free_port()}"
    async with serving(
        listen=address,
        tls=authority.issue("inventory"),
        allow=ALLOWED,
        errors=STATUS_OF,
        register=partial(add_InventoryServiceServicer_to_server, servicer),
        grace=0,
    ):
        yield Served(address, authority)


@pytest.fixture(scope="module")
async def gateway(served: Served) -> AsyncIterator[grpc.aio.Channel]:
    """A channel as the gateway has it."""
    async with served.channel("gateway") as channel:
        yield channel


@pytest.fixture
def calls(gateway: grpc.aio.Channel) -> Calls:
    """Calls of a seller whom nobody else has."""
    return Calls(gateway, f"seller-{uuid.uuid4()}")


@pytest.fixture
async def lot_id(calls: Calls, engine: AsyncEngine) -> str:
    """A lot of 40 pieces, already published."""
    made = (await calls.create()).lot.lot_id
    await take_outbox(engine)
    return made


@pytest.fixture
def sales(topics: LotTopics) -> SalesHandler:
    """What takes in what the sync services tell of orders."""
    return SalesHandler(topics, SystemClock())


@pytest.fixture
def runner(engine: AsyncEngine, topics: LotTopics) -> ImportRunner:
    """What carries imports through, ten rows at a time."""
    return ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), chunk_rows=10)
