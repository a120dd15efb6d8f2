"""Sends a seller's lots again to one marketplace, in chunks, then the answer (rule T4)."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.background import is_outbox_long
from inventory.events import LotTopics, lot_changed, state_answered
from inventory.ids import new_id
from inventory.storage.lots import page_of_lots
from inventory.storage.republications import Wish, add_wish, lock_wish, move_wish, sellers_with_lots
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
        """Send the next lots of one wish; False if there is nothing to do, or if the outbox is long."""
        async with self._engine.begin() as conn:
            wish = await lock_wish(conn)
            if wish is None or await is_outbox_long(conn):
                return False
            topic = self._topics.of(wish.marketplace)
            lots = await page_of_lots(conn, wish.seller_id, after=wish.last_lot_id, limit=self._chunk_lots)
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
                await add_wish(conn, wish, clock.now())
    return len(sellers)
