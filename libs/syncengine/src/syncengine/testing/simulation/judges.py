"""The judgements (design, "Proof"): what must hold at every step, and what must hold at rest."""

from collections import Counter
from dataclasses import dataclass, field

from brickops.inventory.v1.lot_sync_pb2 import FIELD_GROUP_QUANTITY
from syncengine.listing import ListingId, LotId, OrderId
from syncengine.marketplace import Applied, Create, Remove, Update
from syncengine.rows import Intent
from syncengine.testing.inventory import Inventory
from syncengine.testing.simulation.shop import Landing, Network


class Misjudged(AssertionError):
    """A judgement failed; `number` says which of the design's eight."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(f"judgement {number}: {words}")
        self.number = number


@dataclass(slots=True)
class Judges:
    """Knows what users and buyers did, and watches what lands in the shop."""

    inventory: Inventory
    network: Network | None = None
    intents: dict[str, Intent] = field(default_factory=dict)
    """By stamp: every intent that ever was, also of databases since lost."""
    owners: dict[ListingId, LotId] = field(default_factory=dict)
    """Which lot each listing truly is of."""
    increases: Counter[LotId] = field(default_factory=Counter)
    """Pieces that users put in."""
    plus: Counter[LotId] = field(default_factory=Counter)
    """Pieces that our creates and increases put into the shop."""
    taken: Counter[LotId] = field(default_factory=Counter)
    """Pieces that our decreases and removals took out of it."""
    totals: dict[tuple[LotId, int], int] = field(default_factory=dict)
    """What users made of a lot up to a revision: sales are no part of it."""
    for_a_person: set[LotId] = field(default_factory=set)
    """Lots that the script gave cause to wait for a person."""

    def landed(self, landing: Landing) -> None:
        """Judge a write that reached the shop (judgements 1 and 3)."""
        if not isinstance(landing.outcome, Applied) or self.network is None:
            return
        intent = self.intents[landing.stamp.isoformat()]
        lot_id, change = intent.lot_id, landing.after - landing.before
        if isinstance(landing.write, Create) and landing.listing_id is not None:
            self.owners[landing.listing_id] = lot_id
        if isinstance(landing.write, Remove) or change < 0:
            self.taken[lot_id] -= change
        if change > 0:
            self.plus[lot_id] += change
            self._judge_increase(lot_id, intent, landing)
        self._judge_single(lot_id)

    def _judge_increase(self, lot_id: LotId, intent: Intent, landing: Landing) -> None:
        if lot_id in self.for_a_person:
            return
        if self.plus[lot_id] > self.increases[lot_id] + self.taken[lot_id]:
            raise Misjudged(1, f"{lot_id}: {self.plus[lot_id]} pieces put in, for {self.increases[lot_id]} by users")
        wanted = self.totals[lot_id, intent.revision] - self.sold(lot_id) + self._unlisted(lot_id)
        if isinstance(landing.write, Create | Update) and landing.after > max(0, wanted):
            raise Misjudged(1, f"{lot_id}: {landing.after} in the shop, {wanted} are there to sell")

    def _judge_single(self, lot_id: LotId) -> None:
        live = self.live(lot_id)
        if len(live) > 1:
            raise Misjudged(3, f"{lot_id} is listed {len(live)} times: {', '.join(sorted(live))}")

    def live(self, lot_id: LotId) -> dict[ListingId, int]:
        """A lot's listings in the shop now, with their pieces."""
        if self.network is None:
            return {}
        return {
            listing_id: listing.quantity
            for listing_id, listing in self.network.model.listings().items()
            if self.owners.get(listing_id) == lot_id
        }

    def sold(self, lot_id: LotId) -> int:
        """Pieces of a lot in orders, listed or not."""
        if self.network is None:
            return 0
        lines = self.network.model.lines()
        return sum(pieces for (_, listing_id), pieces in lines.items() if self.owners.get(listing_id) == lot_id)

    def _unlisted(self, lot_id: LotId) -> int:
        """Pieces in orders that the shop does not show yet."""
        network = self.network
        if network is None:
            return 0
        now = network.clock.now()
        shown: Counter[tuple[OrderId, ListingId]] = Counter()
        for page in network.model.facts.order_pages:
            for order in network.model.orders(page, now).orders:
                for line in network.model.order_lines(order.order_id, now):
                    if self.owners.get(line.listing_id) == lot_id:
                        shown[order.order_id, line.listing_id] += line.quantity
        return self.sold(lot_id) - shown.total()

    def judge_step(self) -> None:
        """Judge what inventory counted (judgement 2)."""
        if self.network is None:
            return
        lines = self.network.model.lines()
        for (order_id, listing_id), total in self.inventory.totals.items():
            if total > lines.get((OrderId(order_id), ListingId(listing_id)), 0):
                raise Misjudged(2, f"order {order_id}: {total} pieces of listing {listing_id} were counted")

    def judge_saying(self, lot_id: LotId, revision: int) -> None:
        """Judge "synced" at the moment at which it is said (judgement 4)."""
        if lot_id in self.for_a_person or (lot_id, revision) not in self.totals:
            return
        shown = sum(self.live(lot_id).values())
        true = max(0, self.totals[lot_id, revision] - self.sold(lot_id))
        if shown != true:
            raise Misjudged(4, f"{lot_id}: said to be synced at revision {revision}, the shop shows {shown} for {true}")

    def judge_rest(self) -> None:
        """Judge what must hold when nothing moves any more (judgements 2 and 7)."""
        if self.network is None:
            return
        counted = {key: total for key, total in self.inventory.totals.items() if total}
        for (order_id, listing_id), pieces in self.network.model.lines().items():
            lot_id = self.owners.get(listing_id)
            if (
                lot_id is not None
                and lot_id not in self.for_a_person
                and pieces
                and counted.get((order_id, listing_id)) != pieces
            ):
                told = counted.get((order_id, listing_id))
                raise Misjudged(2, f"order {order_id}: {told} of {pieces} pieces of {lot_id} were counted")
        for lot_id, stock in self.inventory.lots.items():
            if lot_id in self.for_a_person:
                continue
            true = self.totals[lot_id, stock.revision] - self.sold(lot_id)
            if stock.quantity != true:
                raise Misjudged(7, f"{lot_id}: inventory has {stock.quantity}, {true} are there")
            shown = sum(self.live(lot_id).values())
            if shown != max(0, true):
                raise Misjudged(7, f"{lot_id}: the shop shows {shown}, {true} are there")
            said = self.inventory.settled[lot_id].lot_settled
            settled = {group.group: group.settled_revision for group in said.groups}
            if settled[FIELD_GROUP_QUANTITY] != stock.revision:
                raise Misjudged(7, f"{lot_id}: not said to be synced at rest")
