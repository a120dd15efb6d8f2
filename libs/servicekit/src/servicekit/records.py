"""What a consumer hands on, and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Record:
    """One record of a topic. `value` None is a tombstone of a compacted topic."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    headers: Mapping[str, str]
    timestamp: datetime


class Undecodable(Exception):
    """Raised by `absorb` for a record that cannot be decoded (T5). Its text, stored as the reason, quotes no value."""


class RecordHandler(Protocol):
    """What a service does with records. Each method runs in the consumer's transaction, which it leaves open."""

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Take in a batch of one partition, in order. It may run again for the same records, after a roll-back."""
        ...

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        """A record was set aside (T5): mark what it concerned, as far as its key tells."""
        ...

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        """This database was lost, restored or failed over, or the topic no longer holds its position (T2).

        `why` names every reason found; it is FAILED_OVER alone where a standby took over that lacks nothing read.
        """
        ...


def record_of(fetched: Any) -> Record:
    """An aiokafka ConsumerRecord in our words. Never fails: what is not text is shown escaped."""
    return Record(
        topic=fetched.topic,
        partition=fetched.partition,
        offset=fetched.offset,
        key=None if fetched.key is None else _text(fetched.key),
        value=fetched.value,
        headers={name: _text(value or b"") for name, value in fetched.headers},
        timestamp=datetime.fromtimestamp(max(0, fetched.timestamp) / 1000, UTC),
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")  # PostgreSQL's text holds no NUL
