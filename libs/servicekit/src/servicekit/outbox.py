"""The outbox: messages written in the transaction of what they tell of, published afterwards by the relay.

So a change is published if and only if it was committed (ARCHITECTURE.md section 3); at least once, in id order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.relay import CHANNEL, Relay

if TYPE_CHECKING:
    from alembic.operations import Operations

__all__ = ["BULK_PAUSES_ABOVE", "Message", "Relay", "backlog", "create_outbox", "keys_waiting", "record"]

BULK_PAUSES_ABOVE = 2_000
"""With more messages waiting, bulk commands (imports, republishing) pause, so that they delay nobody's sale."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message for a topic. `type` is the full name of the protobuf message that `value` holds.

    With `every_partition` it is written to each partition of the topic, so that every worker's share of it has one.
    """

    topic: str
    key: str
    value: bytes
    type: str
    correlation_id: str
    every_partition: bool = False


def create_outbox(op: "Operations", *, app_role: str) -> None:
    """Create the outbox table, for use in a migration; `app_role` is the role that the service runs as."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("every_partition", sa.Boolean, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    )
    op.execute(f'GRANT SELECT, INSERT, DELETE ON outbox TO "{app_role}"')


_RECORD = sa.text(f"""
    WITH recorded AS (
        INSERT INTO outbox (topic, key, value, type, correlation_id, every_partition)
        SELECT topic, key, value, type, correlation_id, every_partition
        FROM unnest(
            CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:values AS bytea[]), CAST(:types AS text[]),
            CAST(:correlation_ids AS text[]), CAST(:every_partition AS boolean[])
        ) WITH ORDINALITY AS given (topic, key, value, type, correlation_id, every_partition, place)
        ORDER BY place
        RETURNING 1
    )
    SELECT pg_notify('{CHANNEL}', '') FROM (SELECT count(*) FROM recorded) AS done
""")  # noqa: S608 - a constant


async def record(conn: AsyncConnection, messages: Sequence[Message]) -> None:
    """Write messages in the caller's transaction, in one statement; after its commit they go out in this order."""
    if not messages:
        return
    await conn.execute(
        _RECORD,
        {
            "topics": [message.topic for message in messages],
            "keys": [message.key for message in messages],
            "values": [message.value for message in messages],
            "types": [message.type for message in messages],
            "correlation_ids": [message.correlation_id for message in messages],
            "every_partition": [message.every_partition for message in messages],
        },
    )


async def backlog(conn: AsyncConnection) -> int:
    """How many messages wait to be published. Bulk commands pause above BULK_PAUSES_ABOVE."""
    return int((await conn.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one())


async def keys_waiting(conn: AsyncConnection) -> set[str]:
    """The keys of the messages that wait to be published; what is not among them and was recorded, Kafka has taken."""
    return set((await conn.execute(sa.text("SELECT DISTINCT key FROM outbox"))).scalars())
