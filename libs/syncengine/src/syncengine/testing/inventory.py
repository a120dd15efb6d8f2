"""Inventory as the engine meets it: it counts as the design says (rules S3, C3), and answers wishes (rule T4)."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import (
    SALE_KIND_BASELINE,
    SALE_KIND_RECOUNT,
    SALE_KIND_RETURN,
    SALE_KIND_SALE,
    OrderLineTotalled,
)
from syncengine.absorb import AnswerNews, LotNews
from syncengine.clock import Clock
from syncengine.listing import Item, ListingId, Lot, LotId, SellerId, Value, Values
from syncengine.rows.shop import ShopListing

SELLER = SellerId("seller")
BRICK = Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness="")
RESTORED = 2**40
"""What `recover` adds to all revisions (rule T6)."""

LineKey = tuple[str, str]
"""Order and listing."""


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
    created_ids: set[ListingId] = field(default_factory=set)
    retain: bool = False
    for_sale: bool = True
    archived: bool = False
    currency_code: str = ""
    sold_out: bool = False
    """The newest change of its quantity was a sale."""
    sold: int = 0


@dataclass(frozen=True, slots=True)
class Oversell:
    """A sale that found too few pieces (rule S3)."""

    lot_id: LotId
    line: LineKey
    missing: int


@dataclass(slots=True)
class Inventory:
    """Counts as inventory does (rules S3, C3), and remembers what it owes the engine."""

    clock: Clock
    lots: dict[LotId, Stock] = field(default_factory=dict)
    totals: dict[LineKey, int] = field(default_factory=dict)
    """Pieces of each line that are no longer in the lot's quantity, counted or gone before."""
    counted: dict[LineKey, int] = field(default_factory=dict)
    """Pieces of each line that were taken from the lot's quantity here."""
    held: dict[LineKey, int] = field(default_factory=dict)
    """Pieces of each line that its order still holds, as it was told last."""
    came_back: dict[LineKey, int] = field(default_factory=dict)
    """Pieces of each line that were given back to the lot, for the shop had put them back (rule S4)."""
    seqs: dict[LineKey, int] = field(default_factory=dict)
    baseline_at: datetime | None = None
    news: list[LotNews | AnswerNews] = field(default_factory=list)
    settled: dict[LotId, ResultEvent] = field(default_factory=dict)
    oversells: list[Oversell] = field(default_factory=list)

    def create(
        self,
        lot_id: str,
        quantity: int,
        item: Item = BRICK,
        *,
        retain: bool = False,
        for_sale: bool = True,
        fields: Values,
        currency_code: str = "",
    ) -> Stock:
        """A user makes a lot."""
        stock = Stock(
            lot_id=LotId(lot_id),
            item=item,
            quantity=quantity,
            fields=dict(fields),
            retain=retain,
            for_sale=for_sale,
            currency_code=currency_code,
            counted_at=self.clock.now(),
        )
        self.lots[stock.lot_id] = stock
        self.publish(stock)
        return stock

    def take_in(self, lot_id: str, kept: ShopListing) -> Stock:
        """An import makes a lot of a listing as the list showed it (rule S7)."""
        listing = kept.listing
        stock = Stock(
            lot_id=LotId(lot_id),
            item=listing.item,
            quantity=listing.quantity,
            fields=dict(listing.fields),
            retain=listing.retain,
            for_sale=listing.for_sale,
            counted_at=kept.read_at or self.clock.now(),
            listing_ids={listing.listing_id},
        )
        self.lots[stock.lot_id] = stock
        self.publish(stock)
        return stock

    def link(self, lot_id: str, listing_id: ListingId) -> None:
        """An import gives a lot a listing, and changes nothing of it."""
        self.lots[LotId(lot_id)].listing_ids.add(listing_id)
        self.publish(self.lots[LotId(lot_id)])

    def change(
        self,
        lot_id: str,
        by: int = 0,
        fields: Values | None = None,
        *,
        retain: bool | None = None,
        for_sale: bool | None = None,
        archived: bool | None = None,
        item: Item | None = None,
        currency_code: str | None = None,
    ) -> Stock:
        """A user changes a lot; None leaves a thing as it is."""
        stock = self.lots[LotId(lot_id)]
        stock.quantity += by
        stock.sold_out = stock.sold_out and not by
        stock.item = stock.item if item is None else item
        stock.currency_code = stock.currency_code if currency_code is None else currency_code
        stock.fields |= fields or {}
        stock.retain = stock.retain if retain is None else retain
        stock.for_sale = stock.for_sale if for_sale is None else for_sale
        stock.archived = stock.archived if archived is None else archived
        stock.revision += 1
        self.publish(stock)
        return stock

    def sell_elsewhere(self, lot_id: str, pieces: int) -> None:
        """A sale in another shop is counted."""
        stock = self.lots[LotId(lot_id)]
        stock.quantity -= pieces
        stock.sold += pieces
        stock.sold_out = True
        stock.revision += 1
        self.publish(stock)

    def publish(self, stock: Stock) -> None:
        """Write the lot to the topic."""
        lot = Lot(
            item=stock.item,
            quantity=0 if stock.archived else stock.quantity,
            for_sale=stock.for_sale and not stock.archived,
            retain=stock.retain and not stock.archived,
            fields=dict(stock.fields),
            currency_code=stock.currency_code,
            sold_out=stock.sold_out and stock.quantity <= 0 and not stock.archived,
            sold=stock.sold,
            is_archived=stock.archived,
        )
        self.news.append(
            LotNews(
                seller_id=SELLER,
                lot_id=stock.lot_id,
                revision=stock.revision,
                counted_seq=stock.counted_seq,
                counted_at=stock.counted_at,
                listing_ids=tuple(sorted(stock.listing_ids)),
                created_ids=frozenset(stock.created_ids),
                lot=lot,
                correlation_id="",
            )
        )

    def take_result(self, result: ResultEvent) -> None:
        """Consume a record of the results topic."""
        match result.WhichOneof("result"):
            case "lot_settled":
                settled = result.lot_settled
                known = self.settled.get(LotId(settled.lot_id))
                if known is not None and known.seq > result.seq:
                    return
                self.settled[LotId(settled.lot_id)] = result
                if (stock := self.lots.get(LotId(settled.lot_id))) is not None:
                    stock.listing_ids |= {ListingId(listing_id) for listing_id in settled.listing_ids}
                    stock.created_ids |= {ListingId(listing_id) for listing_id in settled.created_listing_ids}
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
        if key in self.totals:
            total, sold = self._of_known(line, self.totals[key])
        else:
            total, sold = self._of_unknown(stock, line)
        self.totals[key], self.held[key] = total, line.total - line.returned
        if line.kind == SALE_KIND_RETURN:
            self.came_back[key] = self.came_back.get(key, 0) - sold
        if sold:
            self.counted[key] = self.counted.get(key, 0) + sold
            stock.quantity -= sold
            stock.sold += sold
            stock.sold_out = True
            stock.revision += 1
        if sold > 0 and stock.quantity < 0:
            self.oversells.append(Oversell(stock.lot_id, key, min(sold, -stock.quantity)))
        self.publish(stock)

    def missing(self, lot_id: LotId) -> int:
        """Pieces of a lot that were sold though they were not there."""
        return sum(oversell.missing for oversell in self.oversells if oversell.lot_id == lot_id)

    def open_return(self, key: LineKey) -> int:
        """Pieces that are not in the lot's quantity although the order no longer has them: a person is asked (S4)."""
        return max(0, self.totals.get(key, 0) - self.held.get(key, 0))

    def _of_unknown(self, stock: Stock, line: OrderLineTotalled) -> tuple[int, int]:
        """Total to keep and pieces sold, for a line that is not known (rule C3)."""
        since = max(self.baseline_at or stock.counted_at, stock.counted_at)
        is_later = line.listing_is_ours or line.ordered_at.ToDatetime(since.tzinfo) > since
        if line.kind == SALE_KIND_BASELINE or not is_later:
            return line.total, 0
        if line.kind == SALE_KIND_RECOUNT and line.returned > 0:
            return 0, 0
        return line.total, line.total

    @staticmethod
    def _of_known(line: OrderLineTotalled, total: int) -> tuple[int, int]:
        """Total to keep and pieces sold, for a line that was counted up to `total`."""
        if line.kind == SALE_KIND_RETURN:
            lowered = min(total, line.total)
            return lowered, lowered - total
        raised = max(total, line.total)
        if line.kind == SALE_KIND_SALE or (line.kind == SALE_KIND_RECOUNT and line.returned == 0):
            return raised, raised - total
        return (raised, 0) if line.kind == SALE_KIND_BASELINE else (total, 0)

    # A lost and restored database (rule T6) ---------------------------------------------------------------------------

    def copy(self) -> "Inventory":
        """Take a backup."""
        return replace(
            self,
            lots={
                lot_id: replace(
                    stock,
                    fields=dict(stock.fields),
                    listing_ids=set(stock.listing_ids),
                    created_ids=set(stock.created_ids),
                )
                for lot_id, stock in self.lots.items()
            },
            totals=dict(self.totals),
            counted=dict(self.counted),
            held=dict(self.held),
            came_back=dict(self.came_back),
            seqs=dict(self.seqs),
            news=[],
            settled=dict(self.settled),
            oversells=list(self.oversells),
        )

    def restore(self, backup: "Inventory") -> None:
        """Put a backup back, and recover: revisions above all that were ever told, then everything again (rule T6)."""
        kept = backup.copy()
        self.lots, self.totals, self.counted, self.seqs = kept.lots, kept.totals, kept.counted, kept.seqs
        self.held, self.came_back = kept.held, kept.came_back
        self.settled, self.baseline_at, self.oversells = kept.settled, kept.baseline_at, kept.oversells
        for stock in self.lots.values():
            stock.revision += RESTORED
            self.publish(stock)
