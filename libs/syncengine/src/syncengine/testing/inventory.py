"""Inventory as the engine meets it: it counts as the design says (rules S3, C3), and answers wishes (rule T4)."""

from dataclasses import dataclass, field
from datetime import datetime

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import SALE_KIND_BASELINE, SALE_KIND_RECOUNT, OrderLineTotalled
from syncengine.absorb import AnswerNews, LotNews
from syncengine.clock import Clock
from syncengine.listing import Item, ListingId, Lot, LotId, SellerId, Value, Values

SELLER = SellerId("seller")
BRICK = Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness="")


@dataclass(slots=True, kw_only=True)
class Stock:
    """A lot at inventory."""

    lot_id: LotId
    item: Item
    quantity: int
    fields: dict[str, Value]
    counted_at: datetime
    revision: int = 1
    counted_seq: int = 0
    listing_ids: set[ListingId] = field(default_factory=set)
    retain: bool = False
    for_sale: bool = True


@dataclass(slots=True)
class Inventory:
    """Counts as inventory does (rules S3, C3), and remembers what it owes the engine."""

    clock: Clock
    lots: dict[LotId, Stock] = field(default_factory=dict)
    totals: dict[tuple[str, str], int] = field(default_factory=dict)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    baseline_at: datetime | None = None
    news: list[LotNews | AnswerNews] = field(default_factory=list)
    settled: dict[LotId, ResultEvent] = field(default_factory=dict)
    sold: dict[LotId, int] = field(default_factory=dict)

    def create(self, lot_id: str, quantity: int, item: Item = BRICK, *, retain: bool = False, fields: Values) -> None:
        """A user makes a lot."""
        stock = Stock(
            lot_id=LotId(lot_id),
            item=item,
            quantity=quantity,
            fields=dict(fields),
            retain=retain,
            counted_at=self.clock.now(),
        )
        self.lots[stock.lot_id] = stock
        self.publish(stock)

    def change(self, lot_id: str, by: int = 0, fields: Values | None = None) -> None:
        """A user changes a lot."""
        stock = self.lots[LotId(lot_id)]
        stock.quantity += by
        stock.fields |= fields or {}
        stock.revision += 1
        self.publish(stock)

    def publish(self, stock: Stock) -> None:
        """Write the lot to the topic."""
        lot = Lot(
            item=stock.item,
            quantity=stock.quantity,
            for_sale=stock.for_sale,
            retain=stock.retain,
            fields=dict(stock.fields),
        )
        self.news.append(
            LotNews(
                seller_id=SELLER,
                lot_id=stock.lot_id,
                revision=stock.revision,
                counted_seq=stock.counted_seq,
                counted_at=stock.counted_at,
                listing_ids=tuple(sorted(stock.listing_ids)),
                lot=lot,
                correlation_id="",
            )
        )

    def take_result(self, result: ResultEvent) -> None:
        """Consume a record of the results topic."""
        match result.WhichOneof("result"):
            case "lot_settled":
                settled = result.lot_settled
                self.settled[LotId(settled.lot_id)] = result
                if (stock := self.lots.get(LotId(settled.lot_id))) is not None:
                    stock.listing_ids |= {ListingId(listing_id) for listing_id in settled.listing_ids}
            case "baseline_taken":
                if self.baseline_at is None:
                    self.baseline_at = result.baseline_taken.baseline_at.ToDatetime(self.clock.now().tzinfo)
                self._answer("")
            case "state_wished":
                for stock in self.lots.values():
                    self.publish(stock)
                self._answer(result.state_wished.request_id)

    def _answer(self, request_id: str) -> None:
        self.news.append(
            AnswerNews(seller_id=SELLER, request_id=request_id, baseline_at=self.baseline_at, partition=0, partitions=1)
        )

    def take_line(self, line: OrderLineTotalled) -> None:
        """Consume a record of the sales topic."""
        stock = self.lots[LotId(line.lot_id)]
        key = (line.order_id, line.listing_id)
        if line.seq <= self.seqs.get(key, 0):
            return
        self.seqs[key] = line.seq
        stock.counted_seq = max(stock.counted_seq, line.seq)
        known = self.totals.get(key)
        total = line.total
        if line.kind == SALE_KIND_RECOUNT:
            total = known or 0 if line.cut else max(total, known or 0)
        pieces = total - (known or 0)
        if line.kind == SALE_KIND_BASELINE or (known is None and not self._counts(stock, line)):
            pieces = 0
        self.totals[key] = total
        if pieces:
            stock.quantity -= pieces
            stock.revision += 1
            self.sold[stock.lot_id] = self.sold.get(stock.lot_id, 0) + pieces
        self.publish(stock)

    def _counts(self, stock: Stock, line: OrderLineTotalled) -> bool:
        since = max(self.baseline_at or stock.counted_at, stock.counted_at)
        return line.listing_is_ours or line.ordered_at.ToDatetime(since.tzinfo) > since
