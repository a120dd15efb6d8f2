"""Requests that were answered: a repeat gets the same answer, whatever has happened since."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, select, update
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


# Written once: every command runs these, and making a statement costs more than running it.
_SAME: Final = and_(
    REQUESTS.c.seller_id == bindparam("same_seller_id"),
    REQUESTS.c.scope == bindparam("same_scope"),
    REQUESTS.c.request_id == bindparam("same_request_id"),
)
_CLAIM: Final = insert(REQUESTS).on_conflict_do_nothing().returning(REQUESTS.c.scope)
_FIND: Final = select(REQUESTS.c.body_sha256, REQUESTS.c.answer).where(_SAME)
_ANSWER: Final = update(REQUESTS).where(_SAME)


async def claim(conn: AsyncConnection, key: RequestKey, now: datetime) -> bytes | None:
    """Take the request on: None if it is new, its answer if it was answered before.

    While another transaction has taken it on, this waits for that one's end. Raises RequestIdReused if the id came with
    another body.
    """
    new = {
        "seller_id": key.seller_id,
        "scope": key.scope,
        "request_id": key.request_id,
        "body_sha256": key.body_sha256,
        "created_at": now,
    }
    if (await conn.execute(_CLAIM, new)).one_or_none() is not None:
        return None
    row = (await conn.execute(_FIND, _same(key))).one()
    if row.body_sha256 != key.body_sha256:
        raise RequestIdReused
    return bytes(row.answer)


async def answer(conn: AsyncConnection, key: RequestKey, value: bytes) -> None:
    """Keep the answer of a request that this transaction has claimed."""
    await conn.execute(_ANSWER, _same(key) | {"answer": value})


def _same(key: RequestKey) -> dict[str, object]:
    return {"same_seller_id": key.seller_id, "same_scope": key.scope, "same_request_id": key.request_id}
