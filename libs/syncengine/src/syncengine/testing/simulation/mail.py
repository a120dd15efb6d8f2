"""Carries events: the engine's to inventory, inventory's to the engine; late, again, and out of turn."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from brickops.events.v1.result_event_pb2 import LotSettled, ResultEvent
from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
from brickops.inventory.v1.lot_sync_pb2 import FIELD_GROUP_QUANTITY, SYNC_STATE_SYNCED
from syncengine.absorb import AnswerNews, LotNews, absorb_answer, absorb_lots
from syncengine.events import RESULTS_TOPIC, SALES_TOPIC, Event
from syncengine.listing import LotId
from syncengine.testing.simulation.judges import Judges
from syncengine.testing.simulation.stage import Stage, at_once


@dataclass(slots=True)
class Topic:
    """What was published, and how far inventory has read it."""

    events: list[Event] = field(default_factory=list)
    position: int = 0

    def unread(self) -> list[Event]:
        """What inventory has not read yet."""
        return self.events[self.position :]


@dataclass(slots=True)
class Mail:
    """The topics."""

    stage: Stage
    judges: Judges
    topics: dict[str, Topic] = field(default_factory=lambda: {SALES_TOPIC: Topic(), RESULTS_TOPIC: Topic()})
    """The engine's events outlive its database; sales and results are read apart, one ahead of the other."""
    published: int = 0
    """Events of the present outbox that are in the topics."""
    counted: Callable[[LotId, int], None] = lambda lot_id, pieces: None
    """Told of pieces of a lot that inventory has just counted as sold here; below zero: as back."""
    absorbed: list[LotNews] = field(default_factory=list)
    """What the engine was told of lots, in this order."""

    # From the engine

    def publish(self) -> None:
        """Let the relay work."""
        outbox = self.stage.store.tables.outbox
        if len(outbox) == self.published:
            return
        for event in outbox[self.published :]:
            self.topics[event.topic].events.append(event)
            if isinstance(event.message, ResultEvent) and event.message.WhichOneof("result") == "lot_settled":
                self._judge_saying(event.message.lot_settled)
        self.published = len(outbox)

    def _judge_saying(self, settled: LotSettled) -> None:
        for group in settled.groups:
            is_synced = group.state == SYNC_STATE_SYNCED and group.settled_revision == settled.desired_revision
            if group.group == FIELD_GROUP_QUANTITY and is_synced:
                self.judges.judge_saying(LotId(settled.lot_id), settled.desired_revision)

    def positions(self) -> dict[str, int]:
        """How far inventory has read."""
        return {name: topic.position for name, topic in self.topics.items()}

    def read_again(self, positions: Mapping[str, int]) -> None:
        """Put inventory back to where it was: its database is."""
        for name, position in positions.items():
            self.topics[name].position = position

    def consume(self, topic: Topic, count: int) -> None:
        """Let inventory take some events in."""
        for event in topic.unread()[:count]:
            self._consume(event)
            topic.position += 1

    def _consume(self, event: Event) -> None:
        self.stage.events += 1
        inventory = self.stage.inventory
        if isinstance(event.message, ResultEvent):
            inventory.take_result(event.message)
        elif isinstance(event.message, OrderLineTotalled):
            stock = inventory.lots[LotId(event.message.lot_id)]
            before = stock.quantity
            inventory.take_line(event.message)
            self.stage.books.note(stock)
            if stock.quantity != before:
                self.counted(stock.lot_id, before - stock.quantity)
            self.judges.judge_count(event.message.order_id, event.message.listing_id)

    # To the engine

    def absorb(self, count: int) -> None:
        """Let the engine take some of inventory's events in."""
        news = self.stage.inventory.news
        for item in news[:count]:
            self._absorb(item)
            if isinstance(item, LotNews):
                self.absorbed.append(item)
        del news[:count]

    def absorb_again(self, place: int) -> None:
        """Events of a partition come once more, from some position on; those of other partitions are newer (T3)."""
        for item in self.absorbed[-place:][:2]:
            self._absorb(item)

    def _absorb(self, item: LotNews | AnswerNews) -> None:
        self.stage.events += 1
        if isinstance(item, LotNews):
            known = self.stage.books.delivered
            known[item.lot_id] = max(known.get(item.lot_id, 0), item.revision)
        with self.uncut():
            at_once(self._absorbing(item))

    async def _absorbing(self, item: LotNews | AnswerNews) -> None:
        facts, clock = self.stage.shop.facts, self.stage.clock
        async with self.stage.store.transaction() as tx:
            if isinstance(item, LotNews):
                told = replace(item, lot=self.stage.shop.told(item.lot))
                await absorb_lots(tx, [told], facts, self.stage.settings, clock.now())
            else:
                await absorb_answer(tx, item, clock.now())

    @contextmanager
    def uncut(self) -> Iterator[None]:
        """Let a transaction through that a consumer would repeat anyway."""
        store = self.stage.store
        cuts = store.before_commit, store.after_commit
        store.before_commit = store.after_commit = lambda: None
        try:
            yield
        finally:
            store.before_commit, store.after_commit = cuts

    def deliver_all(self) -> None:
        """Carry whatever there is."""
        self.publish()
        for topic in self.topics.values():
            self.consume(topic, len(topic.events))
        self.absorb(len(self.stage.inventory.news))

    # Happenings

    def deliver(self) -> None:
        """Carry some."""
        random = self.stage.random
        self.consume(random.choice(list(self.topics.values())), random.randint(1, 8))
        self.absorb(random.randint(0, len(self.stage.inventory.news)))

    def redeliver_results(self) -> None:
        """Inventory's consumer died before its position was known: it takes its last events in again."""
        topic = self.stage.random.choice(list(self.topics.values()))
        topic.position = max(0, topic.position - self.stage.random.randint(1, 10))
        self.consume(topic, 10)
        self.stage.struck["redelivery"] += 1

    def redeliver_lots(self) -> None:
        """The engine is told of old revisions again."""
        if self.absorbed:
            self.absorb_again(self.stage.random.randint(1, min(30, len(self.absorbed))))
            self.stage.struck["old revision delivered again"] += 1
