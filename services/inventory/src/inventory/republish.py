"""Sends a seller's lots again to one marketplace, in chunks, then the answer (rule T4)."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from brickops.events.v1 import lot_event_pb2
from inventory.background import is_outbox_long
from inventory.events import LotTopics, lot_changed, state_answered
from inventory.ids import new_id
from inventory.storage.lots import next_lots
from inventory.storage.recoveries import open_one
from inventory.storage.republications import (
    Wish,
    add_wish,
    begin_wishes_anew,
    lock_all_wishes,
    lock_wish,
    move_wish,
    sellers_with_lots,
)
from inventory.storage.shops import baselines
from servicekit import outbox
from servicekit.clock import Clock

CHUNK_LOTS: Final = 200


class Republisher:
    """Fulfils wishes for state; any process may send the next chunk.

    How far it is stands in the transaction of the chunk, so a crash repeats nothing that was committed. Lots that
    change meanwhile publish themselves: their revision, not their place in the topic, says what is newer (rule T3).
    """

    def __init__(self, engine: AsyncEngine, topics: LotTopics, clock: Clock, *, chunk_lots: int = CHUNK_LOTS) -> None:
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._chunk_lots = chunk_lots

    async def send_chunk(self) -> bool:
        """Send the next lots of one wish; False if there is nothing to do, the outbox is long or a recovery is open."""
        async with self._engine.begin() as conn:
            wish = await lock_wish(conn)
            if wish is None or await is_outbox_long(conn) or await open_one(conn) is not None:
                return False
            topic = self._topics.of(wish.marketplace)
            lots = await next_lots(conn, wish.seller_id, after=wish.last_lot_id, limit=self._chunk_lots)
            messages = [
                lot_changed(lot, wish.marketplace, topic=topic, correlation_id=wish.correlation_id) for lot in lots
            ]
            is_last = len(lots) < self._chunk_lots
            if is_last:
                known = await baselines(conn, [wish.seller_id])
                messages.append(
                    state_answered(
                        wish.seller_id,
                        request_id=wish.request_id,
                        baseline_at=known.get((wish.seller_id, wish.marketplace)),
                        topic=topic,
                        correlation_id=wish.correlation_id,
                    )
                )
            await outbox.record(conn, messages)
            last_lot_id = lots[-1].lot_id if lots else wish.last_lot_id
            await move_wish(conn, wish, last_lot_id=last_lot_id, now=self._clock.now(), is_answered=is_last)
        return True


async def wish_by_hand(engine: AsyncEngine, topics: LotTopics, clock: Clock, *, seller_id: str | None) -> int:
    """Ask for one seller's lots, or for everybody's, at every marketplace; how many sellers that were.

    The running service sends them.
    """
    async with engine.begin() as conn:
        return await wish_for_all(conn, topics, clock.now(), seller_id=seller_id)


async def wish_for_all(conn: AsyncConnection, topics: LotTopics, now: datetime, *, seller_id: str | None) -> int:
    """The same in the caller's transaction."""
    sellers = await sellers_with_lots(conn, seller_id)
    for seller in sellers:
        for marketplace in topics.marketplaces:
            request_id = new_id()
            wish = Wish(
                seller_id=seller,
                marketplace=marketplace,
                request_id=request_id,
                seq=0,
                correlation_id=request_id,
            )
            await add_wish(conn, wish, now)
    return len(sellers)


_DROP_LOTS: Final = text("DELETE FROM outbox WHERE NOT every_partition")
_ANSWERS: Final = text("SELECT id, value FROM outbox WHERE every_partition")
_DROP_ANSWERS: Final = text("DELETE FROM outbox WHERE id = ANY(:ids)")


async def drop_unsent(conn: AsyncConnection, now: datetime) -> None:
    """Drop lots that wait in the outbox, and answers that would claim that they were sent; begin their wishes anew.

    What only repeats a baseline claims nothing of lots, and stays.
    """
    await lock_all_wishes(conn)  # first: a chunk that is being written now is then seen in the outbox
    await conn.execute(_DROP_LOTS)
    found = [
        (row.id, lot_event_pb2.LotEvent.FromString(bytes(row.value)).state_answered)
        for row in await conn.execute(_ANSWERS)
    ]
    answers = {row_id: (answer.seller_id, answer.request_id) for row_id, answer in found if answer.request_id}
    await conn.execute(_DROP_ANSWERS, {"ids": list(answers)})
    await begin_wishes_anew(conn, set(answers.values()), now)
