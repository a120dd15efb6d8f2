"""The requests table: a repeated request gets the answer that the first one got."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.crypto.envelope import WrappedKey
from credentials.crypto.fingerprint import Fingerprint
from credentials.domain.credential import Credential, Shop
from credentials.storage.tables import REQUESTS


class Answered(NamedTuple):
    """A request that was answered."""

    fingerprint: Fingerprint
    answer: Credential


class Requests:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, seller_id: str, request_id: str) -> Answered | None:
        """The request, if it was answered before."""
        query = select(REQUESTS).where(REQUESTS.c.seller_id == seller_id, REQUESTS.c.request_id == request_id)
        row = (await self._conn.execute(query)).one_or_none()
        if row is None:
            return None
        key = WrappedKey(key_id=row.kek_id, wrapped=row.wrapped_mac_key)
        return Answered(Fingerprint(key=key, mac=row.body_mac), _from_json(row.answer))

    async def record(
        self, seller_id: str, request_id: str, fingerprint: Fingerprint, answer: Credential, at: datetime
    ) -> None:
        """Keeps the answer for a repeat."""
        await self._conn.execute(
            insert(REQUESTS).values(
                seller_id=seller_id,
                request_id=request_id,
                kek_id=fingerprint.key.key_id,
                wrapped_mac_key=fingerprint.key.wrapped,
                body_mac=fingerprint.mac,
                answer=_to_json(answer),
                answered_at=at,
            )
        )


def _to_json(answer: Credential) -> dict[str, Any]:
    times = {name: getattr(answer, name).isoformat() for name in _TIMES}
    return asdict(answer) | times


def _from_json(answer: dict[str, Any]) -> Credential:
    times = {name: datetime.fromisoformat(answer[name]) for name in _TIMES}
    return Credential(**(answer | times | {"shop": Shop(**answer["shop"])}))


_TIMES: Final = ("connected_at", "updated_at")
