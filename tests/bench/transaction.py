"""CreateLot's transaction, beside the very statements that it sends, with the same values, sent by psycopg alone."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.rates import Compared, compare, rate_of
from devstack.postgres import DatabaseUrls, create_database
from devstack.testing import Stack
from inventory import commands
from inventory.api.translate import proposal_from_proto
from inventory.events import LotTopics
from inventory.storage.requests import API, RequestKey
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import a_brick
from servicekit.postgres import create_engine, migrate

_TRANSACTIONS = 50
_TOPICS = LotTopics(marketplaces=["bricklink"], pattern="bench.{marketplace}")

Statements = list[tuple[str, Any]]


async def create_lot_transaction(stack: Stack) -> Compared:
    """One caller each, on databases of their own; ours notes what it sends, and the bare one sends it again."""
    ours, bare = new_database(stack), new_database(stack)
    sent: list[Statements] = []
    async with noting_engine(ours, sent) as engine, await psycopg.AsyncConnection.connect(bare.app) as session:
        seller = f"seller-{uuid.uuid4()}"

        async def create() -> float:
            sent.clear()
            creations = [partial(_create, engine, seller, sent, f"lot {number}") for number in range(_TRANSACTIONS)]
            return await rate_of(creations, at_once=1)

        async def send_again() -> float:
            # rate_of takes the calls from the end
            return await rate_of([partial(_send, session, one) for one in reversed(sent)], at_once=1)

        return await compare("CreateLot's transaction", create, "its SQL by psycopg alone", send_again)


def new_database(stack: Stack) -> DatabaseUrls:
    """A database with the inventory's tables and nothing in it."""
    urls = create_database(stack.postgres_url, "inventory", suffix=f"_{uuid.uuid4().hex[:8]}")
    migrate("inventory.migrations", urls.owner)
    return urls


@asynccontextmanager
async def noting_engine(urls: DatabaseUrls, sent: Sequence[Statements]) -> AsyncIterator[AsyncEngine]:
    """An engine that adds each statement that is sent through it to the last list."""
    engine = create_engine(urls.app)

    def note(conn: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> None:
        if many:
            raise ValueError("a statement for many rows was not meant to be sent")
        if sent:
            sent[-1].append((statement, parameters))

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _create(engine: AsyncEngine, seller: str, sent: list[Statements], remarks: str) -> None:
    sent.append([])
    now = datetime.now(UTC)
    request = RequestKey(seller_id=seller, scope=API, request_id=uuid.uuid4().hex, body_sha256=bytes(32))
    by = commands.By(seller_id=seller, actor="bench", reason="", correlation_id="bench", at=now)
    async with UnitOfWork(engine, _TOPICS) as work:
        await work.claim(request, now)
        said = proposal_from_proto(a_brick(remarks=remarks), is_new=True)
        done = await commands.create_lot(commands.CreateLot(said=said), by, work)
        await work.commit(done.change_id.encode())


async def _send(session: psycopg.AsyncConnection[Any], statements: Statements) -> None:
    async with session.transaction():
        for statement, parameters in statements:
            await session.execute(statement.encode(), parameters)
