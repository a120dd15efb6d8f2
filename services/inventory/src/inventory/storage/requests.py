"""Requests that were answered: a repeat gets the same answer, whatever has happened since."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.errors import RequestIdReused
from inventory.storage.tables import REQUESTS

API: Final = "api"
IMPORT: Final = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """What makes two requests the same one, and what tells that they are not."""

    seller_id: str
    scope: str
    request_id: str
    body_sha256: bytes


async def claim(conn: AsyncConnection, key: RequestKey, now: datetime) -> bytes | None:
    """Take the request on: None if it is new, its answer if it was answered before.

    While another transaction has taken it on, this waits for that one's end. Raises RequestIdReused if the id came with
    another body.
    """
    new = insert(REQUESTS).values(
        seller_id=key.seller_id,
        scope=key.scope,
        request_id=key.request_id,
        body_sha256=key.body_sha256,
        created_at=now,
    )
    if (await conn.execute(new.on_conflict_do_nothing().returning(REQUESTS.c.scope))).one_or_none() is not None:
        return None
    query = select(REQUESTS.c.body_sha256, REQUESTS.c.answer).where(_same(key))
    row = (await conn.execute(query)).one()
    if row.body_sha256 != key.body_sha256:
        raise RequestIdReused
    return bytes(row.answer)


async def answer(conn: AsyncConnection, key: RequestKey, value: bytes) -> None:
    """Keep the answer of a request that this transaction has claimed."""
    await conn.execute(update(REQUESTS).where(_same(key)).values(answer=value))


def _same(key: RequestKey) -> ColumnElement[bool]:
    return and_(
        REQUESTS.c.seller_id == key.seller_id,
        REQUESTS.c.scope == key.scope,
        REQUESTS.c.request_id == key.request_id,
    )
