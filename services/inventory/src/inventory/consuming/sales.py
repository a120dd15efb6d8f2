"""Counts sales and returns: each order line once, in its lot's transaction (rules S3, S4, C3, T5, T6)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from brickops.events.v1 import sales_event_pb2
from inventory.api.translate import word_of
from inventory.domain.changes import Cause, ChangeSource, OrderReference
from inventory.domain.lot import Lot
from inventory.domain.sales import Counted, KeptLine, LineKey, SaleKind, ToldLine, count
from inventory.events import LotTopics
from inventory.ids import is_id
from inventory.recovery import note_loss
from inventory.storage.lots import lock_lots
from inventory.storage.recorder import Recorder
from inventory.storage.sales import (
    Oversell,
    WaitingSale,
    add_oversells,
    awaited_lots,
    close_returns,
    keep_waiting,
    kept_lines,
    newest_seqs,
    open_returns,
    save_lines,
    take_waiting,
)
from inventory.storage.shops import baselines
from servicekit.clock import Clock
from servicekit.consumer import Record, Undecodable

logger = logging.getLogger(__name__)

ACTOR: Final = "inventory"
"""Who counts orders, in the change log."""

_LOTS_AT_ONCE: Final = 100


class _Told(NamedTuple):
    """A sales message."""

    line: ToldLine
    value: bytes
    correlation_id: str


class SalesHandler:
    """Takes in `brickops.sales.v1`."""

    def __init__(self, topics: LotTopics, clock: Clock) -> None:
        self._topics = topics
        self._clock = clock

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Count a batch of messages. Raises Undecodable."""
        told = [_decoded(record.value, record.headers.get("correlation-id", "")) for record in records]
        await self._count(conn, told, sorted({one.line.lot_id for one in told}))

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        """Freeze the lot's counted_seq: the skipped message may be a sale, which its sync service must not forget."""
        if record.key is not None and is_id(record.key):
            frozen = text("UPDATE lots SET sales_frozen = true WHERE lot_id = :lot_id")
            await conn.execute(frozen, {"lot_id": record.key})
        logger.error("a sales message cannot be read; its lot acknowledges no sale", extra={"lot_id": record.key})

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        """Sales are read again from the position that this database has; each is counted once all the same (S3)."""
        await note_loss(conn, why, self._clock.now())

    async def replayed(self, conn: AsyncConnection, key: str) -> None:
        """Every skipped message with this key is counted now: the lot acknowledges again what it holds (rule T5)."""
        if not is_id(key):
            return
        recorder = Recorder(conn, self._topics)
        for lot in (await lock_lots(conn, [key])).values():
            thawed = replace(lot, sales_frozen=False)
            for marketplace, seq in (await newest_seqs(conn, key)).items():
                thawed = thawed.acknowledge(marketplace, seq)
            for marketplace in self._topics.marketplaces:
                recorder.acknowledge(thawed, marketplace, "")
        await recorder.write()

    async def count_waiting(self, engine: AsyncEngine) -> bool:
        """Count sales whose lots have come back (rule T6); False if there are none."""
        async with engine.begin() as conn:
            lot_ids = await awaited_lots(conn, limit=_LOTS_AT_ONCE)
            if lot_ids:
                await self._count(conn, [], lot_ids)
        return bool(lot_ids)

    async def _count(self, conn: AsyncConnection, told: Sequence[_Told], lot_ids: Sequence[str]) -> None:
        lots = await lock_lots(conn, lot_ids)
        waited = [_decoded(sale.value, sale.correlation_id) for sale in await take_waiting(conn, list(lots))]
        sales = [*waited, *told]
        batch = _Batch(
            lots=lots,
            lines=await kept_lines(conn, [sale.line.key for sale in sales]),
            baselines=await baselines(conn, sorted({lot.seller_id for lot in lots.values()})),
            recorder=Recorder(conn, self._topics),
            now=self._clock.now(),
        )
        for sale in sales:
            batch.count(sale)
        await batch.write(conn)


class _Batch:
    """Sales that are counted together, and what they change."""

    def __init__(
        self,
        *,
        lots: dict[str, Lot],
        lines: dict[LineKey, KeptLine],
        baselines: Mapping[tuple[str, str], datetime],
        recorder: Recorder,
        now: datetime,
    ) -> None:
        self._lots = lots
        self._lines = lines
        self._baselines = baselines
        self._recorder = recorder
        self._now = now
        self._counted: set[LineKey] = set()
        self._with_return: set[LineKey] = set()
        self._waiting: list[WaitingSale] = []
        self._oversells: list[Oversell] = []

    def count(self, sale: _Told) -> None:
        """Take one message in: it changes its lot, or only moves what the lot acknowledges, or waits for its lot."""
        told, key = sale.line, sale.line.key
        lot = self._lots.get(told.lot_id)
        if lot is None or lot.seller_id != key.seller_id:
            self._waiting.append(
                WaitingSale(told.lot_id, key.marketplace, told.seq, key.seller_id, sale.value, sale.correlation_id)
            )
            return
        # Where the lot says when this very shop was counted, what was ordered later is in no number (ADR 23).
        counted_at = lot.counted_ats.get(key.marketplace)
        baseline_at = None if counted_at else self._baselines.get((key.seller_id, key.marketplace))
        kept = self._lines.get(key)
        counted = count(told, kept, baseline_at=baseline_at, counted_at=counted_at or lot.counted_at)
        self._lines[key] = counted.line
        self._counted.add(key)
        if counted.line.open_return or (kept is not None and kept.open_return):
            self._with_return.add(key)
        acknowledged = lot.acknowledge(key.marketplace, told.seq)
        if counted.sold:
            self._sell(acknowledged, counted.sold, sale)
        elif counted.came_back:
            self._take_back(acknowledged, counted, sale)
        elif acknowledged is not lot:
            self._lots[lot.lot_id] = acknowledged
            self._recorder.acknowledge(acknowledged, key.marketplace, sale.correlation_id)

    def _sell(self, lot: Lot, sold: int, sale: _Told) -> None:
        after, difference = lot.sell(sold, self._now)
        change = self._recorder.record(after, difference, self._cause(ChangeSource.ORDER, sale))
        self._lots[lot.lot_id] = after
        if after.quantity < 0:
            missing = min(sold, -after.quantity)
            self._oversells.append(Oversell(change.change_id, lot.seller_id, lot.lot_id, missing))
            logger.warning("a lot was oversold", extra={"lot_id": lot.lot_id, "order_id": sale.line.key.order_id})

    def _take_back(self, lot: Lot, counted: Counted, sale: _Told) -> None:
        after, difference = lot.take_back(counted.came_back, unsold=counted.unsold, now=self._now)
        self._recorder.record(after, difference, self._cause(ChangeSource.RETURN, sale))
        self._lots[lot.lot_id] = after

    def _cause(self, source: ChangeSource, sale: _Told) -> Cause:
        key = sale.line.key
        order = OrderReference(marketplace=key.marketplace, order_id=key.order_id, listing_id=key.listing_id)
        return Cause(source=source, actor=ACTOR, at=self._now, correlation_id=sale.correlation_id, order=order)

    async def write(self, conn: AsyncConnection) -> None:
        """Write everything, with what goes out."""
        await save_lines(conn, [self._lines[key] for key in sorted(self._counted)])
        touched = [self._lines[key] for key in sorted(self._with_return)]
        await open_returns(conn, [line for line in touched if line.open_return], self._now)
        await close_returns(conn, [line.key for line in touched if not line.open_return], self._now)
        await keep_waiting(conn, self._waiting, self._now)
        await add_oversells(conn, self._oversells, self._now)
        await self._recorder.write()


def _decoded(value: bytes | None, correlation_id: str) -> _Told:
    """Raises Undecodable for what makes no order line."""
    try:
        message = sales_event_pb2.OrderLineTotalled.FromString(value or b"")
    except DecodeError:
        raise Undecodable("is no OrderLineTotalled") from None
    if message.kind not in sales_event_pb2.SaleKind.values():
        raise Undecodable("has a kind that this version does not know")
    kind = word_of(SaleKind, sales_event_pb2.SaleKind, message.kind)
    key = LineKey(message.seller_id, message.marketplace, message.order_id, message.listing_id)
    if kind is None or not all(key) or not is_id(message.lot_id) or not message.HasField("ordered_at"):
        raise Undecodable("lacks its kind, a name or its time")
    if "\0" in "".join(key):
        raise Undecodable("holds a character that PostgreSQL does not")
    if message.total < 0 or message.seq < 1:
        raise Undecodable("has a negative total or no seq")
    if not 0 <= message.returned <= message.total:
        raise Undecodable("has more pieces returned than there are, or fewer than none")
    line = ToldLine(
        key=key,
        lot_id=message.lot_id,
        total=message.total,
        kind=kind,
        seq=message.seq,
        ordered_at=message.ordered_at.ToDatetime(tzinfo=UTC),
        listing_is_ours=message.listing_is_ours,
        returned=message.returned,
    )
    return _Told(line, value or b"", correlation_id)
