"""One seller, one shop, one inventory that counts as the design says, and the engine between them, all in memory."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import SALE_KIND_BASELINE, SALE_KIND_RECOUNT, OrderLineTotalled
from syncengine.absorb import AnswerNews, ConnectionNews, LotNews, absorb_answer, absorb_connection, absorb_lots
from syncengine.lane import Lane
from syncengine.listing import Item, ListingId, Lot, LotId, SellerId, Value
from syncengine.rows import ConnectionRow, ListingRow, Settings
from syncengine.store.protocol import FencedError
from syncengine.testing.clock import HandClock
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.shop import MemoryShop
from syncengine.turn import take_turn

SELLER = SellerId("seller")
BRICK = Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness="")
QUICK = Settings(
    late_window=timedelta(seconds=2),
    lag_window=timedelta(seconds=20),
    order_poll_interval=timedelta(seconds=5),
    call_deadline=timedelta(seconds=3),
    list_deadline=timedelta(seconds=3),
    lease=timedelta(seconds=30),
    anchor_doubt=timedelta(seconds=1),
)


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

    clock: HandClock
    lots: dict[LotId, Stock] = field(default_factory=dict)
    totals: dict[tuple[str, str], int] = field(default_factory=dict)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    baseline_at: datetime | None = None
    news: list[LotNews | AnswerNews] = field(default_factory=list)
    settled: dict[LotId, ResultEvent] = field(default_factory=dict)
    sold: dict[LotId, int] = field(default_factory=dict)

    def create(self, lot_id: str, quantity: int, item: Item = BRICK, *, retain: bool = False, **fields: Value) -> None:
        """A user makes a lot."""
        values: dict[str, Value] = {"price": "0.1000", "note": "", "cost": None}
        stock = Stock(
            lot_id=LotId(lot_id),
            item=item,
            quantity=quantity,
            fields=values | fields,
            retain=retain,
            counted_at=self.clock.now(),
        )
        self.lots[stock.lot_id] = stock
        self.publish(stock)

    def change(self, lot_id: str, by: int = 0, **fields: Value) -> None:
        """A user changes a lot."""
        stock = self.lots[LotId(lot_id)]
        stock.quantity += by
        stock.fields |= fields
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


class World:
    """Everything of one connection, driven by hand."""

    def __init__(self, seed: int = 0, settings: Settings = QUICK) -> None:
        self.clock = HandClock()
        self.store = MemoryStore()
        self.shop = MemoryShop(self.clock)
        self.inventory = Inventory(self.clock)
        self.settings = settings
        self.random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        self.told = 0

    async def connect(
        self, *, shop_is_empty: bool = True, key_version: int = 1, connected_at: datetime | None = None
    ) -> None:
        """The seller connects the shop, or replaces its keys."""
        async with self.store.transaction() as tx:
            connection = self.store.tables.connections.get(SELLER)
            await absorb_connection(
                tx,
                ConnectionNews(
                    seller_id=SELLER,
                    seq=(connection.event_seq if connection else 0) + 1,
                    connected_at=connected_at or (connection and connection.connected_at) or self.clock.now(),
                    enabled=True,
                    key_version=key_version,
                    shop_is_empty=shop_is_empty,
                    shop_name="testers",
                    currency_code="EUR",
                ),
                self.clock.now(),
            )

    async def confirm(self) -> None:
        """The seller agrees to the first plan."""
        async with self.store.transaction() as tx:
            connection = await tx.lock_connection(SELLER)
            await tx.save_connection(replace(connection, confirmed_at=self.clock.now(), due_at=self.clock.now()))

    async def deliver(self) -> None:
        """Carry the engine's events to inventory, and inventory's to the engine."""
        outbox = self.store.tables.outbox
        for event in outbox[self.told :]:
            if isinstance(event.message, ResultEvent):
                self.inventory.take_result(event.message)
            elif isinstance(event.message, OrderLineTotalled):
                self.inventory.take_line(event.message)
        self.told = len(outbox)
        news, self.inventory.news = self.inventory.news, []
        for item in news:
            async with self.store.transaction() as tx:
                if isinstance(item, LotNews):
                    await absorb_lots(tx, [item], self.shop.facts, self.clock.now())
                else:
                    await absorb_answer(tx, item, self.clock.now())

    async def turn(self, owner: str = "worker") -> bool:
        """Let one worker take one turn, if the connection is due and free; a call costs a tenth of a second."""
        now = self.clock.now()
        if await self.store.next_due(owner, now) is None:
            return False
        lease = await self.store.take_lease(SELLER, owner, now, now + self.settings.lease)
        if lease is None:
            return False
        lane = Lane(self.store, self.clock, self.shop, self.settings, self.random, lease)
        try:
            await take_turn(lane)
        except FencedError:
            return False
        return True

    async def settle(self, for_at_most: timedelta = timedelta(minutes=5)) -> None:
        """Let time pass, a second a step, until nothing moves any more but the polls."""
        end = self.clock.now() + for_at_most
        while self.clock.now() < end:
            for _ in range(200):
                await self.deliver()
                if not await self.turn():
                    break
            self.clock.turn(timedelta(seconds=1))

    @property
    def connection(self) -> ConnectionRow:
        """The connection's row."""
        return self.store.tables.connections[SELLER]

    def row(self, lot_id: str) -> ListingRow:
        """One lot's row."""
        return self.store.tables.listings[LotId(lot_id)]

    def shown(self) -> dict[str, int]:
        """What the shop shows, by note: tests give each lot its own."""
        return {str(listing.fields["note"]): listing.quantity for listing in self.shop.listings.values()}
