"""What waits in the outbox, decoded."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import lot_event_pb2


class Waiting(NamedTuple):
    """A message that no relay has taken yet."""

    topic: str
    key: str
    event: lot_event_pb2.LotEvent
    correlation_id: str
    every_partition: bool


async def take_outbox(engine: AsyncEngine) -> list[Waiting]:
    """Take all messages out, in the order in which a relay would publish them."""
    async with engine.begin() as conn:
        taken = text("WITH taken AS (DELETE FROM outbox RETURNING *) SELECT * FROM taken ORDER BY id")
        return [
            Waiting(
                row.topic,
                row.key,
                lot_event_pb2.LotEvent.FromString(bytes(row.value)),
                row.correlation_id,
                row.every_partition,
            )
            for row in await conn.execute(taken)
        ]


async def take_lot(engine: AsyncEngine, lot_id: str) -> list[Waiting]:
    """Take all messages out, and keep those of one lot."""
    return [waiting for waiting in await take_outbox(engine) if waiting.key == lot_id]
