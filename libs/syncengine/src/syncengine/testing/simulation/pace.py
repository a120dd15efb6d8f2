"""How soon a decrease goes out (judgement 6): in calls, and in time that nothing else claims."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncengine.listing import LotId
from syncengine.marketplace import Remove, Update
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
from syncengine.saving import tier_of
from syncengine.testing.simulation.stage import Stage
from syncengine.turn import ORDERS_A_POLL

_STOPS = ("worker killed", "worker slept beyond its lease", "worker fenced", "commit cut")
"""Of a worker. One is fenced that stood still while time went by: so long nobody served the connection."""


@dataclass(slots=True)
class Pace:
    """Knows since when each lot's decrease could have gone."""

    stage: Stage
    since: dict[LotId, datetime] = field(default_factory=dict)
    stops: dict[LotId, int] = field(default_factory=dict)
    """How many workers had died, slept or lost their database by then."""

    def bound(self, lot_id: LotId) -> timedelta:
        """How long a decrease may wait once nothing is in its way.

        A dead worker's lease runs out, each one's that dies meanwhile too, and then whatever ranks before it takes its
        turn: a census and a look (orders, list, orders: six lists of at most `list_deadline` each, most of them far
        quicker), the lines of as many orders as one poll reads, and one other decrease for each other lot.
        """
        settings, lots = self.stage.settings, len(self.stage.inventory.lots)
        leases = 1 + self._stops() - self.stops[lot_id]
        orders = min(ORDERS_A_POLL, len({order_id for order_id, _ in self.stage.books.lines}))
        return settings.lease * leases + 6 * settings.list_deadline + (orders + lots) * settings.call_deadline

    def _stops(self) -> int:
        return sum(self.stage.struck[name] for name in _STOPS)

    def look(self) -> None:
        """See which decreases could go now."""
        now, connection = self.stage.clock.now(), self.stage.connection
        asleep = self.stage.nobody_until is not None and now < self.stage.nobody_until
        free = not asleep and self._is_free(connection, now)
        for row in self.stage.store.tables.listings.values():
            if not (free and is_due(row, now)) or self._is_held(row):
                self.since.pop(row.lot_id, None)
            elif row.lot_id not in self.since:
                self.since[row.lot_id], self.stops[row.lot_id] = now, self._stops()

    def goes(self, lot_id: LotId) -> None:
        """A write of this lot is on its way: a decrease that is due after it is another one."""
        self.since.pop(lot_id, None)

    def _is_held(self, row: ListingRow) -> bool:
        """Tell whether it is one of the removals that wait for a person's consent (rule B5); nothing else does."""
        return self.stage.connection.removals_held > 0 and tier_of(row, self.stage.shop.facts) is Tier.REMOVAL

    def _is_free(self, connection: ConnectionRow, now: datetime) -> bool:
        paused = max(connection.not_before or now, connection.writes_not_before or now) > now
        begun = connection.enabled and connection.census_reason is None and connection.baseline_at is not None
        agreed = connection.confirmed_at is not None and not connection.halted
        return begun and agreed and not paused and not self.stage.network.key_is_wrong_now()

    def late(self) -> tuple[LotId, timedelta] | None:
        """Find a decrease that waits for too long."""
        now = self.stage.clock.now()
        for lot_id, since in self.since.items():
            if now - since > self.bound(lot_id):
                return lot_id, now - since
        return None

    def overtaken_by(self, intent: Intent) -> LotId | None:
        """Find a decrease that was due when this write, which is none, was intended."""
        write, rows = intent.write, self.stage.store.tables.listings
        if isinstance(write, Remove) or (isinstance(write, Update) and (write.delta < 0 or write.for_sale is False)):
            return None
        for lot_id, since in self.since.items():
            is_overtaken = since < intent.sent_at and lot_id != intent.lot_id
            if is_overtaken and is_due(rows[lot_id], intent.sent_at) and not self._is_held(rows[lot_id]):
                return lot_id
        return None


def is_due(row: ListingRow, now: datetime) -> bool:
    """Tell whether a decrease of this lot, or its hiding, could go by all that the engine knows (rules Q5, B2)."""
    if row.listing_id is None or row.intent_id is not None or row.look_since is not None or row.stale:
        return False
    if row.ledger is None or row.counted_seq < row.recount_seq or (row.not_before is not None and row.not_before > now):
        return False
    return row.target < row.ledger or (row.sent_for_sale and not row.desired.for_sale)
