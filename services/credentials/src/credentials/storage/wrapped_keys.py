"""Every key that a key-encryption key wraps, whichever table holds it: what a rotation of the latter goes through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Table, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.crypto.chain import audit_key_binding
from credentials.crypto.envelope import RecordIdentity, WrappedKey
from credentials.crypto.fingerprint import fingerprint_binding
from credentials.storage.tables import AUDIT_KEYS, CREDENTIALS, REQUESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A wrapped key in its row."""

    table: str
    place: tuple[str, ...]
    """The row's primary key."""
    key: WrappedKey
    binding: bytes
    """What it is wrapped for."""


@dataclass(frozen=True, slots=True)
class _Kind:
    table: Table
    wrapped: str
    """The column with the wrapped key; `kek_id` names what wrapped it."""
    binding: Callable[[Row[Any]], bytes]

    def place(self) -> list[Any]:
        return list(self.table.primary_key.columns)


_KINDS: Final[Mapping[str, _Kind]] = {
    kind.table.name: kind
    for kind in (
        _Kind(
            CREDENTIALS,
            "wrapped_data_key",
            lambda row: RecordIdentity(
                seller_id=row.seller_id,
                marketplace=row.marketplace,
                version=row.key_version,
                generation=row.generation,
            ).data_key_binding(),
        ),
        _Kind(AUDIT_KEYS, "wrapped_key", lambda row: audit_key_binding(row.seller_id)),
        _Kind(REQUESTS, "wrapped_mac_key", lambda row: fingerprint_binding(row.seller_id, row.request_id)),
    )
}
TABLES: Final = tuple(_KINDS)
"""The tables that hold wrapped keys."""


class WrappedKeys:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def count_by_kek(self, table: str) -> dict[str, int]:
        """How many keys each key-encryption key wraps in a table, by its id."""
        kek = _KINDS[table].table.c.kek_id
        query = select(kek, func.count()).where(kek.is_not(None)).group_by(kek)
        return {row[0]: row[1] for row in await self._conn.execute(query)}

    async def list_under(self, table: str, kek_id: str, *, limit: int) -> list[StoredKey]:
        """Some keys that this key-encryption key wraps."""
        kind = _KINDS[table]
        query = select(kind.table).where(kind.table.c.kek_id == kek_id).order_by(*kind.place()).limit(limit)
        return [_stored(kind, row) for row in await self._conn.execute(query)]

    async def list_not_under(
        self, table: str, kek_id: str, *, after: tuple[str, ...] | None, limit: int
    ) -> list[StoredKey]:
        """Keys that another key-encryption key wraps, by place, those after `after` only."""
        kind = _KINDS[table]
        query = select(kind.table).where(kind.table.c.kek_id != kek_id)
        if after is not None:
            query = query.where(tuple_(*kind.place()) > after)
        return [_stored(kind, row) for row in await self._conn.execute(query.order_by(*kind.place()).limit(limit))]

    async def replace(self, rewrapped: Sequence[tuple[StoredKey, WrappedKey]]) -> int:
        """Writes each new wrapping where the old one still stands; answers how many did."""
        written = 0
        for stored, key in rewrapped:
            kind = _KINDS[stored.table]
            change = update(kind.table).values({"kek_id": key.key_id, kind.wrapped: key.wrapped})
            for column, value in zip(kind.place(), stored.place, strict=True):
                change = change.where(column == value)
            written += (
                await self._conn.execute(
                    change.where(
                        kind.table.c.kek_id == stored.key.key_id, kind.table.c[kind.wrapped] == stored.key.wrapped
                    )
                )
            ).rowcount
        return written


def _stored(kind: _Kind, row: Row[Any]) -> StoredKey:
    return StoredKey(
        table=kind.table.name,
        place=tuple(getattr(row, column.name) for column in kind.place()),
        key=WrappedKey(key_id=row.kek_id, wrapped=getattr(row, kind.wrapped)),
        binding=kind.binding(row),
    )
