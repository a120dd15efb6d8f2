"""Requests of people that were answered, in a transaction of PostgreSQL."""

from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import SellerId
from syncengine.store.protocol import AnsweredRequest
from syncengine.store.tables import ANSWERED_REQUESTS

_COLUMNS: Final = ANSWERED_REQUESTS.c
_FIND: Final = select(ANSWERED_REQUESTS).where(
    and_(_COLUMNS.seller_id == bindparam("of_seller"), _COLUMNS.request_id == bindparam("named"))
)
_KEEP: Final = insert(ANSWERED_REQUESTS)
_FORGET: Final = delete(ANSWERED_REQUESTS).where(
    and_(_COLUMNS.seller_id == bindparam("of_seller"), _COLUMNS.answered_at < bindparam("before"))
)


class AnsweredRequests:
    """Answered requests in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find_answered(self, seller_id: SellerId, request_id: str) -> AnsweredRequest | None:
        found = (await self._conn.execute(_FIND, {"of_seller": seller_id, "named": request_id})).one_or_none()
        if found is None:
            return None
        return AnsweredRequest(
            request_id=request_id,
            digest=bytes(found.digest),
            answer=bytes(found.answer),
            answered_at=found.answered_at,
        )

    async def keep_answered(self, seller_id: SellerId, answered: AnsweredRequest) -> None:
        await self._conn.execute(
            _KEEP,
            {
                "seller_id": seller_id,
                "request_id": answered.request_id,
                "digest": answered.digest,
                "answer": answered.answer,
                "answered_at": answered.answered_at,
            },
        )

    async def forget_answered(self, seller_id: SellerId, *, before: datetime) -> None:
        await self._conn.execute(_FORGET, {"of_seller": seller_id, "before": before})
