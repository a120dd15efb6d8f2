"""Databases that are lost, or restored from a backup: the engine's and inventory's (rules T2, T6, C1)."""

from dataclasses import dataclass
from datetime import timedelta

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.events.v1.sales_event_pb2 import OrderLineTotalled
from syncengine.absorb import begin_anew_after_loss
from syncengine.events import RESULTS_TOPIC, SALES_TOPIC
from syncengine.listing import ListingId, LotId, OrderId
from syncengine.marketplace import Create
from syncengine.testing.inventory import Inventory
from syncengine.testing.memory_store import Tables
from syncengine.testing.simulation.books import Cause, Wish
from syncengine.testing.simulation.judges import Judges
from syncengine.testing.simulation.keys import Keys
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.network import MOST_SHORT_LISTS
from syncengine.testing.simulation.stage import Stage, at_once

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryBackup:
    """Inventory's database as it was, its position in the topic among it."""

    inventory: Inventory
    positions: dict[str, int]
    wishes: dict[LotId, Wish]


@dataclass(slots=True)
class Databases:
    """Backups of both, and their losses."""

    stage: Stage
    mail: Mail
    judges: Judges
    keys: Keys
    backup: Tables | None = None
    inventory_backup: InventoryBackup | None = None
    inventory_was_restored: bool = False

    def back_up(self) -> None:
        """Take a backup of each."""
        stage = self.stage
        self.backup = stage.store.tables.copy()
        self.inventory_backup = InventoryBackup(
            inventory=stage.inventory.copy(), positions=self.mail.positions(), wishes=dict(stage.books.current)
        )

    # The engine's

    def lose(self) -> None:
        """The engine's database is gone, and begins empty or from a backup (rule C1).

        Not while a lot was added to an order that is older than it, and nobody has read that: without the books of then
        its pieces cannot be told from those that were gone when the lot was counted (C3, ADR 8). Nor while an order
        went into another, and inventory was not told (ADR 21). Nor while inventory does not know yet of a listing of a
        lot that has become another item: nothing else says whose that was. And of the lists that follow one at most
        lacks something: a census believes two that agree (N3).
        """
        stage, store = self.stage, self.stage.store
        if stage.books.an_order_grew() or self._a_merge_is_not_told() or self._an_item_changed_unseen():
            return
        store.before_commit = store.after_commit = lambda: None
        self.mail.publish()
        restored = self.backup if stage.random.random() < 0.5 else None
        stamp = stage.connection.last_stamp
        self._blame_what_only_it_knew(restored or Tables())
        store.restore(restored or Tables())
        stage.network.short_lists = max(stage.network.short_lists, MOST_SHORT_LISTS - 1)
        self.mail.published = 0
        self.backup = None
        at_once(self._begin_anew())
        self.keys.connect()
        # The shop remembers the stamps it saw, in whole seconds; a clock that has moved on is above them (rule B4).
        if stamp is not None and stamp + _SECOND > stage.clock.now():
            stage.clock.turn(stamp + _SECOND - stage.clock.now())
        self.judges.begin_anew_after_loss()
        stage.struck["database restored" if restored is not None else "database lost"] += 1

    async def _begin_anew(self) -> None:
        async with self.stage.store.transaction() as tx:
            await begin_anew_after_loss(tx, self.stage.clock.now())

    def _blame_what_only_it_knew(self, kept: Tables) -> None:
        """Creates under way, and listings of which neither the backup nor inventory was told: whose are they (C4)?"""
        stage = self.stage
        told = self._told() | {listing_id for _, listing_id in kept.owners}
        for listing_id, lot_id in stage.books.owners.items():
            if listing_id not in told:
                stage.books.blame_item(stage.inventory.lots[lot_id].item, Cause.LOSS)
        for intent in (*stage.store.tables.unsettled.values(), *kept.unsettled.values()):
            if isinstance(intent.write, Create):
                stage.books.blame_item(intent.write.item, Cause.LOSS)

    def _told(self) -> set[ListingId]:
        """Listings of which inventory knows, or will."""
        told = set().union(*(stock.listing_ids for stock in self.stage.inventory.lots.values()))
        for event in self.mail.topics[RESULTS_TOPIC].unread():
            if isinstance(event.message, ResultEvent):
                told |= {ListingId(listing_id) for listing_id in event.message.lot_settled.listing_ids}
        return told

    def _a_merge_is_not_told(self) -> bool:
        """Whether inventory has yet to count pieces of an order that went into another since it was told of them.

        A restored inventory reads sales again: what it has counted by now says less than what it is about to (S2, T6).
        """
        books, will_count = self.stage.books, dict[tuple[OrderId, ListingId], int]()
        for event in self.mail.topics[SALES_TOPIC].unread():
            if isinstance(event.message, OrderLineTotalled):
                key = (OrderId(event.message.order_id), ListingId(event.message.listing_id))
                will_count[key] = event.message.total
        return any(key[0] in books.merged and total != books.lines[key].held for key, total in will_count.items())

    def _an_item_changed_unseen(self) -> bool:
        books, told = self.stage.books, self._told()
        unseen = {lot_id for listing_id, lot_id in books.owners.items() if listing_id not in told}
        creates = [each for each in self.stage.store.tables.unsettled.values() if isinstance(each.write, Create)]
        return any(books.items[lot_id] for lot_id in unseen | {intent.lot_id for intent in creates})

    # Inventory's

    def may_lose_inventory(self) -> bool:
        """Once in a life, and only where no lot was made since the backup.

        What becomes of lots that inventory no longer knows is not built yet (T6).
        """
        backup = self.inventory_backup
        is_whole = backup is not None and backup.wishes.keys() == self.stage.books.current.keys()
        return is_whole and not self.inventory_was_restored

    def lose_inventory(self) -> None:
        """Inventory's database is restored from a backup and recovers (rule T6)."""
        stage, backup = self.stage, self.inventory_backup
        if backup is None:
            return
        stage.inventory.restore(backup.inventory)
        self.mail.read_again(backup.positions)
        for lot_id, stock in stage.inventory.lots.items():
            wish = backup.wishes[lot_id]
            stage.books.increases[lot_id] += max(0, wish.total - stage.books.current[lot_id].total)
            stage.books.current[lot_id] = wish
            stage.books.note(stock)
        self.inventory_was_restored = True
        stage.struck["inventory restored"] += 1

    # Happenings

    def lose_one(self) -> None:
        """One of them is lost."""
        if self.stage.random.random() < 0.6:
            self.lose()
        elif self.may_lose_inventory():
            self.lose_inventory()
